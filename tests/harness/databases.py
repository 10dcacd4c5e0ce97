"""The table that sensors write, made and broken with plain sqlite3."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

Row = dict[str, Any]

START = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)

UPSTREAM = """timestamp TEXT NOT NULL, sensor_id TEXT NOT NULL, temperature REAL, humidity REAL, pressure REAL,
    vibration REAL, voltage REAL, status_code INTEGER, anomaly_flag INTEGER, anomaly_type TEXT, firmware_version TEXT,
    model TEXT, manufacturer TEXT, location TEXT, latitude REAL, longitude REAL, original_timezone TEXT,
    serial_number TEXT, manufacture_date TEXT, deployment_type TEXT, installation_date TEXT, height_meters REAL,
    orientation_degrees REAL, instance_id TEXT, sensor_type TEXT"""
"""Columns after the id, as the upstream simulator declares them."""

AUTO = "id INTEGER PRIMARY KEY AUTOINCREMENT"
PLAIN = "id INTEGER PRIMARY KEY"


def readings(
    count: int,
    *,
    seed: int = 1,
    start: datetime = START,
    step_s: float = 7.0,
    sensors: Sequence[str] = ("s1",),
    **more: Any,
) -> list[Row]:
    """Plausible rows with a wild value now and then, sensors in turn; the same for the same arguments."""
    dice = random.Random(f"{seed}-{step_s}-{sensors}")
    rows = []
    for number in range(count):
        at = start + timedelta(seconds=step_s * number)
        wild = dice.random() < 0.03
        rows.append(
            {
                "timestamp": at.isoformat(timespec="milliseconds"),
                "sensor_id": sensors[number % len(sensors)],
                "temperature": round(dice.gauss(21, 0.4) + 70 * wild, 3),
                "humidity": round(dice.gauss(45, 2), 3),
                "pressure": round(dice.gauss(101_325, 40), 3),
                "vibration": None if dice.random() < 0.05 else round(dice.gauss(1, 0.1), 4),
                "voltage": round(dice.gauss(3.3, 0.02), 4),
                "status_code": 0,
                "firmware_version": "1.4",
                "model": " EnvMonitor ",
                "location": "Denver",
                "latitude": 39.739236,
                "longitude": -104.990251,
                "original_timezone": "+00:00",
                **more,
            }
        )
    return rows


def create(path: Path, rows: Iterable[Row] = (), *, id_column: str = AUTO, columns: str = UPSTREAM) -> Path:
    """A new database with these rows; whatever was at the path is deleted first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    remove(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"CREATE TABLE sensor_readings ({id_column}, {columns})")
    append(path, rows)
    return path


def append(path: Path, rows: Iterable[Row]) -> None:
    """Rows as a writer adds them: it lets the table give the ids, unless a row has one."""
    with closing(sqlite3.connect(path)) as connection, connection:
        insert(connection, rows)


def insert(connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
    for row in rows:
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        connection.execute(f"INSERT INTO sensor_readings ({names}) VALUES ({marks})", tuple(row.values()))


def execute(path: Path, *statements: str) -> None:
    """Statements one by one, each in a transaction of its own."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def copy(path: Path, target: Path) -> Path:
    """A copy of a database that nobody has open."""
    target.parent.mkdir(parents=True, exist_ok=True)
    remove(target)
    shutil.copyfile(path, target)
    return target


def remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def power_cut(path: Path, target: Path, rows: Iterable[Row]) -> Path:
    """What a power cut leaves of a database to which rows were just written: `-wal` with content, no `-shm`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        with writer:
            insert(writer, rows)
        remove(target)
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{path}{suffix}", f"{target}{suffix}")
    return target
