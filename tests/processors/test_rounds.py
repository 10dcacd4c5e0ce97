"""Databases take turns, in a pass that may be cut short; one copy at a time; nothing of a page outlives its turn."""

from __future__ import annotations

import gc
import socket
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

from processors.city import Silent, World, passes
from processors.cosmos import Account
from processors.model import Database
from processors.pipeline import Taken
from tests.harness import databases, oracle
from tests.harness.databases import readings
from tests.harness.node import Node
from tests.harness.strict import StrictCosmos, faults


class Clock:
    """Seconds that pass only when they are told to."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


class Turns(Silent):
    """Who had a turn, in order; a turn takes `turn_s`."""

    def __init__(self, clock: Clock | None = None, turn_s: float = 0.0):
        self.taken: list[tuple[str, int]] = []
        self._clock = clock
        self._turn_s = turn_s

    def batch(self, database: Database, taken: Taken) -> None:
        self.taken.append((database.sensor, taken.rows))
        if self._clock is not None:
            self._clock.seconds += self._turn_s


def fill(node: Node, **rows: int) -> None:
    for seed, (name, count) in enumerate(rows.items()):
        databases.create(node.database(name), readings(count, seed=seed, sensors=(name,)))


def stored(account: Account, container: str = "readings") -> dict[str, dict[str, Any]]:
    return oracle.documents(account, container)


def test_each_has_a_batch_in_turn_until_all_are_done(node: Node, account: Account) -> None:
    fill(node, a=50, b=10, c=41)
    turns = Turns()
    (report,) = passes(node.settings(account), World(), turns)
    assert turns.taken == [("a", 20), ("b", 10), ("c", 20), ("a", 20), ("c", 20), ("a", 10), ("c", 1)]
    assert (report.exit_code, report.taken.rows, report.backlog_rows) == (0, 101, 0)


def test_a_continuous_pass_ends_with_its_round_and_the_next_begins_at_once(node: Node, account: Account) -> None:
    """Ten seconds a batch, thirty a pass: two rounds of two databases, and the rest is told."""
    fill(node, a=100, b=100)
    clock = Clock()
    turns = Turns(clock, 10.0)
    waited: list[float] = []
    world = World(clock=clock)
    world.stop.wait = lambda timeout=None: bool(waited.append(timeout) or world.stop.is_set())  # type: ignore[method-assign, assignment]
    reports = []
    for report in passes(node.settings(account, every=30), world, turns):
        reports.append(report)
        if report.backlog_rows == 0:
            world.stop.set()
    assert [(report.taken.rows, report.backlog_rows, report.outcome) for report in reports] == [
        (80, 120, "complete"),
        (80, 40, "complete"),
        (40, 0, "complete"),
    ]
    assert waited == [0.0, 0.0, 0.0]
    assert [name for name, _ in turns.taken] == ["a", "b"] * 5
    assert [run["backlogRows"] for run in sorted(stored(account, "runs").values(), key=lambda run: str(run["id"]))] == [
        120, 40, 0,
    ]  # fmt: skip


def test_one_pass_takes_in_all_however_long_that_takes(node: Node, account: Account) -> None:
    fill(node, a=100, b=100)
    clock = Clock()
    (report,) = passes(node.settings(account), World(clock=clock), Turns(clock, 100_000.0))
    assert (report.taken.rows, report.backlog_rows) == (200, 0)


@pytest.fixture
def nobody() -> Iterator[Account]:
    """An account at a port on which nothing listens, and which nobody else gets."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield Account(f"http://127.0.0.1:{held.getsockname()[1]}", "", "d")


def test_what_waits_is_not_known_where_no_database_was_looked_at(node: Node, nobody: Account) -> None:
    fill(node, a=50)
    (report,) = passes(node.settings(nobody), World(), Silent())
    assert (report.exit_code, report.backlog_rows, report.document()["backlogRows"]) == (3, None, None)


def test_what_waits_in_a_database_that_failed_is_told_by_its_error_alone(node: Node, account: Account) -> None:
    fill(node, a=50)
    node.database("b").parent.mkdir()
    node.database("b").write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    (report,) = passes(node.settings(account), World(), Silent())
    assert (report.exit_code, report.backlog_rows, set(report.failures)) == (5, 0, {"b"})


def test_one_copy_at_a_time_and_each_has_its_turn(node: Node, account: Account) -> None:
    """After a power cut each database has to be copied to be read."""
    fill(node, c=50)
    for name in ("a", "b"):
        rows = readings(50, seed=7, sensors=(name,))
        whole = databases.create(node.root / f"{name}.db", rows[:30])
        databases.power_cut(whole, node.database(name), rows[30:])
    copies: list[int] = []

    class Looking(Turns):
        def batch(self, database: Database, taken: Taken) -> None:
            super().batch(database, taken)
            copies.append(len(list(node.state.rglob("copy.db"))))

    turns = Looking()
    (report,) = passes(node.settings(account), World(), turns)
    assert [name for name, _ in turns.taken] == ["a", "c", "a", "c", "a", "b", "c", "b", "b"]
    assert (report.exit_code, report.taken.rows, report.backlog_rows) == (0, 150, 0)
    assert set(copies) == {1}
    assert list(node.state.rglob("copy.db")) == []


def test_a_database_that_needs_a_copy_waits_for_the_next_pass_if_need_be(node: Node, account: Account) -> None:
    for name in ("a", "b"):
        whole = databases.create(node.root / f"{name}.db", [])
        databases.power_cut(whole, node.database(name), readings(30, sensors=(name,)))
    world = World()
    reports = passes(node.settings(account, every=1e-9), world, Silent())
    told = [next(reports) for _ in range(4)]
    assert [(report.taken.rows, report.backlog_rows) for report in told] == [(20, 40), (30, 10), (10, 0), (0, 0)]


def test_a_database_that_is_replaced_between_its_turns_is_read_as_another(node: Node, account: Account) -> None:
    fill(node, a=50, b=50)

    class Replacing(Turns):
        def batch(self, database: Database, taken: Taken) -> None:
            super().batch(database, taken)
            if self.taken == [("a", 20), ("b", 20)]:
                databases.create(node.database("a"), readings(25, seed=9, sensors=("a",)))

    turns = Replacing()
    (report,) = passes(node.settings(account), World(), turns)
    assert turns.taken == [("a", 20), ("b", 20), ("a", 20), ("b", 20), ("a", 5), ("b", 10)]
    assert (report.exit_code, report.backlog_rows) == (0, 0)
    assert len({item["generation"] for item in stored(account).values() if item["sensorId"] == "a"}) == 2


def test_a_database_that_fails_between_its_turns_does_not_stop_the_others(node: Node, account: Account) -> None:
    fill(node, a=50, b=50)

    class Breaking(Turns):
        def batch(self, database: Database, taken: Taken) -> None:
            super().batch(database, taken)
            if self.taken == [("a", 20)]:
                databases.remove(node.database("a"))

    turns = Breaking()
    (report,) = passes(node.settings(account), World(), turns)
    assert turns.taken == [("a", 20), ("b", 20), ("b", 20), ("b", 10)]
    assert (report.exit_code, set(report.failures), report.taken.rows) == (5, {"a"}, 70)


def frames() -> int:
    gc.collect()
    return sum(type(each) is pl.DataFrame for each in gc.get_objects())


def test_nothing_of_a_page_is_in_memory_while_others_have_their_turn(node: Node, account: Account) -> None:
    """Also while batches are taken in from the archive again, and with the error of a pass at hand."""
    fill(node, a=30, b=30)
    before = frames()
    counted = []

    class Counting(Turns):
        def batch(self, database: Database, taken: Taken) -> None:
            super().batch(database, taken)
            counted.append(frames() - before)

    (first,) = passes(node.settings(account), World(), Counting())
    node.forget()
    (second,) = passes(node.settings(account), World(), Counting())
    assert (first.taken.rows, second.taken.rows) == (60, 0)
    assert counted == [0] * 8


def test_an_error_does_not_keep_the_rows_that_it_met(node: Node, strict: StrictCosmos) -> None:
    """Nor the documents that were not sent any more: there are more of them than are in flight together."""
    databases.create(node.database("a"), readings(2_500, step_s=0.01))
    strict.plan = faults.on_all_batches(faults.refusal(401))
    before = frames()
    (report,) = passes(node.settings(strict.account, page_rows=2_500), World(), Silent())
    assert (report.exit_code, "401" in str(report.stopped_by)) == (3, True)
    assert frames() == before
    fill(node, b=50)
    (node.archive / "_aside").write_text("a file in the place of the folder")
    strict.plan = faults.Plan()
    (report,) = passes(node.settings(strict.account), World(), Silent())
    assert set(report.failures) == {"a", "b"}
    assert frames() == before
