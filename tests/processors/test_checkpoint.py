"""The checkpoint: held by one run, whole after a kill, made again when it cannot be trusted."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from copy import deepcopy
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from processors.checkpoint import _place, open_checkpoint
from processors.errors import BusyError, CheckpointError
from processors.model import Branch
from tests.harness import databases
from tests.harness.databases import START, readings
from tests.harness.node import Node


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def garbage(path: Path) -> None:
    path.write_bytes(b"\xff\x00garbage" * 900)


def zero(path: Path) -> None:
    path.write_bytes(b"\0" * path.stat().st_size)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE branch (something TEXT)")
        connection.commit()


@pytest.mark.parametrize("damage", [cut_short, garbage, zero, emptied, foreign])
def test_a_damaged_file_is_made_again_from_the_archive(node: Node, damage: Callable[[Path], None]) -> None:
    databases.create(node.database("a"), readings(50))
    databases.create(node.database("b"), readings(30, seed=2))
    node.run()
    before, writes = deepcopy(node.everything()), node.memory.writes.copy()
    damage(node.checkpoint)
    assert node.run().rows == 0
    assert (node.everything(), node.memory.writes) == (before, writes)
    databases.append(node.database("a"), readings(10, seed=3, start=START + timedelta(days=1)))
    assert node.run().rows == 10
    assert len(node.facts()) == 90


def test_a_damaged_file_is_kept_and_named(node: Node) -> None:
    databases.create(node.database(), readings(5))
    node.run()
    for number in (1, 2):
        garbage(node.checkpoint)
        with open_checkpoint(node.state, node.city) as checkpoint:
            assert checkpoint.put_aside == node.checkpoint.with_name(f"checkpoint.db.damaged-{number}")
            assert checkpoint.put_aside.read_bytes().startswith(b"\xff\x00garbage")
    with open_checkpoint(node.state, node.city) as checkpoint:
        assert checkpoint.put_aside is None


def test_a_later_version_is_not_touched(node: Node) -> None:
    databases.create(node.database(), readings(5))
    node.run()
    databases.execute(node.checkpoint, "PRAGMA user_version = 99")
    before = node.checkpoint.read_bytes()
    with pytest.raises(CheckpointError, match="version 99 wrote it, this is 3") as failed:
        node.run()
    assert failed.value.hint.startswith("use that version")
    assert node.checkpoint.read_bytes() == before


def test_a_file_that_cannot_be_opened_is_not_called_damaged(node: Node) -> None:
    """Locked by somebody else's tool: the positions in it are sound and stay where they are."""
    databases.create(node.database(), readings(5))
    node.run()
    with closing(sqlite3.connect(node.checkpoint, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN IMMEDIATE")
        other.execute("PRAGMA user_version = 1")
        with pytest.raises(CheckpointError):
            node.run()
        other.execute("ROLLBACK")
    assert [path.name for path in node.checkpoint.parent.glob("*damaged*")] == []
    assert node.run().rows == 0


def test_one_run_holds_a_city_and_says_who(node: Node) -> None:
    with open_checkpoint(node.state, "denver"):
        with open_checkpoint(node.state, "boston"):
            pass
        with pytest.raises(BusyError, match=r"cannot start a run: denver: process \d+ on \S+ is running it") as busy:
            open_checkpoint(node.state, "denver").__enter__()
        assert busy.value.retryable
        assert busy.value.exit_code == 1
    with open_checkpoint(node.state, "denver"):
        pass


def test_the_position_moves_with_all_that_belongs_to_it_or_not_at_all(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut in the middle of the transaction, at its last statement."""
    databases.create(node.database(), readings(20))
    node.run()

    def contents() -> list[object]:
        """All but the anchors, which know of a batch before it is sent."""
        with closing(sqlite3.connect(node.checkpoint)) as connection:
            others = [line for line in connection.iterdump() if not line.startswith('INSERT INTO "branch"')]
            return [*others, *connection.execute("SELECT generation, base_id, position FROM branch")]

    before = contents()
    databases.append(node.database(), readings(20, seed=2, start=START + timedelta(days=1)))

    class Cut(BaseException):
        pass

    places = []

    def cut(branch: Branch) -> tuple[int, int, str]:
        places.append(branch.position)
        if branch.position == 40:
            raise Cut
        return _place(branch)

    with monkeypatch.context() as patch:
        patch.setattr("processors.checkpoint._place", cut)
        with pytest.raises(Cut):
            node.run()
    assert places == [20, 40]
    assert contents() == before
    assert node.run().rows == 0
    assert len(node.facts()) == 40
    assert contents() != before


def test_windows_are_found_by_seeking_not_by_scanning(node: Node) -> None:
    """Otherwise the cost of a batch grows with all windows that its sensors ever had."""
    with open_checkpoint(node.state, "denver") as checkpoint:
        checkpoint.windows("g", pl.DataFrame(schema={"sensorId": pl.String, "first": pl.Int64, "last": pl.Int64}))
        statements: list[str] = []
        checkpoint._connection.set_trace_callback(statements.append)
        checkpoint.windows("g", pl.DataFrame({"sensorId": ["a"], "first": [1], "last": [2]}))
        (query,) = [statement for statement in statements if "FROM span" in statement and "JOIN" in statement]
        plan = [row[3] for row in checkpoint._connection.execute(f"EXPLAIN QUERY PLAN {query}")]
    assert any("windowStart>" in step and "windowStart<" in step for step in plan), plan
