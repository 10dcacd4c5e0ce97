"""The upstream simulator's table, written as it writes it."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sensors.errors import SensorsError
from sensors.sensor import Sensor

FILE_NAME = "sensor_data.db"
READING_COLUMNS = (
    "timestamp",
    "sensor_id",
    "temperature",
    "humidity",
    "pressure",
    "vibration",
    "voltage",
    "status_code",
    "anomaly_flag",
    "anomaly_type",
)
# Upstream leaves the other four (manufacture_date, orientation_degrees, instance_id, sensor_type) NULL.
_SENSOR_COLUMNS = (
    "firmware_version",
    "model",
    "manufacturer",
    "location",
    "latitude",
    "longitude",
    "original_timezone",
    "serial_number",
    "deployment_type",
    "installation_date",
    "height_meters",
)
_CREATE = (
    """CREATE TABLE IF NOT EXISTS sensor_readings (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        timestamp TEXT NOT NULL,
        sensor_id TEXT NOT NULL,
        temperature REAL,
        humidity REAL,
        pressure REAL,
        vibration REAL,
        voltage REAL,
        status_code INTEGER,
        anomaly_flag INTEGER DEFAULT 0,
        anomaly_type TEXT,
        firmware_version TEXT,
        model TEXT,
        manufacturer TEXT,
        location TEXT,
        latitude REAL,
        longitude REAL,
        original_timezone TEXT,
        serial_number TEXT,
        manufacture_date TEXT,
        deployment_type TEXT,
        installation_date TEXT,
        height_meters REAL,
        orientation_degrees REAL,
        instance_id TEXT,
        sensor_type TEXT
    )""",
    "CREATE INDEX IF NOT EXISTS idx_timestamp ON sensor_readings(timestamp)",
    "CREATE INDEX IF NOT EXISTS idx_sensor_id ON sensor_readings(sensor_id)",
)
# Measured: 50 rows a statement store 2.2 times as many rows a second as one, 500 no more than 50. The 511
# parameters stay below 999, the limit of SQLite before 3.32.
_ROWS_A_STATEMENT = 50


def database_path(data: Path, city: str, sensor_id: str) -> Path:
    """Where a sensor's readings are: `data/<city>/<sensor>/sensor_data.db`, the city as written."""
    return data / city / sensor_id / FILE_NAME


class Table:
    """An open `sensor_readings` of one sensor. Made by `opened`."""

    def __init__(self, connection: sqlite3.Connection, sensor: Sensor) -> None:
        self._connection = connection
        self._sensor_values = _sensor_values(sensor)

    def newest(self) -> datetime | None:
        """The time of the newest row that has a readable one, None for an empty table."""
        for (stamp,) in self._connection.execute("SELECT timestamp FROM sensor_readings ORDER BY id DESC"):
            try:
                at = datetime.fromisoformat(stamp)
            except (TypeError, ValueError):
                continue
            return at if at.tzinfo else at.replace(tzinfo=UTC)
        return None

    def append(self, columns: Sequence[Sequence[object]]) -> None:
        """Store rows, given as one sequence for each of `READING_COLUMNS`, all of them or none."""
        width = len(READING_COLUMNS)
        flat: list[object] = [None] * (width * len(columns[0]))
        for number, column in enumerate(columns):
            flat[number::width] = column
        whole = len(columns[0]) // _ROWS_A_STATEMENT * _ROWS_A_STATEMENT * width
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(_INSERT_MANY, self._statements(flat, 0, whole, width * _ROWS_A_STATEMENT))
            self._connection.executemany(_INSERT_ONE, self._statements(flat, whole, len(flat), width))

    def _statements(self, flat: list[object], begin: int, end: int, step: int) -> Iterator[list[object]]:
        return (self._sensor_values + flat[at : at + step] for at in range(begin, end, step))


@contextmanager
def opened(path: Path, sensor: Sensor, *, recreate: bool = False) -> Iterator[Table]:
    """The table at `path`, made when it is not there; closing leaves nothing in a `-wal`.

    Args:
        path: The database file; its folder is made too.
        sensor: Whose rows will be appended.
        recreate: Delete the file with its `-wal`, `-shm` and `-journal` first, as upstream does when it
            starts, so that row ids begin at 1 again.

    Raises:
        SensorsError: The folder or the file cannot be written, or the file is not such a database.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if recreate:
            for suffix in ("", "-wal", "-shm", "-journal"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
        connection = sqlite3.connect(path, timeout=5.0, isolation_level=None)
        try:
            for pragma in (
                "journal_mode=WAL",
                "synchronous=NORMAL",
                "temp_store=MEMORY",
                "cache_size=-64000",
            ):
                connection.execute(f"PRAGMA {pragma}")
            for statement in _CREATE:
                connection.execute(statement)
            yield Table(connection, sensor)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.close()
    except (OSError, sqlite3.Error) as exc:
        raise SensorsError(
            "write readings",
            path,
            why=str(exc),
            hint="check that the folder can be written and has room and that no other writer holds the file; "
            "recreate the database when the file is not one",
        ) from exc


def _sensor_values(sensor: Sensor) -> list[object]:
    """In the order of `_SENSOR_COLUMNS`."""
    return [
        sensor.firmware_version,
        sensor.model.name,
        sensor.model.manufacturer,
        sensor.city.name,
        sensor.latitude,
        sensor.longitude,
        sensor.city.utc_offset,
        sensor.serial_number,
        sensor.deployment_type,
        sensor.installation_date,
        sensor.height_m,
    ]


def _insert(rows: int) -> str:
    """An INSERT of that many rows: the sensor's values are parameters 1 to 11, shared by all of them."""
    shared = range(1, len(_SENSOR_COLUMNS) + 1)
    own = range(len(_SENSOR_COLUMNS) + 1, len(_SENSOR_COLUMNS) + len(READING_COLUMNS) + 1)
    values = (
        "(" + ",".join(f"?{n}" for n in (*(n + row * len(own) for n in own), *shared)) + ")" for row in range(rows)
    )
    names = ", ".join((*READING_COLUMNS, *_SENSOR_COLUMNS))
    return f"INSERT INTO sensor_readings ({names}) VALUES {', '.join(values)}"  # noqa: S608 - constants only


_INSERT_ONE = _insert(1)
_INSERT_MANY = _insert(_ROWS_A_STATEMENT)
