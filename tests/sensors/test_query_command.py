"""`sensors query`: databases as people ask for them, and Cosmos beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from submitter.commands.sensors import app
from submitter.errors import UsageError
from tests.harness import databases
from tests.harness.databases import readings
from tests.harness.folders import Folders


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    """New York with two sensors, and a third that nobody planned; Oslo likewise."""
    monkeypatch.chdir(tmp_path)
    for name in ("COSMOS_ENDPOINT", "COSMOS_KEY", "COSMOS_DATABASE", "COSMOS_CONTAINER", "MAX_CITIES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SENSORS_PER_CITY", "2")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "cities.txt").write_text("New York\n")
    node = Folders(tmp_path, city="newyork")
    for number, rows in (("1", 30), ("2", 20), ("3", 10)):
        databases.create(node.database(number), readings(rows, sensors=(f"NEW_SENSOR00{number}",)))
    databases.create(node.data / "oslo" / "1" / "sensor_data.db", readings(5, sensors=("OSL\x1b[2J",)))
    return node


def query(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["query", *arguments])


def told(*arguments: str) -> dict[str, Any]:
    result = query(*arguments, "--output", "json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def places(*arguments: str) -> list[str]:
    return [f"{each['folder']}/{each['sensor']}" for each in told(*arguments)["databases"]]


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--all"], ["newyork/1", "newyork/2", "newyork/3", "oslo/1"]),
        (["New York"], ["newyork/1", "newyork/2", "newyork/3"]),
        (["NEWYORK", "2"], ["newyork/2"]),
        (["newyork", "new_sensor003"], ["newyork/3"]),
        (["--sensor-id", "NEW_SENSOR001"], ["newyork/1"]),
        (["oslo"], ["oslo/1"]),
    ],
)
def test_databases_are_asked_for_as_before(arguments: list[str], found: list[str]) -> None:
    assert places(*arguments) == found


@pytest.mark.usefixtures("project")
def test_a_database_is_told_in_full() -> None:
    (held,) = told("newyork", "1")["databases"]
    assert (held["rows"], held["sensorIds"], held["locations"]) == (30, ["NEW_SENSOR001"], ["Denver"])
    assert [row["id"] for row in held["samples"]] == [30, 29, 28, 27, 26]
    assert {"name": "temperature", "type": "REAL", "key": False} in held["columns"]


@pytest.mark.usefixtures("project")
def test_a_table_for_people_moves_no_cursor() -> None:
    result = query("--all", "--output", "table")
    assert result.exit_code == 0
    assert "\x1b" not in result.output
    for word in ("NEW_SENSOR001", "temperature", "OSL\\x1b[2J", "2026-"):
        assert word in result.stdout


@pytest.mark.usefixtures("project")
def test_the_list_names_every_sensor() -> None:
    result = query("--list", "--output", "json")
    assert [(row["city"], row["sensor"], row["sensorId"]) for row in json.loads(result.stdout)][:3] == [
        ("New York", "1", "NEW_SENSOR001"),
        ("New York", "2", "NEW_SENSOR002"),
        ("New York", "3", "NEW_SENSOR003"),
    ]


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["none was named", "New York, oslo"]),
        (["New Yrok"], ["did you mean new york", "New York, oslo"]),
        (["newyork", "NEW_SENSOR01"], ["did you mean NEW_SENSOR001", "--list"]),
        (["newyork", "4"], ["no database is its"]),
        (["--sensor-id", "X"], ["no database is its"]),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(arguments: list[str], words: list[str]) -> None:
    failed = query(*arguments).exception
    assert isinstance(failed, UsageError)
    assert failed.exit_code == 2
    for word in words:
        assert word in f"{failed} {failed.hint}"


def test_without_a_database_there_is_nothing_to_ask(project: Folders) -> None:
    for path in project.data.rglob("*.db"):
        path.unlink()
    failed = query("--all").exception
    assert isinstance(failed, UsageError)
    assert "holds no database" in str(failed)


def test_a_database_that_cannot_be_read_does_not_hide_the_others(project: Folders) -> None:
    project.database("2").write_text("no database")
    found = told("newyork")["databases"]
    assert [each["error"] is None for each in found] == [True, False, True]
    assert "not a SQLite database" in found[1]["error"]
    assert "not a SQLite database" in query("newyork", "--output", "table").stdout


@pytest.mark.usefixtures("project")
def test_without_an_endpoint_one_line_says_so_and_databases_are_shown() -> None:
    result = query("newyork", "1", "--output", "table")
    assert result.exit_code == 0
    assert "COSMOS_ENDPOINT is not set" in result.stderr
    assert "NEW_SENSOR001" in result.stdout
