"""`python -m bench`: tables on stdout, or the same as one JSON document; progress on stderr."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, ParamSpec, TypeVar

from bench import whole
from bench.data import Databases, Shape, database_in
from bench.whole import CAP_MB, Run

P = ParamSpec("P")
T = TypeVar("T")

ROWS = 1_000_000
BIG_ROWS = 10_000_000
PARTS = ("stages", "discard", "emulator", "shapes", "start")

_SMALLEST_ROWS = 20_000
_REPEATS = 3
_REPEATED_UP_TO_ROWS = 100_000


@dataclass(frozen=True)
class Table:
    """What is shown of one measurement: a row is what it is of, then figures."""

    title: str
    columns: Sequence[str]
    rows: Sequence[tuple[str | float, ...]]

    def text(self) -> str:
        """The table in columns; figures to the right."""
        shown = [self.columns, *(tuple(map(_shown, row)) for row in self.rows)]
        widths = [max(len(row[index]) for row in shown) for index in range(len(self.columns))]
        lines = (
            "  ".join(cell.rjust(width) if index else cell.ljust(width) for index, (cell, width) in enumerate(cells))
            for cells in (list(zip(row, widths, strict=True)) for row in shown)
        )
        return "\n".join((self.title, *(f"  {line}".rstrip() for line in lines), ""))

    def document(self) -> dict[str, Any]:
        """The table as a JSON object."""
        return {"title": self.title, "rows": [dict(zip(self.columns, row, strict=True)) for row in self.rows]}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures what was asked for; 1 when a run took more memory than it may."""
    options = _parser().parse_args(arguments)
    peaks: list[Run] = []
    tables: list[Table] = []
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.folder) as folder:
        databases = Databases(Path(folder))
        for table, runs in _tables(databases, options):
            peaks += runs
            tables.append(table)
            if options.output == "table":
                print(table.text(), flush=True)
    if options.output == "json":
        print(json.dumps([table.document() for table in tables], indent=2))
    over = [run for run in peaks if run.peak_mb > CAP_MB]
    for run in over:
        print(f"Error: {run.rows:,} rows took {run.peak_mb:.0f} MB, and may take {CAP_MB} MB", file=sys.stderr)
    return 1 if over else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m bench", description="Speed and memory of each stage and of the whole.")
    parser.add_argument("--rows", type=_rows, default=ROWS, help=f"rows of the largest table (default {ROWS:,})")
    parser.add_argument("--big", action="store_true", help=f"only {ROWS:,} and {BIG_ROWS:,} rows, for peak memory")
    parser.add_argument("--only", choices=PARTS, help="one part of it")
    parser.add_argument("--output", choices=("table", "json"), default="table")
    parser.add_argument("--folder", type=Path, help="where databases are made, 350 MB for a million rows")
    return parser


def _rows(text: str) -> int:
    rows = int(text.replace("_", ""))
    if rows < _SMALLEST_ROWS:
        raise argparse.ArgumentTypeError(f"at least {_SMALLEST_ROWS:,}, one page")
    return rows


def _tables(databases: Databases, options: argparse.Namespace) -> Iterator[tuple[Table, list[Run]]]:
    if options.big:
        yield _big(databases)
        return
    parts: dict[str, Callable[[Databases, int], tuple[Table, list[Run]]]] = {
        "stages": _stages,
        "discard": _discard,
        "emulator": _emulator,
        "shapes": _shapes,
        "start": _start,
    }
    for name in PARTS:
        if options.only in {None, name}:
            yield parts[name](databases, options.rows)


def _stages(databases: Databases, rows: int) -> tuple[Table, list[Run]]:
    data = _made(databases, Shape(rows, sensors=12))
    _progress(f"stages, {rows:,} rows")
    with tempfile.TemporaryDirectory(prefix="stages-", dir=data.parent) as folder:
        command = [sys.executable, "-m", "bench.stages", str(database_in(data)), folder]
        speeds = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    figures = ("median", "least", "best", "cpu_us_a_row")
    raw = speeds[0]["median"]
    return Table(
        f"Each stage alone, pages of 20,000 of {rows:,} rows of 12 sensors: rows a second",
        ("stage", "median", "slowest", "fastest", "CPU us/row", "median to sqlite3"),
        [(speed["stage"], *(speed[name] for name in figures), speed["median"] / raw) for speed in speeds],
    ), []


def _discard(databases: Databases, rows: int) -> tuple[Table, list[Run]]:
    return _sizes("the endpoint that discards", whole.discarded, databases, rows)


def _emulator(databases: Databases, rows: int) -> tuple[Table, list[Run]]:
    return _sizes("the emulator", whole.emulated, databases, rows)


def _sizes(where: str, run_once: Callable[[Path], Run], databases: Databases, rows: int) -> tuple[Table, list[Run]]:
    lines: list[tuple[str | float, ...]] = []
    every: list[Run] = []
    first: Run | None = None
    for size in [*(size for size in (10_000, 100_000) if size < rows), rows]:
        runs = _repeated(run_once, _made(databases, Shape(size, sensors=12)), f"{size:,} rows to {where}")
        first = first or _usual(runs)
        lines.append((f"{size:,} rows", *_figures(runs, first)))
        every += runs
    return Table(f"The whole against {where}, 12 sensors, by number of rows", ("run", *_FIGURES), lines), every


def _shapes(databases: Databases, rows: int) -> tuple[Table, list[Run]]:
    shapes = {
        "1 sensor": Shape(rows),
        "12 sensors": Shape(rows, sensors=12),
        "1,000 sensors": Shape(rows, sensors=1_000),
        "1 sensor, a window a row": Shape(rows, period_s=60.0),
        "1 sensor, 6,000 rows a window": Shape(rows, period_s=0.01),
    }
    lines: list[tuple[str | float, ...]] = []
    every: list[Run] = []
    first: Run | None = None
    for name, shape in shapes.items():
        runs = _repeated(whole.discarded, _made(databases, shape), name)
        first = first or _usual(runs)
        lines.append((name, *_figures(runs, first)))
        every += runs
    return Table(f"The whole, {rows:,} rows, by shape", ("run", *_FIGURES), lines), every


def _big(databases: Databases) -> tuple[Table, list[Run]]:
    runs = []
    for rows in (ROWS, BIG_ROWS):
        data = _made(databases, Shape(rows, sensors=12))
        _progress(f"{rows:,} rows")
        runs.append(whole.discarded(data))
    lines: list[tuple[str | float, ...]] = [(f"{run.rows:,} rows", *_figures([run], runs[0])) for run in runs]
    return Table(f"Peak memory, at most {CAP_MB} MB", ("run", *_FIGURES), lines), runs


def _start(databases: Databases, _: int) -> tuple[Table, list[Run]]:
    data = _made(databases, Shape(1))
    _progress("start")
    start = whole.start(data)
    steps = {
        "interpreter alone": start.interpreter,
        "with all imports": start.imports,
        "whole run of one row": start.one_row,
    }
    lines: list[tuple[str | float, ...]] = [(name, span.seconds, span.cpu_s) for name, span in steps.items()]
    packages: list[tuple[str | float, ...]] = [(f"  importing {name}", s, "") for name, s in start.packages.items()]
    return Table("Start-up", ("from process start", "seconds", "CPU s"), lines + packages), []


_FIGURES = ("documents", "seconds", "documents/s", "to first", "CPU s", "CPU us/document", "peak MB")


def _figures(runs: Sequence[Run], first: Run) -> tuple[float, ...]:
    """Of the usual run, except for memory: that is the most of all."""
    usual = _usual(runs)
    return (
        usual.documents,
        usual.seconds,
        usual.documents_a_second,
        usual.documents_a_second / first.documents_a_second,
        usual.cpu_s,
        usual.cpu_us_a_document,
        max(run.peak_mb for run in runs),
    )


def _usual(runs: Sequence[Run]) -> Run:
    """The run of median duration, of an odd number."""
    middle = median(run.seconds for run in runs)
    return next(run for run in runs if run.seconds == middle)


def _repeated(run_once: Callable[[Path], Run], data: Path, name: str) -> list[Run]:
    runs: list[Run] = []
    while not runs or (len(runs) < _REPEATS and runs[0].rows <= _REPEATED_UP_TO_ROWS):
        _progress(f"{name}, run {len(runs) + 1}")
        runs.append(run_once(data))
    return runs


def _made(databases: Databases, shape: Shape) -> Path:
    _progress(f"database of {shape.rows:,} rows")
    return _apart(databases.data, shape)


def _apart(function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """What the function returns, from a process of its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments, **named).result()


def _progress(text: str) -> None:
    print(f"... {text}", file=sys.stderr, flush=True)


def _shown(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}" if value < 10 else f"{value:.0f}"


if __name__ == "__main__":
    sys.exit(main())
