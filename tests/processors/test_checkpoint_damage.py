"""Values of the checkpoint that are not as they were written, although SQLite finds the file whole."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from processors.checkpoint import open_checkpoint
from processors.errors import CheckpointError
from tests.harness import databases
from tests.harness.databases import readings
from tests.harness.node import Node

LANDED = Path(__file__).parent / "landed"
ROWS = readings(90)


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Node:
    """Fifty rows, taken in."""
    node = Node(tmp_path_factory.mktemp("before"))
    databases.create(node.database(), ROWS[:50])
    node.run()
    return node


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Node:
    node = Node(tmp_path_factory.mktemp("undisturbed"))
    databases.create(node.database(), ROWS)
    node.run()
    return node


@pytest.fixture
def node(before: Node, tmp_path: Path) -> Node:
    return before.copy(tmp_path)


def change(path: Path, statement: str) -> None:
    """What no statement of ours would do, to a file that stays whole to SQLite."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        assert connection.execute(statement).rowcount != 0
        assert connection.execute("PRAGMA integrity_check").fetchone() is not None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE branch SET position = 20",
        "UPDATE branch SET position = 60",
        "UPDATE branch SET base_id = 0",
        "UPDATE branch SET ordinal = 2",
        "UPDATE branch SET parent = 'x'",
        "UPDATE branch SET anchors = replace(anchors, '2026', '2027')",
        "UPDATE branch SET anchors = x'ff'",
        "UPDATE branch SET database = 's2'",
        "UPDATE branch SET generation = 'other'",
        "UPDATE carried SET name = 'watermarc' WHERE name = 'watermark'",
        "UPDATE carried SET frame = (SELECT frame FROM carried WHERE name = 'stuck.1') WHERE name = 'watermark'",
        "UPDATE carried SET generation = 'other'",
        "UPDATE series SET sensor = 's2'",
        "UPDATE series SET number = number * 2",
        "UPDATE window SET series = series + 1",
        'UPDATE window SET "windowStart" = "windowStart" + 1',
        "DROP TABLE carried",
        "ALTER TABLE window RENAME COLUMN count TO counts",
    ],
)
def test_a_file_with_a_changed_value_is_made_again(node: Node, undisturbed: Node, statement: str) -> None:
    change(node.checkpoint, statement)
    databases.append(node.database(), ROWS[50:])
    with open_checkpoint(node.state, node.city) as checkpoint:
        assert checkpoint.put_aside is not None
    assert node.run().rows == 40
    assert node.memory.contents == undisturbed.memory.contents
    assert node.facts() == undisturbed.facts()


@pytest.mark.parametrize("name", ["count", "temperatureC.sum", "temperatureC.squares", "voltageV.last", "lastId"])
def test_a_changed_window_is_noticed_when_it_is_read(node: Node, undisturbed: Node, name: str) -> None:
    """Windows may be many: not each is read when the file is opened."""
    change(node.checkpoint, f'UPDATE window SET "{name}" = "{name}" + 1')
    databases.append(node.database(), ROWS[50:])
    with pytest.raises(CheckpointError, match=r"the file is damaged, and put aside as .*damaged-1") as failed:
        node.run()
    assert failed.value.retryable
    assert failed.value.hint.startswith("run again")
    assert node.run().rows == 40
    assert node.memory.contents == undisturbed.memory.contents
    assert node.facts() == undisturbed.facts()


@pytest.mark.parametrize("forget", [False, True], ids=["with its checkpoint", "with its archive alone"])
@pytest.mark.parametrize("version", sorted(path.name for path in LANDED.iterdir()))
def test_what_a_landed_version_left_goes_on(tmp_path: Path, version: str, forget: bool) -> None:
    """Forty rows in pages of twenty, one of them a reject; thirty more come."""
    rows = readings(70)
    rows[33]["timestamp"] = "soon"
    whole, node = Node(tmp_path / "whole"), Node(tmp_path / "node")
    databases.create(whole.database(), rows)
    whole.run()
    shutil.copytree(LANDED / version, node.root)
    if forget:
        node.forget()
    databases.create(node.database(), rows)
    assert (node.run().rows, node.run().rows) == (30, 0)
    assert not list(node.state.rglob("*damaged*"))
    assert {item["rowId"] for item in node.memory.contents["readings"].values()} == set(range(41, 71))
    for container, documents in node.memory.contents.items():
        assert documents.items() <= whole.memory.contents[container].items()
    last = max(item["windowStart"] for item in node.memory.contents["aggregates"].values())
    assert last == max(item["windowStart"] for item in whole.memory.contents["aggregates"].values())


@pytest.mark.parametrize("version", sorted(path.name for path in LANDED.iterdir()))
def test_what_a_landed_version_sent_each_by_itself_does_not_wait_for_a_bucket(tmp_path: Path, version: str) -> None:
    """Its archive alone is left, and the settings ask for buckets by now."""
    node = Node(tmp_path / "node")
    shutil.copytree(LANDED / version, node.root)
    node.forget()
    databases.create(node.database(), readings(70))
    assert node.run(bucket_rows=60).rows == 30
    (item,) = node.memory.contents["readings"].values()
    assert item["columns"]["rowId"] == list(range(41, 71))
