"""The sensor manager on a real engine: three cities, twelve sensors, each command through the old script's name."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from processors.cosmos import Account
from tests.harness import oracle
from tests.harness.engine import docker
from tests.harness.manager import Manager, labelled, until

pytestmark = pytest.mark.network

OLD_ROWS = 500
CITIES = ("Amsterdam", "New York", "St. John's")
FOLDERS = ("amsterdam", "newyork", "stjohns")
SENSORS = 4
UPLOADED_S = 120.0


@pytest.fixture(scope="module")
def name() -> str:
    return f"test-sensors-{os.getpid()}"


def left_by_the_old_script(folder: Path) -> None:
    """A database of its simulator, without the columns that came later, and an archive; all of it root's."""
    path = folder / "data" / "amsterdam" / "1" / "sensor_data.db"
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(
            "CREATE TABLE sensor_readings (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TEXT NOT NULL, "
            "sensor_id TEXT NOT NULL, temperature REAL, humidity REAL, pressure REAL, vibration REAL, voltage REAL, "
            "status_code INTEGER, anomaly_flag INTEGER, anomaly_type TEXT, firmware_version TEXT, model TEXT, "
            "manufacturer TEXT, location TEXT, latitude REAL, longitude REAL, original_timezone TEXT)"
        )
        rows = ((f"2026-11-20T10:{n // 60:02d}:{n % 60:02d}.000+00:00", 20 + n / 1000) for n in range(OLD_ROWS))
        connection.executemany(
            "INSERT INTO sensor_readings (timestamp, sensor_id, temperature) VALUES (?, 'AMS_SENSOR001', ?)", rows
        )
    archive = folder / "archive" / "amsterdam" / "Amsterdam_AMS_SENSOR001_20250101.parquet"
    archive.parent.mkdir(parents=True)
    archive.write_bytes(b"PAR1 of before")


@pytest.fixture(scope="module")
def started(emulator: str, name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Manager, Account]]:
    """A project that runs: built, composed and started by one command."""
    manager = Manager(tmp_path_factory.mktemp("project"))
    account = Account(emulator, "", name)
    manager.configure(emulator, name, CITIES)
    left_by_the_old_script(manager.folder)
    manager.variables |= {"SENSORS_PER_CITY": str(SENSORS), "UPLOAD_INTERVAL": "5"}
    try:
        manager.run("start", "--project-name", name, "--no-diagnostics")
        yield manager, account
    finally:
        manager.run("cleanup", "--project-name", name, "--yes")


@pytest.fixture
def manager(started: tuple[Manager, Account]) -> Manager:
    return started[0]


@pytest.fixture
def account(started: tuple[Manager, Account]) -> Account:
    return started[1]


def rows(folder: Path) -> int:
    """Of all databases, as they are now."""
    total = 0
    for path in sorted(folder.glob("data/*/*/sensor_data.db")):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            total += connection.execute("SELECT count(*) FROM sensor_readings").fetchone()[0]
    return total


def test_monitor_shows_all_sensors_healthy(manager: Manager) -> None:
    shown = manager.json("monitor", "--once", "--output", "json")
    assert {(each["city"], each["sensorId"]) for each in shown["sensors"]} == {
        (city, f"{folder[:3].upper()}_SENSOR{number:03d}")
        for city, folder in zip(CITIES, FOLDERS, strict=True)
        for number in range(1, SENSORS + 1)
    }
    assert {(each["state"], each["health"]) for each in shown["sensors"]} == {("running", "healthy")}
    assert len(shown["uploaders"]) == len(CITIES)


def test_readings_reach_cosmos(manager: Manager, account: Account) -> None:
    def cities() -> bool:
        return {document["city"] for document in oracle.documents(account, "readings").values()} == set(FOLDERS)

    until(cities, UPLOADED_S, "readings of every city in Cosmos")
    database = next(iter(manager.folder.glob("data/newyork/1/sensor_data.db")))
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        ids = set(connection.execute("SELECT DISTINCT sensor_id, location FROM sensor_readings"))
    assert ids == {("NEW_SENSOR001", "New York")}


def test_a_folder_of_the_old_script_is_taken_over_without_loss(manager: Manager, account: Account) -> None:
    def arrived() -> bool:
        documents = oracle.documents(account, "readings").values()
        old = [each for each in documents if each["city"] == "amsterdam" and each["observedAt"] < "2026-11-21"]
        return {each["rowId"] for each in old} == set(range(1, OLD_ROWS + 1)) and len(old) == OLD_ROWS

    until(arrived, UPLOADED_S, "readings of before in Cosmos")
    database = manager.folder / "data/amsterdam/1/sensor_data.db"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        old = "SELECT count(*), min(id), max(id), sum(temperature) FROM sensor_readings WHERE timestamp < '2026-11-21'"
        assert connection.execute(old).fetchone() == (OLD_ROWS, 1, OLD_ROWS, pytest.approx(10_124.75))
        (new,) = connection.execute("SELECT count(*) FROM sensor_readings WHERE timestamp > '2026-11-21'").fetchone()
        assert new > 0, "it is gone on with"
    (archive,) = manager.folder.glob("archive/amsterdam/*.parquet")
    assert archive.read_bytes() == b"PAR1 of before"


def test_containers_can_do_no_more_than_their_work(name: str) -> None:
    ids = labelled(name)["containers"]
    form = "{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.Config.User}} {{.HostConfig.SecurityOpt}}"
    told = set(docker("inspect", "--format", form, *ids).stdout.splitlines())
    assert told == {"true [ALL] 10001:10001 [no-new-privileges:true]"}


def test_logs_show_one_service_to_its_end(manager: Manager) -> None:
    def said() -> str:
        return manager.run("logs", "uploader-amsterdam", "--no-follow").stdout

    until(lambda: '"kind":"ingest"' in said(), UPLOADED_S, "a report in the uploader's log")
    refused = manager.run("logs", "uploader-amsterdm", check=False)
    assert refused.returncode == 2
    assert "did you mean uploader-amsterdam" in refused.stderr


def test_stop_reset_clean_and_cleanup(manager: Manager, account: Account, name: str) -> None:
    """In order, each on what the one before left."""
    manager.run("stop", "--no-prompt")
    assert not labelled(name)["containers"]
    kept = rows(manager.folder)
    assert kept > 0

    manager.run("reset", "--no-diagnostics")
    shown = manager.json("monitor", "--once", "--output", "json")
    assert {(each["state"], each["health"]) for each in shown["sensors"]} == {("running", "healthy")}
    assert rows(manager.folder) >= kept, "data is gone on with"

    manager.run("stop", "--no-prompt")
    assert oracle.documents(account, "readings")
    manager.run("clean", "--dry-run")
    assert oracle.documents(account, "readings")
    manager.run("clean", "--yes")
    assert not any(
        oracle.documents(account, container) for container in ("readings", "aggregates", "anomalies", "runs")
    )
    assert rows(manager.folder) >= kept, "only documents are deleted"

    manager.run("cleanup", "--yes")
    assert not any(labelled(name).values())
    assert rows(manager.folder) >= kept
