"""How far a city has been taken in, as one look at its checkpoint tells it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from processors.errors import CheckpointError, SinkError
from processors.progress import Life, progress
from tests.harness import databases, oracle
from tests.harness.databases import readings
from tests.harness.node import Node

LANDED = Path(__file__).parent / "landed"


def of(node: Node) -> dict[str, list[Life]]:
    return {sensor: list(lives) for sensor, lives in progress(node.state, node.archive, node.city).items()}


def fill(node: Node, *, seed: int = 1) -> None:
    """90 rows of three sensors, two of them bad."""
    mixed = readings(90, seed=seed, sensors=("a", "b", "c"))
    mixed[10]["timestamp"] = "yesterday"
    mixed[40]["temperature"] = "broken"
    databases.create(node.database("one"), mixed)


def manifests(node: Node) -> list[dict[str, int]]:
    found = (node.archive / "_manifests").rglob("*.json")
    return [json.loads(path.read_text()) for path in found if path.name != "generation.json"]


def test_without_a_checkpoint_nothing_is_known(tmp_path: Path) -> None:
    assert progress(tmp_path / "state", tmp_path / "archive", "denver") == {}
    assert not (tmp_path / "state").exists()


def test_a_life_tells_its_position_and_the_row_there(node: Node) -> None:
    fill(node)
    node.run()
    (life,) = of(node)["one"]
    with closing(sqlite3.connect(node.database("one"))) as table:
        stamp, sensor = table.execute("SELECT timestamp, sensor_id FROM sensor_readings WHERE id = 90").fetchone()
    assert life.position == 90
    assert life.last is not None
    assert (life.last["id"], life.last["timestamp"], life.last["sensor_id"]) == (90, stamp, sensor)


@pytest.mark.parametrize("page_rows", [20, 90])
def test_totals_are_what_manifests_archive_and_sink_have(node: Node, page_rows: int) -> None:
    fill(node)
    databases.append(node.database("one"), readings(60, seed=5))
    node.run(page_rows=page_rows)
    (life,) = of(node)["one"]
    assert life.whole
    assert life.totals is not None
    found = manifests(node)
    assert life.totals.rows == sum(each["rows"] for each in found) == 148
    assert life.totals.rejects == sum(each["rejects"] for each in found) == len(oracle.rejects(node.archive)) == 2
    assert life.totals.files == len(list(node.archive.glob("city=*/**/*.parquet")))
    assert life.totals.anomalies == len(node.memory.contents["anomalies"])
    assert life.totals.anomalies > 0, "the data of this test raises no alarm"


def test_totals_made_again_from_the_archive_are_the_same(node: Node) -> None:
    fill(node)
    node.run()
    before = of(node)
    node.forget()
    assert of(node) == {}
    node.run()
    assert [life.totals for life in of(node)["one"]] == [life.totals for life in before["one"]]


def test_a_batch_is_counted_when_it_was_archived(node: Node) -> None:
    fill(node)
    before = datetime.now(UTC)
    node.run()
    (life,) = of(node)["one"]
    assert life.taken_at is not None
    assert abs((life.taken_at - before).total_seconds()) < 3600  # clocks of file systems are coarse
    shutil.rmtree(node.archive)
    assert [life.taken_at for life in of(node)["one"]] == [None]


def test_each_life_of_a_database_has_its_own(node: Node) -> None:
    fill(node)
    node.run()
    fill(node, seed=9)
    node.run()
    first, second = of(node)["one"]
    assert first.generation != second.generation
    assert first.totals is not None
    assert second.totals is not None
    assert (first.totals.rows, second.totals.rows) == (88, 88)


def test_what_an_earlier_version_left_is_counted_from_the_next_batch_on(tmp_path: Path) -> None:
    node = Node(tmp_path)
    shutil.copytree(LANDED / "1", node.root, dirs_exist_ok=True)
    (landed,) = of(node)["s1"]
    assert (landed.position, landed.totals, landed.whole) == (40, None, False)
    databases.create(node.database(), readings(70))
    node.run()
    (life,) = of(node)["s1"]
    assert life.totals is not None
    assert (life.totals.after, life.totals.rows, life.whole) == (40, 30, False)


def test_a_look_changes_nothing(node: Node) -> None:
    fill(node)
    node.run()
    before = {path: path.stat().st_mtime_ns for path in node.root.rglob("*")}
    of(node)
    assert {path: path.stat().st_mtime_ns for path in node.root.rglob("*")} == before


def test_a_damaged_position_is_not_told(node: Node) -> None:
    fill(node)
    node.run()
    databases.execute(node.checkpoint, "UPDATE branch SET position = 7")
    with pytest.raises(CheckpointError, match="not as it was written"):
        of(node)


@pytest.mark.parametrize("column", ["frame", "checksum"])
def test_damaged_totals_are_not_told(node: Node, column: str) -> None:
    fill(node)
    node.run()
    other = "(SELECT frame FROM carried WHERE name = 'watermark')" if column == "frame" else "checksum + 1"
    databases.execute(node.checkpoint, f"UPDATE carried SET {column} = {other} WHERE name LIKE 'totals%'")
    with pytest.raises(CheckpointError, match="not as it was written"):
        of(node)


def test_what_was_never_taken_in_was_never_uploaded(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """The life is announced in the archive before anything of it is sent."""

    def refuse(*_: object) -> None:
        raise SinkError("write", "readings", why="refused", hint="none")

    fill(node)
    monkeypatch.setattr(node.memory, "write", refuse)
    with pytest.raises(SinkError):
        node.run()
    (life,) = of(node)["one"]
    assert (life.taken_at, life.totals, life.whole) == (None, None, True)
