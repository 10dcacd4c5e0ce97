"""What is in one sensor's database, in full: every row is read for the counts."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sensors.manager.fleet import Fleet, folder_of
from sensors.manager.look import opening
from sensors.manager.look.databases import TABLE, Found, find, look, quoted

SAMPLES = 5
"""Rows that are shown of each database: the last ones."""

DISTINCT = 50
"""Different values that are listed of a column, at most."""


@dataclass(frozen=True)
class Contents:
    """One database.

    Attributes:
        path: The file.
        size_bytes: Of it and its `-wal`.
        columns: Of the table, each with its `name`, its declared `type`, and whether it is the `key`.
        rows: Counted.
        samples: The last rows, by column, the last one first; bytes are shown as SQL writes them.
        sensor_ids: Different ones, in order; at most `DISTINCT`, as the next.
        locations: Likewise; none where the table has no such column.
    """

    path: Path
    size_bytes: int
    columns: Sequence[dict[str, Any]]
    rows: int
    samples: Sequence[dict[str, Any]]
    sensor_ids: Sequence[str]
    locations: Sequence[str]


def read(path: Path) -> Contents:
    """What is in a database.

    Raises:
        SensorsError: It cannot be read, see `opening.read`, or has no table of readings.
    """
    size_bytes = opening.trace(path).size_bytes
    return opening.read(path, lambda connection: _read(connection, path, size_bytes))


def _read(connection: sqlite3.Connection, path: Path, size_bytes: int) -> Contents:
    connection.execute("BEGIN")  # one moment for all that is asked
    info = connection.execute(f"PRAGMA table_info({TABLE})").fetchall()
    if not info:
        others = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        there = f", it has {', '.join(others)}" if others else " and no other"
        raise opening.unreadable(path, f"it has no table {TABLE}{there}")
    columns = [str(each[1]) for each in info]
    (rows,) = connection.execute(f"SELECT count(*) FROM {TABLE}").fetchone()  # noqa: S608 - constants only
    last = "id" if "id" in columns else "rowid"
    samples = connection.execute(f"SELECT * FROM {TABLE} ORDER BY {last} DESC LIMIT {SAMPLES}")  # noqa: S608 - likewise
    return Contents(
        path=path,
        size_bytes=size_bytes,
        columns=[{"name": each[1], "type": each[2], "key": bool(each[5])} for each in info],
        rows=rows,
        samples=[dict(zip(columns, map(_shown, row), strict=True)) for row in samples],
        sensor_ids=_distinct(connection, "sensor_id", columns),
        locations=_distinct(connection, "location", columns),
    )


def _distinct(connection: sqlite3.Connection, column: str, columns: Sequence[str]) -> list[str]:
    if column not in columns:
        return []
    name = quoted(column)
    sql = f"SELECT DISTINCT {name} FROM {TABLE} WHERE {name} IS NOT NULL ORDER BY 1 LIMIT {DISTINCT}"  # noqa: S608
    return [str(_shown(value)) for (value,) in connection.execute(sql)]


def _shown(value: object) -> object:
    return f"x'{value.hex()}'" if isinstance(value, bytes) else value


@dataclass(frozen=True)
class Known:
    """A database, with the names that people have for it.

    Attributes:
        found: The database.
        city: As people write it; the folder's name where the configuration has it not.
        sensor_id: Of its last row, else of the configuration; None where neither has one.
        planned_id: Of the configuration, None where it has it not.
    """

    found: Found
    city: str
    sensor_id: str | None
    planned_id: str | None


def known(data: Path, fleet: Fleet, now: datetime) -> list[Known]:
    """The databases below a data folder, by city and sensor."""
    plans = {(plan.folder, str(plan.number)): plan.sensor_id for plan in fleet.sensors}
    cities = {city.folder: city.name for city in fleet.cities}
    there = []
    for each in find(data):
        planned = plans.get((each.folder, each.sensor))
        written = look(each.path, (), now).sensor_id
        there.append(Known(each, cities.get(each.folder, each.folder), written or planned, planned))
    return there


def of_city(there: Sequence[Known], city: str) -> list[Known]:
    """Those of a city, as people write it or as its folder is named, in any case."""
    wanted = folder_of(city)
    return [each for each in there if wanted in (folder_of(each.found.folder), folder_of(each.city))]


def of_sensor(there: Sequence[Known], sensor: str) -> list[Known]:
    """Those of a sensor: its number, its folder or its id, in any case."""
    wanted = sensor.casefold()
    return [each for each in there if wanted in map(str.casefold, _names(each))]


def _names(each: Known) -> list[str]:
    return [name for name in (each.found.sensor, each.sensor_id, each.planned_id) if name is not None]
