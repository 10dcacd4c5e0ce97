"""What buckets save on the strict Cosmos, and that nothing is lost there: refused, killed, replayed, held back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from processors.city import Silent, World, passes
from processors.cosmos import Account
from tests.harness import databases, oracle, processor
from tests.harness.databases import START, readings
from tests.harness.node import Node
from tests.harness.strict import StrictCosmos

ROWS = 1_200
BUCKET = 60
SAVING = 20
"""Times fewer request units for a reading."""


@contextmanager
def emptied(account: Account, strict_seed: int) -> Iterator[StrictCosmos]:
    for name in ("readings", "aggregates", "anomalies"):
        oracle.delete(account, name, oracle.documents(account, name))
    with StrictCosmos(account, seed=strict_seed) as strict:
        yield strict


def charged(strict: StrictCosmos) -> float:
    """Request units of writing readings, also of writing them again."""
    return sum(each.charge for each in strict.batches if each.container == "readings")


@pytest.mark.parametrize("seed", range(3))
def test_a_reading_costs_a_twentieth_in_buckets_of_60(
    tmp_path: Path, account: Account, seed: int, record_property: Callable[[str, object], None]
) -> None:
    """With a run that is killed after sending, and its replay, paid for."""
    rows = readings(ROWS, seed=seed, step_s=1.0)
    alone, node = Node(tmp_path / "alone"), Node(tmp_path / "node")
    for each in (alone, node):
        databases.create(each.database(), rows)
    with emptied(account, seed) as strict:
        list(passes(alone.settings(strict.account, page_rows=300), World(), Silent()))
        without = charged(strict)
        expected = oracle.joined(oracle.documents(account, "readings").values())
    with emptied(account, seed) as strict:
        settings = {"page_rows": 300, "bucket_rows": BUCKET}
        point = ("processors.archive", "Archive.write", "before", 2)
        assert processor.run_and_die(node, strict.account, point, **settings).code == processor.KILLED
        list(passes(node.settings(strict.account, **settings), World(), Silent()))
        within = charged(strict)
        stored = oracle.documents(account, "readings")
    record_property("times", round(without / within, 1))
    assert oracle.joined(stored.values()) == expected
    assert len(stored) == ROWS // BUCKET
    assert set(oracle.table(node.database())) == oracle.once(oracle.stated(stored.values()))
    assert without / within >= SAVING


@pytest.mark.parametrize("call", [1, 2, 3])
@pytest.mark.parametrize(
    "point",
    [
        ("processors.rounds", "show_rest", "before"),
        ("processors.checkpoint", "Checkpoint.keep", "before"),
        ("processors.checkpoint", "Checkpoint.keep", "after"),
        ("processors.sink", "Sink.write", "before"),
        ("processors.sink", "Sink.write", "after"),
    ],
    ids=lambda point: " ".join(point[1:]),
)
def test_a_killed_process_leaves_the_same_buckets(
    node: Node, strict: StrictCosmos, point: tuple[str, str, str], call: int
) -> None:
    """Its form is another one before, and the same after."""
    rows = readings(100)
    databases.create(node.database(), rows[:30])
    processor.run(node, strict.account)
    databases.append(node.database(), rows[30:])
    settings = {"page_rows": 25, "bucket_rows": 40, "descriptions": "once"}
    processor.run_and_die(node, strict.account, (*point, call), **settings)
    assert processor.run(node, strict.account, **settings).code == 0
    stored = oracle.documents(strict.account, "readings")
    assert sorted(item["count"] for item in stored.values() if item.get("kind") == "bucket") == [30, 40]
    assert set(oracle.table(node.database())) == oracle.once(oracle.stated(stored.values()))
    assert len(oracle.joined(stored.values())) == 100


class Clock:
    """Goes on by so many seconds each pass."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.mark.parametrize(
    ("every", "expected"),
    [
        (60, [[10], [10], [10], [40], [40], [60], [10, 60], [10, 60], [10, 60]]),  # every three minutes
        (120, [[10], [20], [30], [40], [50], [60]]),  # at each pass: at the next one it would be too late
    ],
)
def test_readings_wait_for_their_bucket_no_longer_than_hold(
    node: Node, account: Account, every: int, expected: list[list[int]]
) -> None:
    """Ten readings in each pass; what waits is shown at the first."""
    clock = Clock()
    world = World(clock=clock)
    world.stop.wait = lambda _=None: world.stop.is_set()  # type: ignore[method-assign, assignment]
    databases.create(node.database(), readings(10))
    settings = node.settings(account, every=every, hold=180, bucket_rows=60)
    stored: list[list[int]] = []
    for number, _ in enumerate(passes(settings, world, Silent()), 1):
        found = oracle.documents(account, "readings").values()
        stored.append(sorted(item["count"] for item in found))
        databases.append(node.database(), readings(10, seed=number, start=START.replace(hour=4 + number)))
        clock.seconds += every
        if number == len(expected):
            world.stop.set()
    assert stored == expected


def test_what_was_shown_is_not_written_again_while_it_is_the_same(node: Node, strict: StrictCosmos) -> None:
    databases.create(node.database("a"), readings(10))
    databases.create(node.database("b"), readings(10, sensors=("b",)))
    for _ in range(2):
        list(passes(node.settings(strict.account, bucket_rows=60), World(), Silent()))
    assert sum(each.container == "readings" for each in strict.batches) == 2
