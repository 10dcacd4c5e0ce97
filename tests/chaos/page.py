"""The figures of a whole run, and their place in docs/reliability.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.chaos.zygote import ROOT

PAGE = ROOT / "docs" / "reliability.md"
BEGIN = "<!-- written by make chaos -->"
END = "<!-- end of what make chaos writes -->"


@dataclass(frozen=True)
class Figures:
    """What a run of `make chaos` came to.

    Attributes:
        plans: Carried out.
        runs: Of the processor.
        rows: Written by sensors.
        minutes: It took.
        struck: Fault -> times that it happened.
        problems: Kind -> how many.
    """

    plans: int
    runs: int
    rows: int
    minutes: float
    struck: Mapping[str, int]
    problems: Mapping[str, int]

    def text(self) -> str:
        """As Markdown."""
        found = ", ".join(f"{count} {kind}" for kind, count in self.problems.items())
        struck = sum(self.struck.values())
        amount = f"{self.plans} plans, {self.runs:,} runs, {self.rows:,} rows, {struck:,} faults"
        lines = [
            f"{amount} in {self.minutes:.0f} minutes: {found}.",
            "",
            "| fault | times |",
            "|---|---|",
            *(f"| {name} | {count} |" for name, count in self.struck.items()),
        ]
        return "\n".join(lines)


def write(figures: Figures) -> None:
    """Puts them between the marks of the page."""
    head, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    tail = rest.split(END)[1]
    PAGE.write_text(f"{head}{BEGIN}\n{figures.text()}\n{END}{tail}", encoding="utf-8")
