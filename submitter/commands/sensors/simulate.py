"""`bacalhau-cosmos sensors simulate`: data to run on, for people without sensors."""
# ruff: noqa: PLC0415 - numpy and sensors are imported when they are used, so that help stays fast

import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from submitter.commands._options import AsOutput
from submitter.commands.sensors._common import NodeFolder, duration_s, request_error
from submitter.commands.sensors._written import show, show_started
from submitter.output import chosen

if TYPE_CHECKING:
    from sensors.simulator import Plan, Sensor, Written

EXAMPLE = (
    "Example: bacalhau-cosmos sensors simulate --city denver --city boston --sensors 4 --days 1 --period 5s "
    "--seed 7 --fault null=10 --fault gap=2"
)


def simulate(
    *,
    city: Annotated[list[str], typer.Option(help="City, known or not; repeat for several.")],
    sensor_count: Annotated[int, typer.Option("--sensors", min=1, max=9999, help="Sensors of each city.")] = 4,
    days: Annotated[float | None, typer.Option(help="Length of the period to fill.", show_default="1")] = None,
    start: Annotated[
        str | None,
        typer.Option(help="Its beginning, RFC 3339, UTC where no zone is given.", show_default="as many days ago"),
    ] = None,
    period: Annotated[
        str | None, typer.Option(help="Between two readings: 500ms, 5s, 1m, 1h.", show_default="5s")
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed makes other weather and other readings.")] = 0,
    data: Annotated[Path, typer.Option(help="Folder of the cities: DATA/<city>/<sensor>/sensor_data.db.")] = Path(
        "data"
    ),
    node_folder: NodeFolder = "",
    live: Annotated[bool, typer.Option("--live", help="Write as time passes, until Ctrl-C.")] = False,
    rate: Annotated[
        float | None, typer.Option(help="With --live: readings a second of each sensor.", show_default="1")
    ] = None,
    count: Annotated[
        int | None, typer.Option(min=1, help="With --live: stop after so many readings of each sensor.")
    ] = None,
    anomaly_probability: Annotated[
        float | None,
        typer.Option(help="Long-run share of readings that an anomaly disturbs, 0 up to 1.", show_default="0.01"),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND=COUNT",
            help="Break so many rows of each database; repeat for several. Kinds: null, nan, text, "
            "bad_timestamp, no_sensor_id, duplicate, gap, clock_back, clock_forward.",
        ),
    ] = None,
    recreate: Annotated[
        bool, typer.Option("--recreate", help="Delete existing databases; row ids begin at 1 again.")
    ] = False,
    output: AsOutput = None,
) -> None:
    """Write the readings of simulated sensors into SQLite databases.

    A past period is filled at once; --live writes the present. An existing database is continued when the
    new readings come after its newest row. The same seed and options give the same rows.
    """
    from sensors.anomalies import DEFAULT_PROBABILITY
    from sensors.layout import below
    from sensors.simulator import Faults, Plan, fleet_of

    _refuse_mixed_modes(
        live=live,
        past={"--days": days, "--start": start, "--period": period},
        present={"--rate": rate, "--count": count},
    )
    faults = Faults.parse(fault or [])
    data = below(node_folder, data)
    how = chosen(output)
    share = DEFAULT_PROBABILITY if anomaly_probability is None else anomaly_probability
    node = Path(node_folder).name
    fleet = [sensor for name in dict.fromkeys(city) for sensor in fleet_of(name, sensor_count, seed, node)]
    if live:
        began = time.monotonic()

        def started(rows: int) -> None:
            if how == "json":
                show_started(fleet, rows, node_folder=node_folder, seconds=time.monotonic() - began)

        written = _live(
            data,
            fleet,
            started=started,
            rate_hz=1.0 if rate is None else rate,
            count=count,
            anomaly_probability=share,
            faults=faults,
            recreate=recreate,
        )
    else:
        period_s = _period_s(period or "5s")
        begin, end = _span(start, 1.0 if days is None else days, period_s)
        written = _backfill(data, fleet, Plan(begin, end, period_s, share, faults), recreate=recreate)
    show(written, how, one_line=live)


def _backfill(data: Path, fleet: "Sequence[Sensor]", plan: "Plan", *, recreate: bool) -> "list[Written]":
    from rich.console import Console
    from rich.progress import Progress

    from sensors.simulator import backfill

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("writing readings", total=len(fleet) * plan.readings)
        return [
            backfill(data, sensor, plan, recreate=recreate, progress=lambda done: bar.advance(task, done))
            for sensor in fleet
        ]


def _live(data: Path, fleet: "Sequence[Sensor]", **how: Any) -> "list[Written]":
    from rich.console import Console

    from sensors.simulator import live

    console = Console(stderr=True)
    if console.is_terminal:
        console.print(f"{len(fleet)} sensors write to {data}; Ctrl-C stops them", markup=False)
    with _stop_signal() as stop:
        return live(
            data,
            fleet,
            clock=lambda: datetime.now(UTC),
            sleep=stop.wait,
            stopped=stop.is_set,
            **how,
        )


@contextmanager
def _stop_signal() -> Iterator[threading.Event]:
    """Ctrl-C and SIGTERM end a live run in order: it has no other end, so they are not an interruption."""
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _refuse_mixed_modes(*, live: bool, past: dict[str, object], present: dict[str, object]) -> None:
    idle = [name for name, value in (past if live else present).items() if value is not None]
    if idle:
        raise request_error(
            "simulate",
            ", ".join(idle),
            why="this is for filling a past period" if live else "this is for --live",
            hint="leave out --live" if live else "add --live",
        )


def _period_s(text: str) -> float:
    from sensors.plan import to_period_ms

    period_s = duration_s(text, "--period")
    to_period_ms(period_s)
    return period_s


def _span(start: str | None, days: float, period_s: float) -> tuple[datetime, datetime]:
    """From `start`, or so that the period ends now, on a whole reading."""
    try:
        length = timedelta(days=days)
        if start is None:
            # A start on the grid of the period, so that a later run can follow without a step.
            now_s = datetime.now(UTC).timestamp()
            begin = datetime.fromtimestamp(now_s // period_s * period_s, UTC) - length
        else:
            begin = datetime.fromisoformat(start)
            begin = begin if begin.tzinfo else begin.replace(tzinfo=UTC)
        return begin, begin + length
    except (ValueError, OverflowError) as exc:
        raise request_error(
            "read the period",
            f"--start {start}, --days {days:g}" if start else f"--days {days:g}",
            why=str(exc),
            hint="for example --start 2026-11-20T00:00:00Z --days 1",
        ) from exc
