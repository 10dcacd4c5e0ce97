"""The upstream simulator's table, written as it writes it; one that is there already stays as it is."""

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sensors.errors import SensorsError
from sensors.sensor import Sensor

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
_CREATE = (
    """CREATE TABLE sensor_readings (
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
_NEEDED = ("id", "timestamp", "sensor_id")
SMALL_CACHE_KIB = 512
"""For one row at a time: SQLite keeps every page that it has seen until its cache is full."""
_LARGE_CACHE_KIB = 64_000
# Measured: 50 rows a statement store 2.2 times as many rows a second as one, 500 no more than 50. The 511
# parameters stay below 999, the limit of SQLite before 3.32.
_ROWS_A_STATEMENT = 50


class Table:
    """An open `sensor_readings` of one sensor. Made by `opened`."""

    def __init__(self, connection: sqlite3.Connection, sensor: Sensor, there: Collection[str]) -> None:
        """`there` are the columns of the table; what it has no column for is not stored."""
        self._connection = connection
        self._own = [number for number, name in enumerate(READING_COLUMNS) if name in there]
        shared = {name: value for name, value in _sensor_values(sensor).items() if name in there}
        self._shared = list(shared.values())
        own = [READING_COLUMNS[number] for number in self._own]
        self._insert_one, self._insert_many = (_insert(own, list(shared), rows) for rows in (1, _ROWS_A_STATEMENT))

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
        kept = [columns[number] for number in self._own]
        width = len(kept)
        flat: list[object] = [None] * (width * len(columns[0]))
        for number, column in enumerate(kept):
            flat[number::width] = column
        whole = len(columns[0]) // _ROWS_A_STATEMENT * _ROWS_A_STATEMENT * width
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            if whole:
                many = self._statements(flat, 0, whole, width * _ROWS_A_STATEMENT)
                self._connection.executemany(self._insert_many, many)
            self._connection.executemany(self._insert_one, self._statements(flat, whole, len(flat), width))

    def _statements(self, flat: list[object], begin: int, end: int, step: int) -> Iterator[list[object]]:
        return (self._shared + flat[at : at + step] for at in range(begin, end, step))


@contextmanager
def opened(path: Path, sensor: Sensor, *, recreate: bool = False, cache_kib: int = _LARGE_CACHE_KIB) -> Iterator[Table]:
    """The table at `path`, made when it is not there; closing leaves nothing in a `-wal`.

    A table that is there keeps its columns, fewer or more than ours: rows get values for those that it has.

    Args:
        path: The database file; its folder is made too.
        sensor: Whose rows will be appended.
        recreate: Delete the file with its `-wal`, `-shm` and `-journal` first, as upstream does when it
            starts, so that row ids begin at 1 again.
        cache_kib: Most memory for pages of the file.

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
                f"cache_size=-{cache_kib}",
            ):
                connection.execute(f"PRAGMA {pragma}")
            yield Table(connection, sensor, _columns(connection, path))
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


def _columns(connection: sqlite3.Connection, path: Path) -> set[str]:
    """The table's columns; the table is made when there is none."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")  # of two writers that find none, one makes it
        there = connection.execute("PRAGMA table_info(sensor_readings)").fetchall()
        if not there:
            for statement in _CREATE:
                connection.execute(statement)
            there = connection.execute("PRAGMA table_info(sensor_readings)").fetchall()
    # SQLite takes a name in any case; a key of several columns numbers them.
    keys = {name.lower(): key for _, name, _, _, _, key in there}
    missing = [name for name in _NEEDED if name not in keys]
    if missing or keys["id"] != 1:
        raise SensorsError(
            "write readings",
            path,
            why=f"its table sensor_readings has no {', '.join(missing)}" if missing else "its ids are not its key",
            hint="put the file elsewhere: a sensor continues databases of the simulator alone",
        )
    return set(keys)


def _sensor_values(sensor: Sensor) -> dict[str, object]:
    """Column -> value. Upstream leaves manufacture_date, orientation_degrees, instance_id and sensor_type NULL."""
    return {
        "firmware_version": sensor.firmware_version,
        "model": sensor.model.name,
        "manufacturer": sensor.model.manufacturer,
        "location": sensor.city.name,
        "latitude": sensor.latitude,
        "longitude": sensor.longitude,
        "original_timezone": sensor.city.utc_offset,
        "serial_number": sensor.serial_number,
        "deployment_type": sensor.deployment_type,
        "installation_date": sensor.installation_date,
        "height_meters": sensor.height_m,
    }


def _insert(own: Sequence[str], shared: Sequence[str], rows: int) -> str:
    """An INSERT of that many rows: the sensor's values are the first parameters, shared by all of them."""
    first = range(1, len(shared) + 1)
    next_ = range(len(shared) + 1, len(shared) + len(own) + 1)
    values = (
        "(" + ",".join(f"?{n}" for n in (*(n + row * len(own) for n in next_), *first)) + ")" for row in range(rows)
    )
    names = ", ".join((*own, *shared))
    return f"INSERT INTO sensor_readings ({names}) VALUES {', '.join(values)}"  # noqa: S608 - constants only
