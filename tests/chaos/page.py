"""The figures of a whole run, and their place in docs/reliability.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.chaos.zygote import ROOT

PAGE = ROOT / "docs" / "reliability.md"
BEGIN = "<!-- written by make chaos -->"
END = "<!-- end of what make chaos writes -->"

_SOAKED = (
    "{cycles:,} passes of one process, {ms_a_cycle} ms each beside the plans, while {rows:,} rows were written:"
    " resident memory {rss_second_kb:,.0f} KB in the second quarter (median), {rss_last_kb:,.0f} KB in the last;"
    " open files {fds_second:.0f} and {fds_last:.0f}."
)


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
        soaked: What `tests.offline.soak` found; empty where it was not run.
    """

    plans: int
    runs: int
    rows: int
    minutes: float
    struck: Mapping[str, int]
    problems: Mapping[str, int]
    soaked: Mapping[str, Any]

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
        if self.soaked.get("flat"):
            lines += ["", _SOAKED.format(**self.soaked)]
        return "\n".join(lines)


def write(figures: Figures) -> None:
    """Puts them between the marks of the page."""
    head, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    tail = rest.split(END)[1]
    PAGE.write_text(f"{head}{BEGIN}\n{figures.text()}\n{END}{tail}", encoding="utf-8")
