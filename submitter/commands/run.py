"""`bacalhau-cosmos run`: one city on this machine, with a report for each pass."""
# ruff: noqa: PLC0415 - processors is imported when it is used, so that help stays fast

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from submitter.commands._options import AsOutput, Assigned, City, Config, Data, Endpoint
from submitter.commands._settings import load_settings
from submitter.commands._stop import stop_signal
from submitter.errors import tell
from submitter.output import chosen, plain, show_pairs

if TYPE_CHECKING:
    from rich.progress import Progress as Display
    from rich.progress import TaskID

    from processors.model import Database
    from processors.pipeline import Taken
    from processors.report import Report
    from processors.world import Progress

EXAMPLE = "Example: bacalhau-cosmos run --city denver --endpoint http://127.0.0.1:8081 --every 30s"


def run(
    *,
    city: City = None,
    data: Data = None,
    state: Annotated[
        Path | None, typer.Option(help="Positions, and what is carried from run to run.", show_default="state")
    ] = None,
    archive: Annotated[Path | None, typer.Option(help="Parquet archive.", show_default="archive")] = None,
    stage: Annotated[
        str | None,
        typer.Option(
            help="How far readings are refined before they leave: raw, schematized, sanitized or aggregated.",
            show_default="sanitized",
        ),
    ] = None,
    every: Annotated[
        str | None,
        typer.Option(help="A pass every so often (30s, 5m, 1h), until Ctrl-C.", show_default="one pass"),
    ] = None,
    ru_budget: Annotated[
        str | None,
        typer.Option(
            help="Request units for this run (5000) or for an hour (5000/h); what is left over waits for the next one.",
            show_default="no end",
        ),
    ] = None,
    endpoint: Endpoint = None,
    assigned: Assigned = None,
    config: Config = None,
    output: AsOutput = None,
) -> None:
    """Take in what is new in a city's databases: to Cosmos DB, and to the Parquet archive.

    The account key is read from COSMOS_KEY; without it this machine's identity is used. Ctrl-C ends the run within
    seconds: a batch that is not done by then is given up. A second one ends it at once. The next run goes on from
    the last batch that is safe.
    """
    from processors.city import passes
    from processors.report import encode
    from processors.world import World

    named = {
        "city": city,
        "data": data,
        "state": state,
        "archive": archive,
        "stage": stage,
        "every": every,
        "ru_budget": ru_budget,
    }
    loaded = load_settings({**named, "endpoint": endpoint}, assigned, config, required=("city", "endpoint"))
    how = chosen(output)
    code = 0
    with stop_signal() as stop, _progress() as (progress, rest):
        for report in passes(loaded.settings, World(stop=stop), progress):
            rest()
            if how == "json":
                typer.echo(encode(report.document()))
            else:
                show_pairs(_lines(report))
            sys.stdout.flush()
            for error in report.errors:
                tell(error)
            code = report.exit_code
    raise typer.Exit(code)


def _lines(report: "Report") -> Iterator[tuple[str, Any]]:
    taken = report.taken
    documents = taken.readings + taken.aggregates + taken.anomalies
    yield "city", report.city
    yield "outcome", report.outcome
    yield "databases", "-" if report.databases is None else report.databases
    yield "rows read", taken.rows
    yield "rows waiting", "-" if report.backlog_rows is None else report.backlog_rows
    yield "documents", documents
    yield "  readings", taken.readings
    yield "  aggregates", taken.aggregates
    yield "  anomalies", taken.anomalies
    yield "rejects", taken.rejected
    for rule, rows in sorted(taken.rejects.items(), key=lambda pair: (-pair[1], pair[0])):
        yield f"  {rule}", rows
    yield "request units", "-" if report.spent.request_units is None else round(report.spent.request_units, 2)
    for (container, operation), charge in report.spent.totals().items():
        if charge.request_units:
            yield f"  {container} {operation}", f"{charge.request_units:,.2f} ({charge.documents:,} documents)"
    if report.planned is not None and report.planned.request_units is not None:
        yield "  planned", round(report.planned.request_units, 2)
    yield "documents/s", round(documents / report.seconds) if report.seconds else "-"
    yield "seconds", round(report.seconds, 3)
    for name, error in report.failures.items():
        yield f"failed {name}", str(error)
    for notice in taken.notices:
        yield "notice", notice


class _Bar:
    """A bar on stderr while a pass goes on: rows of all databases that it has opened, and which has its turn."""

    def __init__(self, display: "Display"):
        self._display = display
        self._task: TaskID | None = None
        self._rows: dict[str, int] = {}
        self._done: Counter[str] = Counter()

    def database(self, database: "Database", expected_rows: int) -> None:
        """See `processors.world.Progress`."""
        self._rows[database.sensor] = self._done[database.sensor] + expected_rows
        total = sum(self._rows.values())
        if self._task is None:
            self._task = self._display.add_task(plain(database.sensor), total=total)
            self._display.start()
        self._display.update(self._task, description=plain(database.sensor), total=total)

    def moving(self) -> None:
        """See `processors.world.Progress`."""

    def batch(self, database: "Database", taken: "Taken") -> None:
        """See `processors.world.Progress`."""
        self._done[database.sensor] += taken.rows
        if self._task is not None:
            self._display.update(self._task, description=plain(database.sensor), completed=self._done.total())

    def rest(self) -> None:
        """The pass is over."""
        if self._task is not None:
            self._display.stop()
            self._display.remove_task(self._task)
            self._task = None
        self._rows.clear()
        self._done.clear()


@contextmanager
def _progress() -> "Iterator[tuple[Progress, Any]]":
    """Who is told how a pass goes, and what to call when it is over."""
    if not sys.stderr.isatty():
        from processors.world import Silent

        yield Silent(), lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, TextColumn
    from rich.progress import Progress as Display
    from rich.text import Text

    class Speed(ProgressColumn):
        def render(self, task: Any) -> Text:
            return Text("" if task.speed is None else f"{task.speed:,.0f} rows/s")

    display = Display(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        Speed(),
        console=Console(stderr=True),
        transient=True,
    )
    bar = _Bar(display)
    try:
        yield bar, bar.rest
    finally:
        bar.rest()
