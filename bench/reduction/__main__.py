"""`make bench-reduction`: measures the choice of readings, and writes the figures of docs/reduction.md."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.reduction import saving, speed
from tests.harness.kinds import BOUNDS, KINDS

PAGE = Path(__file__).parents[2] / "docs" / "reduction.md"


def main() -> int:
    """Measures and writes all of it."""
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            _write(kind, _savings(saving.measure(Path(folder), kind)))
    _write("bounds", ", ".join(f"`{name}` {bound:g}" for name, bound in BOUNDS.items()))
    _write("speed", _speeds(speed.measure()))
    return 0


def _savings(found: Iterable[saving.Saving]) -> str:
    every: saving.Saving | None = None
    lines = []
    for one in found:
        every = every or one
        lines.append(
            (
                one.form,
                f"{one.readings:,}",
                f"{every.readings / one.readings:.1f}",
                f"{one.documents:,}",
                f"{every.documents / one.documents:.1f}",
                f"{one.megabytes:.2f}",
                f"{every.megabytes / one.megabytes:.1f}",
                "" if one.worst is None else f"{one.worst:.4f}",
                str(one.anomalies),
                f"{one.manifest_kb:.1f}",
            )
        )
    sizes = ("readings", "fewer", "documents", "fewer", "MB", "fewer")
    head = ("form", *sizes, "largest error / bound", "alarms", "kB of manifests")
    return _table(head, lines)


def _speeds(found: Iterable[speed.Speed]) -> str:
    head = ("kind", "sensors", "form", "rows/s", "rows/s of CPU", f"rows/s by {speed.FEW_ROWS}")
    return _table(
        head,
        [
            (one.kind, str(one.sensors), one.form, *(_round(each) for each in (one.page, one.page_cpu, one.few)))
            for one in found
        ],
    )


def _round(value: float) -> str:
    return f"{float(f'{value:.2g}'):,.0f}"


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [head, ["---"] + ["---:"] * (len(head) - 1), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _write(part: str, text: str) -> None:
    """Puts the text between the marks of a part of the page, and shows it."""
    begin, end = f"<!-- {part}: written by make bench-reduction -->", f"<!-- end of {part} -->"
    head, rest = PAGE.read_text(encoding="utf-8").split(begin)
    tail = rest.split(end)[1]
    PAGE.write_text(f"{head}{begin}\n{text}\n{end}{tail}", encoding="utf-8")
    print(f"{part}\n{text}\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
