"""Sensors that write: a past period at once, or the present as it comes.

    from sensors.simulator import Plan, backfill, fleet_of

    for sensor in fleet_of("denver", 4, seed=7):
        backfill(Path("data"), sensor, Plan(start=yesterday, end=today, period_s=5))

The same seed, city, sensor, start, period and number of readings give the same rows, whatever else is made.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

from sensors import anomalies
from sensors.errors import RequestError
from sensors.faults import Faults, placed
from sensors.layout import database_path
from sensors.plan import Plan, check_probability, to_ms, to_period_ms
from sensors.readings import Piece, Readings
from sensors.sensor import Sensor, fleet_of
from sensors.table import SMALL_CACHE_KIB, Table, opened
from sensors.written import Tally, Written

__all__ = ["Faults", "Plan", "Sensor", "Written", "backfill", "database_path", "fleet_of", "live"]

Layout = Callable[[Path, Sensor], Path]
"""The data folder and a sensor -> its database."""

_READINGS_A_TRANSACTION = 20_000  # some 20 MB; the rows do not depend on it


def by_city(data: Path, sensor: Sensor) -> Path:
    """The sensor's database in a folder of cities."""
    return database_path(data, sensor.folder, sensor.sensor_id)


def backfill(
    data: Path,
    sensor: Sensor,
    plan: Plan,
    *,
    recreate: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Written:
    """Write a sensor's readings of a past period, in memory that does not grow with the period.

    An existing database is continued, with its row ids, when the period begins after its newest row.

    Args:
        data: The folder that holds the cities.
        sensor: One of `fleet_of`.
        plan: When, how often, and what goes wrong.
        recreate: Delete an existing database first.
        progress: Told the number of readings done since it was last called.

    Raises:
        RequestError: The period begins before the newest row, or has no room for the faults.
        SensorsError: The database cannot be written.
    """
    readings = _readings(
        sensor,
        plan.faults,
        start_ms=to_ms(plan.start),
        period_ms=to_period_ms(plan.period_s),
        probability=plan.anomaly_probability,
        count=plan.readings,
    )
    path = by_city(data, sensor)
    tally = Tally(path, sensor)
    with opened(path, sensor, recreate=recreate) as table:
        newest = table.newest()
        if newest is not None and newest >= plan.start:
            after = newest + timedelta(milliseconds=readings.period_ms)
            raise RequestError(
                "write readings",
                path,
                why=f"its newest row is of {newest.isoformat()}, not before {plan.start.isoformat()}",
                hint=f"start at {after.isoformat()} or later, or recreate the database",
            )
        for first in range(0, plan.readings, _READINGS_A_TRANSACTION):
            stop = min(first + _READINGS_A_TRANSACTION, plan.readings)
            _store(table, readings.piece(first, stop), tally)
            if progress is not None:
                progress(stop - first)
    return tally.written()


def live(
    data: Path,
    sensors: Sequence[Sensor],
    *,
    clock: Callable[[], datetime],
    sleep: Callable[[float], object],
    stopped: Callable[[], bool] = lambda: False,
    rate_hz: float = 1.0,
    count: int | None = None,
    anomaly_probability: float = anomalies.DEFAULT_PROBABILITY,
    faults: Faults | None = None,
    recreate: bool = False,
    started: Callable[[int], None] = lambda _: None,
    layout: Layout = by_city,
) -> list[Written]:
    """Write readings as their time comes, one row of each sensor after the other.

    Stamps are exactly a period apart. A loop that falls behind catches up without sleeping, and each row is
    committed when it is written. An existing database is continued after its newest row, with its row ids,
    even where that row is ahead of the clock.

    Args:
        data: The folder that holds the cities.
        sensors: Of `fleet_of`, of any cities.
        clock: The present, with a zone.
        sleep: Waits so many seconds, or shorter when the run is to stop.
        stopped: Asked before each reading; True ends the run.
        rate_hz: Readings a second of each sensor, rounded to whole milliseconds between them.
        count: Readings of each sensor, None to go on until stopped.
        anomaly_probability: As in `Plan`.
        faults: As in `Plan`; they are spread over `count`, so they need one.
        recreate: Delete existing databases first.
        started: Told once, when each database has got its first row, how many rows there are by then.
        layout: Where each sensor's database is.

    Raises:
        RequestError: A value is out of range, or faults were asked for without a count.
        SensorsError: A database cannot be written.
    """
    broken = faults or Faults()
    _check_live(rate_hz, count, anomaly_probability, broken)
    period_ms = max(round(1000 / rate_hz), 1)
    began_ms = to_ms(clock())
    runs: list[tuple[Readings, Table, Tally]] = []
    with ExitStack() as tables:
        for sensor in sensors:
            path = layout(data, sensor)
            table = tables.enter_context(opened(path, sensor, recreate=recreate, cache_kib=SMALL_CACHE_KIB))
            newest = table.newest()
            start_ms = began_ms if newest is None else max(began_ms, to_ms(newest) + period_ms)
            readings = _readings(
                sensor,
                broken,
                start_ms=start_ms,
                period_ms=period_ms,
                probability=anomaly_probability,
                count=count or 0,
            )
            runs.append((readings, table, Tally(path, sensor)))
        number = 0
        told = False
        while number != count and not stopped():
            early_ms = began_ms + number * period_ms - to_ms(clock())
            if early_ms > 0:
                # No longer than a period at once, so that a clock set back cannot stop the run.
                sleep(min(early_ms, period_ms) / 1000)
                if stopped():
                    break
            for readings, table, tally in runs:
                _store(table, readings.piece(number, number + 1), tally)
            number += 1
            if not told and (told := all(tally.rows for _, _, tally in runs)):
                started(sum(tally.rows for _, _, tally in runs))
    return [tally.written() for _, _, tally in runs]


def _store(table: Table, piece: Piece, tally: Tally) -> None:
    table.append(piece.columns)
    tally.add(piece)


def _readings(
    sensor: Sensor, broken: Faults, *, start_ms: int, period_ms: int, probability: float, count: int
) -> Readings:
    placement = placed(sensor, broken, start_ms=start_ms, period_ms=period_ms, count=count, probability=probability)
    return Readings(sensor, start_ms, period_ms, probability, placement)


def _check_live(rate_hz: float, count: int | None, probability: float, broken: Faults) -> None:
    check_probability(probability)
    if not 0 < rate_hz <= 1000:
        raise RequestError(
            "write live",
            f"{rate_hz} readings a second",
            why="the rate is above 0 and at most 1000",
            hint="give a rate such as 2",
        )
    if count is not None and count < 1:
        raise RequestError("write live", f"{count} readings", why="that is none", hint="give a count of 1 or more")
    if count is None and any(broken.counts().values()):
        raise RequestError(
            "make faults",
            "live",
            why="faults are spread over a known number of readings",
            hint="give a count",
        )
