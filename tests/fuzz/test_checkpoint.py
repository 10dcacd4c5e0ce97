"""A damaged checkpoint, lock or heartbeat: the next runs mend it, or say what to try; and no document is another."""

from __future__ import annotations

import atexit
import random
import shutil
import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

from processors import heartbeat
from processors.errors import ProcessorError
from processors.recorded import open_recorded
from processors.settings import Settings
from tests.fuzz.guard import ends, told
from tests.fuzz.mutate import mutated
from tests.harness import databases
from tests.harness.node import Node

ATTEMPTS = 20
RUNS = 3
"""The first may find the damage, the second mends it, the third must be whole."""

ROWS = databases.readings(150, sensors=("s1", "s2", "s3"), step_s=3.0)
ROWS[70]["timestamp"] = "soon"
HALF = 100


@cache
def nodes() -> tuple[Node, Node]:
    """One that has taken in a part of the rows, with its `-wal` as a kill leaves it; and one that has them all."""
    root = Path(mkdtemp(prefix="fuzz-"))
    atexit.register(shutil.rmtree, root)
    part, whole = Node(root / "part"), Node(root / "whole")
    databases.create(part.database(), ROWS[:HALF])
    part.run(page_rows=60)
    with closing(sqlite3.connect(part.checkpoint)) as watcher:
        watcher.execute("SELECT * FROM branch").fetchall()
        databases.append(part.database(), ROWS[HALF : HALF + 20])
        part.run(page_rows=60)
        shutil.copytree(part.checkpoint.parent, root / "killed")
    shutil.rmtree(part.checkpoint.parent)
    (root / "killed").rename(part.checkpoint.parent)
    assert part.checkpoint.with_name("checkpoint.db-wal").stat().st_size > 0
    databases.append(part.database(), ROWS[HALF + 20 :])
    databases.create(whole.database(), ROWS)
    whole.run(page_rows=60)
    return part, whole


def damage(node: Node, dice: random.Random) -> str:
    path = node.checkpoint
    if dice.random() < 0.5:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    there = [path.with_name(path.name + suffix) for suffix in ("", "", "", "-wal", "-shm")] + [path.with_name("lock")]
    file = dice.choice([each for each in there if each.exists() and each.stat().st_size])
    file.write_bytes(mutated(file.read_bytes(), dice, page=4096))
    if dice.random() < 0.1:
        (node.state / "denver.heartbeat").mkdir()
    return file.name


def attempt(seed: int, folder: Path) -> str:
    """One damaged state folder, run after run until the rows are in."""
    dice = random.Random(seed)
    part, whole = nodes()
    node = part.copy(folder)
    outcome = [damage(node, dice)]
    with ends():
        look(node)
    for _ in range(RUNS):
        try:
            with ends():
                node.run(page_rows=dice.choice([25, 60, 100]))
        except ProcessorError as error:
            outcome.append(told(error))
            continue
        outcome.append("mended" if list(node.state.rglob("*.damaged-*")) else "whole")
        assert node.memory.contents == whole.memory.contents
        assert node.facts() == whole.facts()
        break
    else:
        assert "version" in str(error_of(node)), "it stays as it is"
    return ": ".join(outcome)


def error_of(node: Node) -> ProcessorError | None:
    try:
        node.run()
    except ProcessorError as error:
        return error
    return None


def look(node: Node) -> None:
    """As `inspect` and `health` do, which only look."""
    settings = Settings(city=node.city, state=node.state)
    heartbeat.Heartbeat(settings).beat()
    before = {path: path.read_bytes() for path in node.checkpoint.parent.iterdir() if not path.name.endswith("-shm")}
    for action in (lambda: heartbeat.check(settings, lambda: 0.0), lambda: recorded(node)):
        try:
            action()
        except ProcessorError as error:
            told(error)
    assert before == {
        path: path.read_bytes() for path in node.checkpoint.parent.iterdir() if not path.name.endswith("-shm")
    }


def recorded(node: Node) -> None:
    with open_recorded(node.state, node.city) as positions:
        positions("s1")


@pytest.mark.parametrize("first", range(0, ATTEMPTS, 10))
def test_a_damaged_checkpoint_is_mended_or_told(first: int, tmp_path: Path) -> None:
    for seed in range(first, first + 10):
        attempt(seed, tmp_path / str(seed))


SUBJECTS = {"checkpoint": attempt}
