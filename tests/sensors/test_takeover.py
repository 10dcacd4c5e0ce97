"""Databases of the upstream simulator that are there already: they go on, and nothing in them is lost or changed."""

from __future__ import annotations

import gzip
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sensors.errors import SensorsError
from sensors.simulator import Plan, backfill, database_path, fleet_of, live
from sensors.station import station_of, write

REAL = Path(__file__).resolve().parents[3] / "shared/data/boston.db.gz"
NOW = datetime(2027, 1, 1, tzinfo=UTC)
BEGINS = (
    "id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TEXT NOT NULL, sensor_id TEXT NOT NULL, temperature REAL,"
    " humidity REAL, pressure REAL, vibration REAL, voltage REAL, status_code INTEGER, anomaly_flag INTEGER,"
    " anomaly_type TEXT, firmware_version TEXT, model TEXT, manufacturer TEXT, location TEXT, latitude REAL,"
    " longitude REAL, original_timezone TEXT"
)
LATER = (
    ", serial_number TEXT, manufacture_date TEXT, deployment_type TEXT, installation_date TEXT, height_meters REAL,"
    " orientation_degrees REAL, instance_id TEXT, sensor_type TEXT"
)
SHAPES = {
    "older": BEGINS,
    "more": f"{BEGINS}{LATER}, synced INTEGER NOT NULL DEFAULT 0, note TEXT",
    "older with a column between": BEGINS.replace(" humidity", " owner TEXT, HUMIDITY"),
    "least": "id INTEGER PRIMARY KEY, timestamp TEXT NOT NULL, sensor_id TEXT NOT NULL, temperature REAL",
}
BOSTON = {
    "SENSOR_ID": "BOS_SENSOR001",
    "SENSOR_CITY": "Boston",
    "SENSOR_LATITUDE": "42.3601",
    "SENSOR_LONGITUDE": "-71.0589",
    "SENSOR_UTC_OFFSET_H": "-5",
    "SENSOR_MODEL": "EnvMonitor-3000",
    "SENSOR_MANUFACTURER": "EnviroTech",
    "SENSOR_FIRMWARE": "1.5.0",
    "READINGS_PER_SECOND": "1",
    "ANOMALY_PROBABILITY": "0",
}
SENSOR = fleet_of("boston", 1)[0]

Writer = Callable[[Path], Path]


def by_station(folder: Path) -> Path:
    times = [NOW]

    def sleep(seconds: float) -> None:
        times.append(times[-1] + timedelta(seconds=seconds))

    write(folder, station_of(BOSTON), clock=lambda: times[-1], sleep=sleep, stopped=lambda: len(times) > 60)
    return folder / "sensor_data.db"


def by_live(folder: Path) -> Path:
    live(folder, [SENSOR], clock=lambda: NOW, sleep=lambda _: None, count=60, anomaly_probability=0)
    return database_path(folder, SENSOR.folder, SENSOR.sensor_id)


def by_backfill(folder: Path) -> Path:
    backfill(folder, SENSOR, Plan(NOW, NOW + timedelta(seconds=60), 1, 0))
    return database_path(folder, SENSOR.folder, SENSOR.sensor_id)


WRITERS = {by_station: "sensor_data.db", by_live: None, by_backfill: None}


@pytest.fixture(params=WRITERS, ids=lambda writer: writer.__name__)
def writer(request: pytest.FixtureRequest) -> Writer:
    return request.param


@pytest.fixture
def place(writer: Writer, tmp_path: Path) -> Path:
    """Where the writer will look; its folder is there."""
    path = tmp_path / (WRITERS[writer] or database_path(Path(), SENSOR.folder, SENSOR.sensor_id))
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def content(path: Path) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """All rows with their types, and what the schema says."""
    with closing(sqlite3.connect(path)) as connection:
        schema = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name").fetchall()
        names = [row[1] for row in connection.execute("PRAGMA table_info(sensor_readings)")]
        typed = ", ".join(f"{name}, typeof({name})" for name in names)
        return connection.execute(f"SELECT {typed} FROM sensor_readings ORDER BY id").fetchall(), schema


def column(path: Path, name: str) -> list[object]:
    with closing(sqlite3.connect(path)) as connection:
        return [value for (value,) in connection.execute(f"SELECT {name} FROM sensor_readings ORDER BY id")]


def make(path: Path, columns: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE sensor_readings ({columns})")
        connection.execute("CREATE TABLE other (a)")
        connection.execute("INSERT INTO other VALUES ('kept')")
        rows = [(f"2025-05-01T00:00:{n:02d}.000+00:00", "OLD", n / 7) for n in range(50)]
        insert = "INSERT INTO sensor_readings (timestamp, sensor_id, temperature) VALUES (?, ?, ?)"
        connection.executemany(insert, rows)
        connection.execute("DELETE FROM sensor_readings WHERE id IN (3, 50)")


@pytest.mark.parametrize("shape", SHAPES)
def test_a_table_with_fewer_or_more_columns_goes_on_as_it_is(
    writer: Writer, place: Path, tmp_path: Path, shape: str
) -> None:
    make(place, SHAPES[shape])
    rows, schema = content(place)
    assert writer(tmp_path) == place
    after, schema_after = content(place)
    assert after[: len(rows)] == rows
    assert schema_after == schema
    assert len(after) == len(rows) + 60
    new_ids = column(place, "id")[len(rows) :]
    first = 51 if "AUTOINCREMENT" in SHAPES[shape] else 50
    assert new_ids == list(range(first, first + 60))
    temperatures = column(place, "temperature")[len(rows) :]
    assert all(isinstance(value, float) for value in temperatures)
    for name in ("humidity", "location", "serial_number"):
        if name in SHAPES[shape].lower():
            assert None not in column(place, name)[len(rows) :], name
    if "note" in SHAPES[shape]:
        assert set(column(place, "note")) == {None}
        assert set(column(place, "synced")) == {0}


def test_the_real_file_goes_on_with_its_rows_and_ids(writer: Writer, place: Path, tmp_path: Path) -> None:
    if not REAL.exists():
        pytest.skip(f"NOT TESTED against the upstream simulator: {REAL} is missing")
    place.write_bytes(gzip.decompress(REAL.read_bytes()))
    rows, schema = content(place)
    writer(tmp_path)
    after, schema_after = content(place)
    assert after[: len(rows)] == rows
    assert schema_after == schema
    assert len(after) == len(rows) + 60
    # It was cut to 2,000 rows when it had given 2,203 ids, and none is given twice.
    assert column(place, "id")[len(rows) :] == list(range(2_204, 2_264))
    assert len(rows) == 2_000


def test_rows_that_are_only_in_the_write_ahead_log_of_a_writer_that_was_killed_are_kept(
    writer: Writer, place: Path, tmp_path: Path
) -> None:
    aside = tmp_path / "aside.db"
    with closing(sqlite3.connect(aside)) as killed:
        killed.executescript("PRAGMA journal_mode=WAL; CREATE TABLE open_until_the_end (a)")
        make(aside, SHAPES["older"])
        for suffix in ("", "-wal"):
            place.with_name(place.name + suffix).write_bytes(aside.with_name(aside.name + suffix).read_bytes())
    writer(tmp_path)
    assert column(place, "sensor_id").count("OLD") == 48
    assert len(column(place, "id")) == 108


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ("id INTEGER PRIMARY KEY, sensor_id TEXT", "has no timestamp"),
        ("key INTEGER PRIMARY KEY, at TEXT", "has no id, timestamp, sensor_id"),
        ("id INTEGER, timestamp TEXT, sensor_id TEXT", "its ids are not its key"),
    ],
)
def test_a_table_that_is_none_of_the_simulators_is_refused_and_left(
    writer: Writer, place: Path, tmp_path: Path, columns: str, why: str
) -> None:
    with closing(sqlite3.connect(place)) as connection:
        connection.execute(f"CREATE TABLE sensor_readings ({columns})")
    before = content_of_any(place)
    with pytest.raises(SensorsError, match=why) as caught:
        writer(tmp_path)
    assert str(place) in str(caught.value)
    assert content_of_any(place) == before


def content_of_any(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        schema = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
        return [*schema, *connection.execute("SELECT * FROM sensor_readings").fetchall()]
