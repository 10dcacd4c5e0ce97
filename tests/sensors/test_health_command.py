import os
import sqlite3
from contextlib import closing

import pytest
from typer.testing import CliRunner

from sensors.errors import RequestError, SensorsError
from submitter.commands.sensors import app

LONG_AGO = (1_700_000_000, 1_700_000_000)


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
