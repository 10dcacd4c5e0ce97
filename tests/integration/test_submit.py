"""One city from `submit` to stored documents, on real nodes with real containers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.harness import databases, oracle
from tests.harness.databases import START, readings
from tests.harness.fleet import Fleet, reports

pytestmark = pytest.mark.network


@pytest.fixture
def denver(fleet: Fleet) -> list[Path]:
    """Databases of two nodes on one host, each with sensors of its own."""
    return [
        fleet.write(node, "Denver", sensor, readings(300, seed=seed, sensors=(sensor,)))
        for seed, (node, sensor) in enumerate((("denver-1", "a"), ("denver-1", "b"), ("denver-2", "c")))
    ]


def test_each_node_takes_in_its_own_sensors_and_a_second_run_finds_nothing_new(
    fleet: Fleet, denver: list[Path]
) -> None:
    first = fleet.submit("--city", "denver").document
    rows = {node: report["rowsRead"] for node, report in reports(first).items()}
    assert rows == {"denver-1": 600, "denver-2": 300}
    assert {report["node"].partition("/")[2] for report in reports(first).values()} == {"denver-1", "denver-2"}
    assert first["exitCode"] == 0
    expected = sum((oracle.table(path) for path in denver), start=oracle.table(denver[0]) - oracle.table(denver[0]))
    assert fleet.stated() == expected
    for node in ("denver-1", "denver-2"):
        assert {path.name for path in (fleet.node(node) / "archive/city=Denver").iterdir()} == {
            f"sensor={path.parent.name}" for path in denver if fleet.node(node) in path.parents
        }
    second = fleet.submit("--city", "Denver").document
    assert {report["rowsRead"] for report in reports(second).values()} == {0}
    names = [job["name"] for job in (*first["jobs"], *second["jobs"])]
    assert len(set(names)) == 2
    assert all(name.startswith("ingest-denver-") for name in names)
    assert fleet.stated() == expected


def test_every_city_of_the_network_at_once(fleet: Fleet, denver: list[Path]) -> None:
    for node, sensor in (("chicago-1", "d"), ("chicago-2", "e")):
        denver.append(fleet.write(node, "Chicago", sensor, readings(100, sensors=(sensor,))))
    ended = fleet.command(*fleet.submitting("--all", "--output", "table"))
    ingests = sorted((job for job in fleet.jobs() if job["Labels"].get("spec") == "ingest"), key=_created)
    assert set(ended.output.splitlines()[:2]) == {job["ID"] for job in ingests[-2:]}
    for node in ("denver-1", "denver-2", "chicago-1", "chicago-2"):
        assert f"\n{node} " in ended.output or f" {node} " in ended.output
    assert "1,100" in ended.output or " 1100" in ended.output
    assert "bacalhau job describe" in ended.errors
    assert len(fleet.documents()) == 1100


def test_a_node_where_all_fails_makes_it_partial(fleet: Fleet, denver: list[Path]) -> None:
    databases.remove(denver[2])
    denver[2].parent.rmdir()
    document = fleet.submit("--city", "denver", code=5).document
    (job,) = document["jobs"]
    codes = {node["node"]: node["exitCode"] for node in job["nodes"]}
    assert codes == {"denver-1": 0, "denver-2": 2}
    assert len(fleet.documents()) == 600


def test_inspect_tells_what_is_there_and_writes_nothing(fleet: Fleet, denver: list[Path]) -> None:
    fleet.submit("--city", "denver")
    databases.append(denver[0], readings(40, start=START.replace(hour=9), sensors=("a",)))
    fleet.own(fleet.node("denver-1"))
    before = _listing(fleet.node("denver-1"))
    found = reports(fleet.submit("--city", "denver", "--spec", "inspect").document)
    assert _listing(fleet.node("denver-1")) == before
    assert (found["denver-1"]["databases"], found["denver-1"]["rows"], found["denver-1"]["backlogRows"]) == (2, 640, 40)
    assert (found["denver-2"]["rows"], found["denver-2"]["backlogRows"]) == (300, 0)
    assert found["denver-1"]["archiveBytes"] > 0


@pytest.mark.usefixtures("denver")
def test_verify_trusts_what_is_whole_and_names_each_id_that_is_not(fleet: Fleet, tmp_path: Path) -> None:
    fleet.submit("--city", "denver")
    whole = fleet.submit("--city", "denver", "--spec", "verify").document
    assert whole["exitCode"] == 0
    assert sum(report["documents"] for report in reports(whole).values()) == 900
    there = fleet.documents()
    gone = sorted(there)[::300]
    hit = {"denver-2" if there[document]["sensorId"] == "c" else "denver-1" for document in gone}
    oracle.delete(fleet.account, "readings", gone)
    broken = fleet.submit("--city", "denver", "--spec", "verify", "--fetch", str(tmp_path), code=None).document
    assert broken["exitCode"] == (1 if len(hit) == 2 else 5)
    assert sum(report["missing"] for report in reports(broken).values()) == len(gone)
    lines = [line for path in tmp_path.rglob("stderr") for line in path.read_text().splitlines() if line[:1] == "{"]
    assert sorted(json.loads(line)["id"] for line in lines) == sorted(gone)


def _created(job: Mapping[str, Any]) -> int:
    return int(job["CreateTime"])


def _listing(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }
