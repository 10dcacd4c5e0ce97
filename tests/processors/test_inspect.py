"""What is said of a node, and that nothing on it is touched."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from processors.checkpoint import open_checkpoint
from processors.city import World
from processors.report import MAX_BYTES, encode
from processors.settings import Settings
from processors.survey import InspectReport, inspect
from tests.harness import databases
from tests.harness.databases import START, readings
from tests.harness.node import Node


def inspected(node: Node, at: datetime | None = None, **more: object) -> InspectReport:
    chosen = {"endpoint": "https://nobody.invalid", "city": node.city, **more}
    world = World() if at is None else World(now=lambda: at)
    return inspect(Settings(data=node.data, state=node.state, archive=node.archive, **chosen), world)  # type: ignore[arg-type]


def contents(root: Path) -> dict[str, tuple[int, bytes | None]]:
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else None) for path in root.rglob("*")
    }


def test_rows_backlog_newest_archive_and_disk(node: Node) -> None:
    databases.create(node.database("a"), readings(30))
    databases.create(node.database("b"), readings(10))
    node.run()
    databases.append(node.database("b"), readings(7, start=START + timedelta(days=2)))
    report = inspected(node)
    document = report.document()
    assert (report.exit_code, document["kind"], document["outcome"]) == (0, "inspect", "complete")
    assert (document["databases"], document["rows"], document["backlogRows"]) == (2, 47, 7)
    assert document["newest"] == "2026-11-24T04:00:42.000000Z"
    assert document["perDatabase"] == [
        {"database": "b", "rows": 17, "backlogRows": 7, "newest": "2026-11-24T04:00:42.000000Z"},
        {"database": "a", "rows": 30, "backlogRows": 0, "newest": "2026-11-22T04:03:23.000000Z"},
    ]
    assert document["archiveBytes"] == sum(path.stat().st_size for path in node.archive.rglob("*") if path.is_file())
    assert document["freeBytes"] > 0
    assert document["truncated"] is False


def test_a_node_on_which_nothing_ran(node: Node) -> None:
    databases.create(node.database("empty"))
    databases.create(node.database("s1"), [{"timestamp": "noon", "sensor_id": "s1"}])
    before = contents(node.root)
    document = inspected(node).document()
    assert (document["rows"], document["backlogRows"], document["newest"]) == (1, 1, None)
    assert document["archiveBytes"] == 0
    assert document["freeBytes"] > 0
    assert contents(node.root) == before


def test_backlog_of_a_recreated_database_and_of_lost_rows(node: Node) -> None:
    databases.create(node.database("lost"), readings(30))
    databases.create(node.database("new"), readings(30))
    node.run()
    databases.execute(node.database("lost"), "DELETE FROM sensor_readings WHERE id < 20")
    databases.create(node.database("new"), readings(9, seed=2))
    before = contents(node.root)
    found = {held.database: (held.rows, held.backlog_rows) for held in inspected(node).held}
    assert found == {"lost": (11, 0), "new": (9, 9)}
    assert contents(node.root) == before


def test_a_run_that_holds_the_city_does_not_matter(node: Node) -> None:
    databases.create(node.database(), readings(30))
    node.run()
    with open_checkpoint(node.state, node.city):
        assert inspected(node).exit_code == 0


def test_what_cannot_be_read_is_told(node: Node) -> None:
    databases.create(node.database("a"), readings(30))
    node.database("b").parent.mkdir()
    node.database("b").write_bytes(b"no database, whatever its name says" * 100)
    report = inspected(node)
    assert (report.exit_code, report.document()["failedDatabases"], set(report.failures)) == (5, 1, {"b"})
    assert report.document()["rows"] == 30
    databases.remove(node.database("a"))
    assert inspected(node, city="boston").exit_code == 2
    assert inspected(node, city="boston").errors[0].hint


def test_a_damaged_checkpoint_is_told(node: Node) -> None:
    databases.create(node.database(), readings(30))
    node.run()
    node.forget()
    node.checkpoint.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    report = inspected(node)
    assert report.exit_code == 1
    assert "positions" in str(report.errors[0])


def test_a_state_folder_that_cannot_be_looked_into_is_told(node: Node) -> None:
    databases.create(node.database(), readings(3))
    settings = Settings(city=node.city, data=node.data, state=node.root / ("x" * 300), archive=node.archive)
    report = inspect(settings, World())
    assert report.exit_code == 1
    assert "cannot read positions" in str(report.stopped_by)
    assert report.document()["outcome"] == "failed"


def test_the_report_fits(node: Node) -> None:
    for number in range(40):
        databases.create(node.database(f"{'☃' * 70}{number}"), readings(1))
    document = inspected(node).document()
    assert len(encode(document).encode()) <= MAX_BYTES
    assert json.loads(encode(document))["rows"] == 40
    assert document["truncated"] is True
    assert 0 < len(document["perDatabase"]) < 40


def size(*paths: Path) -> int:
    return sum(path.stat().st_size for path in paths)


def test_when_the_disk_will_be_full(node: Node) -> None:
    """A row each ten seconds, 300 rows of which 100 wait; the figures are those of the files."""
    path = databases.create(node.database(), readings(200, step_s=10))
    node.run(page_rows=100)
    databases.append(path, readings(100, step_s=10, start=START + timedelta(seconds=2_000)))
    now = START + timedelta(seconds=3_000)
    document = inspected(node, now).document()
    kept = document["archiveBytes"] + size(*(each for each in node.checkpoint.parent.iterdir() if each.is_file()))
    rate = 1 / 10
    growth = rate * size(path) / 300 + rate * kept / 200
    assert document["growthBytesPerDay"] == pytest.approx(growth * 86_400, abs=1)
    left = document["freeBytes"] - 100 * kept / 200
    full_at = datetime.fromisoformat(document["diskFullAt"])
    assert (full_at - now).total_seconds() == pytest.approx(left / growth, rel=0.01)


def test_a_node_whose_sensors_have_stopped_does_not_fill_its_disk(node: Node) -> None:
    databases.create(node.database("s1"), readings(200, step_s=10))
    databases.create(node.database("empty"))
    now = START + timedelta(days=3)
    document = inspected(node, now).document()
    assert (document["growthBytesPerDay"], document["diskFullAt"]) == (0, None)
    databases.append(node.database(), readings(200, step_s=10, start=now - timedelta(seconds=2_000)))
    assert inspected(node, now).document()["growthBytesPerDay"] > 0


def test_a_city_that_is_not_there_has_no_forecast(node: Node) -> None:
    databases.create(node.database(), readings(3))
    document = inspected(node, city="boston").document()
    assert (document["growthBytesPerDay"], document["diskFullAt"]) == (None, None)
