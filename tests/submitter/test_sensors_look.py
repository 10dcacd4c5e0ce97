"""`sensors monitor` and `sensors query` beside what was uploaded: positions, archive, and documents in Cosmos."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from processors.cosmos import Account
from submitter.commands.sensors import app
from tests.harness import databases, oracle, processor
from tests.harness.databases import readings
from tests.harness.node import Node


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    """Two sensors planned for New York, whose working folder this is; no engine answers."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    for name in ("COSMOS_ENDPOINT", "COSMOS_KEY", "COSMOS_DATABASE", "COSMOS_CONTAINER", "MAX_CITIES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SENSORS_PER_CITY", "2")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "cities.txt").write_text("New York\n")
    return Node(tmp_path, city="newyork")


def told(*arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, [*arguments, "--output", "json"])
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def filled(node: Node, rows: int = 40) -> Path:
    """A database of one sensor with two rows that are rejects."""
    mixed = readings(rows, sensors=("NEW_SENSOR001",))
    mixed[10]["timestamp"] = "yesterday"
    mixed[20]["temperature"] = "broken"
    return databases.create(node.database("1"), mixed)


def test_what_was_taken_in_and_what_waits(project: Node) -> None:
    path = filled(project)
    before = told("monitor", "--once")["sensors"][0]
    assert (before["database"]["rows"], before["backlogRows"], before["lastUploadAt"]) == (40, 40, None)
    project.run()
    last = readings(40)[-1]["timestamp"]
    databases.append(path, readings(5, start=datetime.fromisoformat(last) + timedelta(seconds=7)))
    after = told("monitor", "--once")
    sensor = after["sensors"][0]
    assert (sensor["planned"], sensor["sensorId"], sensor["service"]) == (True, "NEW_SENSOR001", "sensor-newyork-1")
    assert (sensor["database"]["rows"], sensor["backlogRows"], sensor["uploadLagSeconds"]) == (45, 5, 35.0)
    assert sensor["rejects"] == len(oracle.rejects(project.archive)) == 2
    assert sensor["anomalies"] == len(project.memory.contents["anomalies"])
    assert sensor["archiveFiles"] == len(list(project.archive.glob("city=*/**/*.parquet")))
    assert sensor["lastUploadAt"] is not None
    assert after["uploaders"][0]["lastUploadAt"] == sensor["lastUploadAt"]
    assert after["totals"]["backlogRows"] == 5


def test_a_checkpoint_that_cannot_be_read_leaves_the_rest(project: Node) -> None:
    filled(project)
    project.run()
    databases.execute(project.checkpoint, "UPDATE branch SET position = 7")
    sensor = told("monitor", "--once")["sensors"][0]
    assert (sensor["database"]["rows"], sensor["lastUploadAt"]) == (40, None)
    assert any("what was uploaded is not known" in line for line in told("monitor", "--once")["unknown"])


def test_documents_in_cosmos_are_told_beside_the_rows(
    project: Node, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    databases.create(project.database("1"), readings(30, sensors=("NEW_SENSOR001",)))
    assert processor.run(project, account).code == 0
    databases.append(project.database("1"), readings(4, seed=2, sensors=("NEW_SENSOR001",)))
    monkeypatch.setenv("COSMOS_ENDPOINT", account.endpoint)
    monkeypatch.setenv("COSMOS_DATABASE", account.database)
    found = told("query", "newyork", "1")
    assert found["cosmosError"] is None
    (held,) = found["databases"]
    (documents,) = held["cosmos"]
    assert (held["rows"], documents["documents"]) == (34, 30)
    assert documents["newest"] == "2026-11-22T04:03:23.000000Z"
    table = CliRunner().invoke(app, ["query", "newyork", "1", "--output", "table"])
    assert "30 documents" in table.stdout


def test_another_citys_documents_are_not_counted(
    project: Node, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    databases.create(project.database("1"), readings(30, sensors=("NEW_SENSOR001",)))
    databases.create(project.data / "oslo" / "1" / "sensor_data.db", readings(7, sensors=("NEW_SENSOR001",)))
    assert processor.run(project, account).code == 0
    monkeypatch.setenv("COSMOS_ENDPOINT", account.endpoint)
    monkeypatch.setenv("COSMOS_DATABASE", account.database)
    (held,) = told("query", "oslo")["databases"]
    assert held["cosmos"] == [{"sensorId": "NEW_SENSOR001", "documents": 0, "newest": None}]


def test_an_endpoint_that_does_not_answer_leaves_the_databases(project: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSMOS_ENDPOINT", "http://127.0.0.1:1")
    databases.create(project.database("1"), readings(3))
    found = told("query", "newyork", "1")
    assert "127.0.0.1:1" in found["cosmosError"]
    assert found["databases"][0]["cosmos"] == []
