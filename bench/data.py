"""Databases to measure on: the same simulated readings in any number, dealt out to any number of sensors."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sensors.simulator import Plan, backfill, fleet_of

CITY = "bench"
TABLE = "sensor_readings"

_START = datetime(2026, 1, 1, tzinfo=UTC)
_SEED = 7
_PERIOD_S = 5.0
_SPARE = 1.02
"""Readings to ask the simulator for, for each row wanted: it leaves some out, as sensors do."""


@dataclass(frozen=True)
class Shape:
    """What a table looks like; tables of equal `rows` hold the same measured values.

    Attributes:
        rows: Readings, exactly.
        sensors: How many take turns, so that each writes one row in so many.
        period_s: From one reading of a sensor to its next, in whole milliseconds.
    """

    rows: int
    sensors: int = 1
    period_s: float = _PERIOD_S

    @property
    def name(self) -> str:
        """Unique for the shape, and fit for a folder."""
        return f"{self.rows}-{self.sensors}-{self.period_s:g}"


class Databases:
    """Data folders of one city and one database, each made once and kept in a folder of the run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def data(self, shape: Shape) -> Path:
        """The folder to give to a run as its data."""
        data = self._folder / shape.name
        if not data.exists():
            _deal(self._simulated(shape.rows), database_in(data), shape)
        return data

    def _simulated(self, rows: int) -> Path:
        """One sensor's readings in sequence: at least so many."""
        data = self._folder / f"simulated-{rows}"
        (sensor,) = fleet_of(CITY, 1, _SEED)
        if not data.exists():
            period = timedelta(seconds=_PERIOD_S * (int(rows * _SPARE) + 1_000))
            backfill(data, sensor, Plan(_START, _START + period, _PERIOD_S))
        return data / CITY / sensor.sensor_id / "sensor_data.db"


def database_in(data: Path) -> Path:
    """The one database of a data folder."""
    return data / CITY / "dealt" / "sensor_data.db"


def _deal(simulated: Path, path: Path, shape: Shape) -> None:
    """A table with the same values, where each sensor goes on with a stretch of them of its own."""
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("ATTACH ? AS simulated", (str(simulated),))
        statements = dict(connection.execute("SELECT name, sql FROM simulated.sqlite_master WHERE sql IS NOT NULL"))
        connection.execute(statements.pop(TABLE))
        columns = [name for (name,) in connection.execute("SELECT name FROM pragma_table_info(?)", (TABLE,))]
        taken = {
            "id": "turn.id",
            "timestamp": "strftime('%Y-%m-%dT%H:%M:%f+00:00',"
            " (:start_ms + (turn.id - 1) / :sensors * :period_ms) / 1000.0, 'unixepoch')",
            "sensor_id": "printf('%s-%04d', value.sensor_id, (turn.id - 1) % :sensors + 1)",
        }
        connection.execute("BEGIN")
        connection.execute(
            f"INSERT INTO main.{TABLE} SELECT {', '.join(taken.get(name, f'value.{name}') for name in columns)}"
            f" FROM simulated.{TABLE} AS turn CROSS JOIN simulated.{TABLE} AS value"
            " ON value.id = (turn.id - 1) % :sensors * (:rows / :sensors) + (turn.id - 1) / :sensors + 1"
            " WHERE turn.id <= :rows ORDER BY turn.id",
            {
                "start_ms": int(_START.timestamp() * 1000),
                "period_ms": round(shape.period_s * 1000),
                "sensors": shape.sensors,
                "rows": shape.rows,
            },
        )
        connection.execute("COMMIT")
        for name, statement in statements.items():
            if name.startswith("idx_"):
                connection.execute(statement)
        connection.execute("PRAGMA journal_mode = WAL")
