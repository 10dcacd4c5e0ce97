import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sensors.errors import RequestError, SensorsError
from submitter.commands.sensors import app

LONG_AGO = (1_700_000_000, 1_700_000_000)
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch):
    for name in ("COSMOS_NODE_FOLDER", "READINGS_PER_SECOND"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def database(tmp_path, monkeypatch):
    """An old database at its place below the working folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "data" / "denver" / "one" / "sensor_data.db"
    path.parent.mkdir(parents=True)
    path.touch()
    os.utime(path, LONG_AGO)
    return path


def health(*arguments):
    return CliRunner().invoke(app, ["health", *arguments])


def test_a_database_written_lately_is_well(database):
    os.utime(database)
    result = health()
    assert result.exit_code == 0
    assert "data/denver/one/sensor_data.db was written" in result.stdout


def test_one_that_writes_is_enough(database):
    other = database.parents[2] / "boston" / "two" / database.name
    other.parent.mkdir(parents=True)
    other.touch()
    assert "boston" in health().stdout


def test_rows_that_are_only_in_the_write_ahead_log_count(database):
    with closing(sqlite3.connect(database)) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        os.utime(database, LONG_AGO)
        writer.execute("CREATE TABLE t (a)")
        assert database.stat().st_mtime == LONG_AGO[1]
        assert health("--within", "1m").exit_code == 0


def test_a_database_that_is_old_is_not(database):
    failed = health().exception
    assert isinstance(failed, SensorsError)
    assert failed.exit_code == 1
    assert str(database.relative_to(database.parents[3])) in str(failed)
    assert " s ago" in str(failed)


@pytest.mark.usefixtures("database")
def test_the_limit_is_asked_for():
    assert health("--within", "1000000h").exit_code == 0


def test_no_database_is_not_well(tmp_path):
    failed = health("--data", str(tmp_path)).exception
    assert isinstance(failed, SensorsError)
    assert "no database" in str(failed)


def test_the_folder_of_a_node_holds_the_data_folder(database, monkeypatch):
    os.utime(database)
    monkeypatch.chdir(database.parents[4])
    monkeypatch.setenv("COSMOS_NODE_FOLDER", database.parents[3].name)
    assert health().exit_code == 0


@pytest.mark.parametrize("within", ["5", "soon", ""])
def test_a_limit_that_is_no_time_is_refused(within):
    failed = health("--within", within).exception
    assert isinstance(failed, RequestError)
    assert "--within" in str(failed)


def test_the_database_of_a_sensor_that_has_the_folder_to_itself_counts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    path = tmp_path / "data/sensor_data.db"
    path.touch()
    assert "data/sensor_data.db was written" in health().stdout
    os.utime(path, LONG_AGO)
    assert isinstance(health().exception, SensorsError)


@pytest.mark.parametrize(
    ("readings_per_second", "ago_s", "well"),
    [
        ("1", 290, True),
        ("1", 310, False),
        ("0.001", 2_900, True),
        ("0.001", 3_100, False),
        ("0", 310, False),
        ("often", 310, False),
        ("", 290, True),
    ],
)
def test_a_sensor_that_reads_seldom_may_write_seldom(database, monkeypatch, readings_per_second, ago_s, well):
    monkeypatch.setenv("READINGS_PER_SECOND", readings_per_second)
    os.utime(database, (time.time() - ago_s,) * 2)
    assert (health().exit_code == 0) == well
    assert (directly().returncode == 0) == well


def directly(*arguments, **environment):
    """As the image's health check asks."""
    return subprocess.run(
        [sys.executable, *(arguments or ("-m", "sensors.health"))],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_image_asks_the_same_without_a_command_line(database):
    os.utime(database)
    well = directly()
    assert (well.returncode, well.stdout) == (0, health().stdout)
    os.utime(database, LONG_AGO)
    failed, error = directly(), health().exception
    assert failed.returncode == 1
    assert failed.stderr.split(":")[:3] == f"Error: {error}".split(":")[:3]
    assert failed.stderr.endswith(f"Try: {error.hint}\n")


def test_the_image_asks_in_the_folder_of_a_node_and_not_outside(database, monkeypatch):
    os.utime(database)
    monkeypatch.chdir(database.parents[4])
    assert directly(COSMOS_NODE_FOLDER=database.parents[3].name).returncode == 0
    assert directly().returncode == 1
    outside = directly(COSMOS_NODE_FOLDER=str(database.parents[3]))
    assert outside.returncode == 2
    assert "not below the working folder" in outside.stderr


def test_what_the_image_asks_moves_no_cursor(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "data/den\x1b[2Jver/one/sensor_data.db"
    path.parent.mkdir(parents=True)
    path.touch()
    os.utime(path, LONG_AGO)
    assert "den\\x1b[2Jver" in directly().stderr
    os.utime(path)
    assert "den\\x1b[2Jver" in directly().stdout


@pytest.mark.usefixtures("database")
def test_what_the_image_asks_is_cheap():
    heavy = "{'numpy', 'sqlite3', 'typer', 'pydantic', 'argparse', 'datetime', 'submitter', 'sensors.simulator'}"
    program = f"import sys; from sensors.health.__main__ import main; main(); print(*({heavy} & sys.modules.keys()))"
    assert directly("-c", program).stdout.split() == []
