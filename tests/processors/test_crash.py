"""Kills at any moment: after one clean run the same documents, archive and counts as without them."""

from __future__ import annotations

import random
import signal
from pathlib import Path

import pytest

from processors.cosmos import Account
from tests.harness import databases, oracle, processor
from tests.harness.databases import readings
from tests.harness.node import Node
from tests.harness.strict import Answer, Exchange, Plan, StrictCosmos
from tests.harness.strict.faults import RESET

KILLS = 5

POINTS = {
    "after lineage": ("processors.lineage", "place", "after", 1),
    "after announcing": ("processors.archive", "Archive.announce", "after", 1),
    "after adding": ("processors.checkpoint", "Checkpoint.add", "after", 1),
    "after read": ("processors.source", "Source.page", "after", 3),
    "between containers": ("processors.sink", "Sink.write", "after", 4),
    "after sink": ("processors.sink", "Sink.write", "after", 6),
    "half aside": ("processors.archive", "_set_aside", "after", 3),
    "after aside": ("processors.archive", "write_whole", "before", 3),
    "after manifest": ("processors.archive", "Archive._move_in_place", "before", 2),
    "half moved": ("processors.archive", "make_folder", "after", 3),
    "after move": ("processors.checkpoint", "Checkpoint.advance", "before", 2),
    "inside checkpoint": ("processors.checkpoint", "_to_rows", "after", 8),
    "after checkpoint": ("processors.checkpoint", "Checkpoint.advance", "after", 2),
    "before the run's report": ("processors.sink", "Sink.put_run", "before", 1),
}


def fill(node: Node) -> None:
    rows = readings(110, step_s=3, sensors=("a", "b"))
    rows[30]["timestamp"] = "not a time"
    rows[20]["temperature"] = rows[95]["temperature"] = 99.0
    rows[70], rows[3] = rows[3], rows[70]
    databases.create(node.database("one"), rows)
    databases.create(node.database("two"), readings(50, seed=3, step_s=1800))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Node:
    """What a run that nobody kills leaves, in memory."""
    node = Node(tmp_path_factory.mktemp("undisturbed"))
    fill(node)
    node.run()
    assert len(node.facts()) == 159
    assert all(node.memory.contents.values())
    return node


@pytest.fixture
def node(tmp_path: Path) -> Node:
    node = Node(tmp_path)
    fill(node)
    return node


def assert_whole_after_a_clean_run(node: Node, account: Account, undisturbed: Node) -> None:
    clean = processor.run_here(node, account)
    assert clean.exit_code == 0, clean.document()
    for container, expected in undisturbed.memory.contents.items():
        assert oracle.documents(account.endpoint, account.database, container) == expected
    assert oracle.archived(node.archive) == oracle.archived(undisturbed.archive)
    assert oracle.rejects(node.archive) == oracle.rejects(undisturbed.archive)
    assert tree(node.archive) == tree(undisturbed.archive)


def tree(archive: Path) -> set[Path]:
    return {path.relative_to(archive) for path in archive.rglob("*") if path.is_file()}


@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS.keys())
def test_a_kill_at_a_named_point(
    node: Node, account: Account, undisturbed: Node, point: tuple[str, str, str, int]
) -> None:
    assert processor.run_and_die(node, account, point).code == processor.KILLED
    assert_whole_after_a_clean_run(node, account, undisturbed)


@pytest.mark.parametrize("seed", range(2))
def test_kills_at_a_request_to_cosmos(node: Node, strict: StrictCosmos, undisturbed: Node, seed: int) -> None:
    """Before or after the service took the request; then one clean run."""
    dice = random.Random(seed)
    for _ in range(KILLS):
        seen = len(strict.batches)
        at, taken = seen + dice.randrange(6), dice.random() < 0.5
        with processor.started(node, strict.account) as process:

            def plan(request: Exchange, at: int = at, taken: bool = taken) -> Answer | None:
                if request.batch_number < at:
                    return None
                if taken:
                    strict.forward(request)
                process.send_signal(signal.SIGKILL)
                return RESET

            strict.plan = plan
            process.communicate(timeout=processor.ENDS_S)
        assert process.returncode == -signal.SIGKILL
    strict.plan = Plan()
    assert_whole_after_a_clean_run(node, strict.account, undisturbed)


@pytest.mark.parametrize("seed", range(2))
def test_kills_at_a_touch_of_a_file(node: Node, account: Account, undisturbed: Node, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(KILLS):
        killed = processor.run_until_touch(node, account, dice.randrange(1, 60))
        assert killed.code == -signal.SIGKILL, killed.errors
    assert_whole_after_a_clean_run(node, account, undisturbed)
