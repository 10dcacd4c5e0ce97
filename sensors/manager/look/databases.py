"""One look at a sensor's database: how far it reaches, how fast it grows, and what of it waits to be taken in.

What is told costs a few lookups by id, whatever the table has grown to.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sensors.errors import SensorsError
from sensors.layout import FILE_NAME
from sensors.manager.look import opening

TABLE = "sensor_readings"

_LATELY = timedelta(minutes=1)
_LATEST_IDS = 64
_WIDER = 4


@dataclass(frozen=True)
class Found:
    """A database below the data folder.

    Attributes:
        folder: Of the city.
        sensor: Folder below it.
        path: The file.
    """

    folder: str
    sensor: str
    path: Path


@dataclass(frozen=True)
class Taken:
    """A life of a database, as far as it has been taken in.

    Attributes:
        position: Largest row id taken in.
        last: The row of that id as it was, by column; None before the first.
        taken_at: When rows of it were last taken in.
        rejects: Of all its rows that were taken in; None where nobody counted them, as the next two.
        anomalies: Alarms that they raised.
        files: Written into the archive.
        whole: Whether these three were counted from its first row on.
    """

    position: int
    last: Mapping[str, object] | None = None
    taken_at: datetime | None = None
    rejects: int | None = None
    anomalies: int | None = None
    files: int | None = None
    whole: bool = True


@dataclass(frozen=True)
class Look:
    """What one database says.

    Attributes:
        size_bytes: Of the file and its `-wal`; None where there is none.
        rows: By the first and the last id: at most, for ids may have gaps. None where it cannot be read, as the rest.
        rows_per_second: Over the shortest of a few stretches up to now that is a minute long, or all there is.
        newest: Time of the last row whose time is readable; without a zone it counts as UTC.
        sensor_id: Of the last row.
        backlog_rows: Those not taken in, at most.
        lag_s: From the newest row that was taken in to the newest row.
        why: It cannot be read; None when it was.
    """

    size_bytes: int | None = None
    rows: int | None = None
    rows_per_second: float | None = None
    newest: datetime | None = None
    sensor_id: str | None = None
    backlog_rows: int | None = None
    lag_s: float | None = None
    why: str | None = None


NOTHING = Look()
"""Of a sensor that has no database."""


def find(data: Path) -> list[Found]:
    """The databases below a data folder, by city and sensor; none where there is no folder.

    A sensor's folder without a database is none yet. Folders that cannot be entered are left out.
    """
    found = []
    for city in _folders(data):
        for sensor in _folders(data / city):
            path = data / city / sensor / FILE_NAME
            if path.exists():
                found.append(Found(city, sensor, path))
    return found


def look(path: Path, taken: Sequence[Taken], now: datetime) -> Look:
    """What the database says; also when it cannot be read.

    Args:
        path: The file.
        taken: Its lives as they were taken in, oldest first.
        now: The present, with a zone.
    """
    try:
        size_bytes = opening.trace(path).size_bytes
    except SensorsError as error:
        return Look(why=error.why)
    try:
        return opening.read(path, lambda connection: _look(connection, size_bytes, taken, now))
    except SensorsError as error:
        return Look(size_bytes, why=error.why)


def columns_of(connection: sqlite3.Connection, table: str = TABLE) -> list[str]:
    """Names, in order; none where there is no such table."""
    return [name for _, name, *_ in connection.execute(f"PRAGMA table_info({quoted(table)})")]


def quoted(name: str) -> str:
    """A name as SQLite takes it, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def instant(stamp: object) -> datetime | None:
    """A row's time; None where it is none."""
    try:
        at = datetime.fromisoformat(str(stamp))
    except ValueError:
        return None
    try:
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        return None


class _Table:
    """The readings of one database, whatever columns they have."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.columns = columns_of(connection)
        key = "id" if "id" in self.columns else "rowid"
        stamp = "timestamp" if "timestamp" in self.columns else "NULL"
        sensor = "sensor_id" if "sensor_id" in self.columns else "NULL"
        self._row = f"SELECT {key}, {stamp}, {sensor} FROM {TABLE}"  # noqa: S608 - constants only, as below
        self._key = key

    def extent(self) -> tuple[int, int] | None:
        """First and last id, None for an empty table; two statements, for SQLite seeks only one end in each."""
        (first,) = self._connection.execute(f"SELECT min({self._key}) FROM {TABLE}").fetchone()  # noqa: S608
        (last,) = self._connection.execute(f"SELECT max({self._key}) FROM {TABLE}").fetchone()  # noqa: S608
        return (first, last) if isinstance(first, int) and isinstance(last, int) else None

    def latest(self) -> list[tuple[int, object, object]]:
        """Id, time and sensor of the last rows, the last one first."""
        return self._connection.execute(f"{self._row} ORDER BY 1 DESC LIMIT {_LATEST_IDS}").fetchall()

    def before(self, row_id: int) -> tuple[int, object, object] | None:
        """The row of that id, or the next one below."""
        found: tuple[int, object, object] | None = self._connection.execute(
            f"{self._row} WHERE {self._key} <= ? ORDER BY 1 DESC LIMIT 1", (row_id,)
        ).fetchone()
        return found


def _look(connection: sqlite3.Connection, size_bytes: int, taken: Sequence[Taken], now: datetime) -> Look:
    connection.execute("BEGIN")  # one moment for all that is asked
    table = _Table(connection)
    if not table.columns:
        return Look(size_bytes, why=f"it has no table {TABLE}")
    extent = table.extent()
    if extent is None:
        return Look(size_bytes, rows=0, backlog_rows=0)
    first, last = extent
    latest = table.latest()
    newest = next((at for _, stamp, _ in latest if (at := instant(stamp)) is not None), None)
    life = _life(table, taken, first, last)
    position = first - 1 if life is None else max(life.position, first - 1)
    return Look(
        size_bytes=size_bytes,
        rows=last - first + 1,
        rows_per_second=_rows_per_second(table, first, last, now),
        newest=newest,
        sensor_id=None if latest[0][2] is None else str(latest[0][2]),
        backlog_rows=max(0, last - position),
        lag_s=_lag_s(life, newest, last),
    )


def _life(table: _Table, taken: Sequence[Taken], first: int, last: int) -> Taken | None:
    """The life that the table's rows go on from; None for a table of which nothing was taken in.

    It is known by the last row that was taken in. Where that row has been deleted, with all before it, the
    newest life goes on; where it is another row, or the table ends before it, the table is another one. The
    next pass looks closer.
    """
    for life in reversed(taken):
        row = table.before(life.position)
        if life.last is not None and row is not None and row[0] == life.position and _is(life.last, row):
            return life
    newest = taken[-1] if taken else None
    return newest if newest is not None and newest.position < first <= last else None


def _is(known: Mapping[str, object], row: tuple[int, object, object]) -> bool:
    pairs = zip(("timestamp", "sensor_id"), row[1:], strict=True)
    return all(name not in known or value is None or known[name] == value for name, value in pairs)


def _lag_s(life: Taken | None, newest: datetime | None, last: int) -> float | None:
    if life is None or newest is None or life.last is None:
        return None
    if life.position >= last:
        return 0.0
    at = instant(life.last.get("timestamp"))
    return None if at is None else max(0.0, (newest - at).total_seconds())


def _rows_per_second(table: _Table, first: int, last: int, now: datetime) -> float | None:
    """None where no row of the stretch says when it was, or it says a time to come."""
    ids, at = _LATEST_IDS, None
    while True:
        row = table.before(max(first, last - ids))
        at = instant(row[1]) if row else None
        if row is None or row[0] <= first or (at is not None and now - at >= _LATELY):
            break
        ids *= _WIDER
    if row is None or at is None or now <= at:
        return None
    return (last - row[0]) / (now - at).total_seconds()


def _folders(parent: Path) -> list[str]:
    try:
        with os.scandir(parent) as entries:
            return sorted((entry.name for entry in entries if entry.is_dir()), key=_by_number)
    except OSError:
        return []


def _by_number(name: str) -> tuple[int, str]:
    """2 comes before 10, and names after numbers."""
    return (int(name), "") if name.isascii() and name.isdigit() and len(name) < 19 else (2**63, name)
