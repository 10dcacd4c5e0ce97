"""Archive and state: files 0640 in folders 0750, whatever the umask, and also after kills and repairs."""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from processors.cosmos import Account
from processors.source.opening import opening
from tests.chaos.zygote import Zygote
from tests.harness import databases, processor
from tests.harness.databases import readings
from tests.harness.node import Node

KILLS = 4

STRICTEST_AND_NONE = pytest.mark.parametrize("umask", [0o000, 0o077], ids=oct, indirect=True)

INSIDE_CHECKPOINT = ("processors.checkpoint", "_to_rows", "after", 2)
HALF_ASIDE = ("processors.archive", "_set_aside", "after", 2)
HALF_MOVED = ("processors.archive", "Archive._move_in_place", "before", 1)

FILE, FOLDER = 0o640, 0o750


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    try:
        yield request.param
    finally:
        os.umask(before)


@pytest.fixture
def node(tmp_path: Path) -> Node:
    node = Node(tmp_path / "node")
    databases.create(node.database(), [{**readings(1)[0], "timestamp": "x"}, *readings(60)])
    return node


def modes(*roots: Path) -> dict[Path, int]:
    """Of all that is there; the folder of one copy in scratch is for its owner alone."""
    found = [path for root in roots if root.exists() for path in (root, *root.rglob("*"))]
    return {path: path.stat().st_mode & 0o777 for path in found if not path.name.startswith("source-")}


def assert_private(*roots: Path) -> None:
    wrong = {
        str(path): oct(mode) for path, mode in modes(*roots).items() if mode != (FOLDER if path.is_dir() else FILE)
    }
    assert not wrong


@pytest.mark.usefixtures("umask")
def test_after_a_run(node: Node, account: Account) -> None:
    assert processor.run(node, account).code == 0
    assert_private(node.archive, node.state)
    there = [path for path in modes(node.archive, node.state) if path.is_file()]
    assert {path.suffix for path in there} >= {".parquet", ".jsonl", ".json", ".db", ".heartbeat", ""}


@STRICTEST_AND_NONE
@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize("point", [INSIDE_CHECKPOINT, HALF_ASIDE, HALF_MOVED], ids=lambda point: point[1])
def test_after_a_kill_and_after_the_run_that_follows(
    node: Node, account: Account, point: tuple[str, str, str, int]
) -> None:
    assert processor.run_and_die(node, account, point).code == processor.KILLED
    if point is INSIDE_CHECKPOINT:
        assert {path.name for path in node.state.rglob("*")} >= {"checkpoint.db-wal", "checkpoint.db-shm", "lock"}
    assert_private(node.archive, node.state)
    assert processor.run(node, account).code == 0
    assert_private(node.archive, node.state)


@STRICTEST_AND_NONE
def test_after_kills_at_any_touch_of_a_file(node: Node, account: Account, umask: int) -> None:
    """A kill may leave an empty file for its owner alone, and never one that others can read; a run mends it."""
    dice = random.Random(umask)
    where = {"data": node.data, "state": node.state, "archive": node.archive}
    settings = {"endpoint": account.endpoint, "database": account.database, "city": node.city, "page_rows": 20, **where}
    with Zygote() as zygote:
        for _ in range(KILLS):
            interference = {"touch": (str(node.root), dice.randrange(1, 40))}
            zygote.start(node.root / "runs", settings, interference).ended()
            for path, mode in modes(node.state, node.archive).items():
                assert mode & 0o027 == 0 or path.is_dir(), (path, oct(mode))
                assert mode == FOLDER or not path.is_dir(), (path, oct(mode))
    assert processor.run(node, account).code == 0
    assert_private(node.archive, node.state)


@pytest.mark.usefixtures("umask")
def test_after_repair_of_the_archive_and_a_checkpoint_made_anew(node: Node) -> None:
    node.run()
    for path in [*node.archive.glob("city=*/**/*.parquet")][:2]:
        path.write_bytes(b"")
    for path in node.archive.glob("_manifests/**/start.json"):
        path.unlink()
        path.touch(0o666)
    node.checkpoint.unlink()
    node.checkpoint.write_bytes(b"garbage" * 900)
    node.run()
    assert [path.name for path in node.state.rglob("*damaged*")] == ["checkpoint.db.damaged-1"]
    assert_private(node.archive, node.state)


@pytest.mark.usefixtures("umask")
def test_a_copy_is_no_easier_to_read_than_its_original(node: Node, tmp_path: Path) -> None:
    """Power was lost: the database has a `-wal` and no `-shm`, and is read from a copy."""
    database = databases.power_cut(node.database(), node.database("lost"), readings(5, seed=2))
    for path in database.parent.iterdir():
        path.chmod(0o600)
    scratch = tmp_path / "state" / "scratch"
    with opening(database, scratch=scratch, busy_s=1.0) as opened:
        rows, found = opened.read(lambda uri: look(uri, scratch))
        assert (rows, opened.mode) == (66, "copy")
    assert found.keys() == {"copy.db", "copy.db-wal", "copy.db-shm"}
    assert {mode & 0o027 for mode in found.values()} == {0}
    assert scratch.stat().st_mode & 0o777 == FOLDER


def test_what_was_open_to_all_is_closed_by_the_next_run(node: Node) -> None:
    node.run()
    for path in (node.checkpoint, node.state / node.city / "lock"):
        path.chmod(0o666)
    node.run()
    assert_private(node.state)


def look(uri: str, scratch: Path) -> tuple[int, dict[str, int]]:
    """Rows, and the modes of the files of the one copy while it is open."""
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        (rows,) = connection.execute("SELECT count(*) FROM sensor_readings").fetchone()
        (folder,) = scratch.iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700
        return int(rows), {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
