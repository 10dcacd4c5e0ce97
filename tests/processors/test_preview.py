"""The newest windows of a database whose backlog takes long: there early, marked, and gone when the exact ones are."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from processors import city, discover
from processors.archive import Archive
from processors.checkpoint import open_checkpoint
from processors.city import Silent, World, passes
from processors.cosmos import Account
from processors.model import Database
from processors.pipeline import Intake, Opened, Sender, Taken
from processors.pipeline.preview import EVERY_S, LONGEST_S, TTL_S, preview
from processors.report import Report
from processors.settings import Settings
from processors.source import open_source
from tests.harness import databases, oracle
from tests.harness.databases import START, Row, readings
from tests.harness.node import Node
from tests.harness.strict import StrictCosmos

Windows = dict[str, dict[str, Any]]


@contextmanager
def underway(node: Node, batches: int, **settings: Any) -> Iterator[tuple[Intake, Callable[[float], None]]]:
    """A database of which so many batches are in, and what shows its newest windows of the last seconds."""
    chosen = Settings(city=node.city, **{"page_rows": 20, **settings})
    recipe = city.recipe(chosen)
    (database,) = discover.databases(node.data, node.city)
    with (
        open_checkpoint(node.state, node.city) as checkpoint,
        open_source(database.path, table=chosen.table, columns={}, scratch=node.state / "scratch") as source,
    ):
        opened = Opened(database, source, checkpoint, Archive(node.archive, database), recipe)
        intake = Intake(opened, Sender(node.memory, recipe))
        for _ in range(batches):
            next(intake)

        def show(past_s: float) -> None:
            assert intake.branch is not None
            preview(opened, node.memory, intake.branch, past_s)

        yield intake, show


def shown(node: Node) -> Windows:
    return {name: item for name, item in node.memory.contents["aggregates"].items() if "provisional" in item}


def starts(windows: Windows) -> list[str]:
    return sorted(item["windowStart"][11:16] for item in windows.values())


def exact(node: Node) -> Windows:
    """What a run that nobody hurries makes of the same table."""
    whole = Node(node.root / "whole")
    databases.copy(node.database(), whole.database())
    whole.run()
    return whole.memory.contents["aggregates"]


def without(item: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name not in names}


def test_the_newest_windows_say_what_the_exact_ones_will_say(node: Node) -> None:
    """400 rows up to 04:23:16, of which 100 are in; three of the newest closed windows of each sensor."""
    databases.create(node.database(), readings(400, step_s=3.5, sensors=("a", "b")))
    expected = exact(node)
    with underway(node, 1, page_rows=100) as (intake, show):
        assert (intake.branch and intake.branch.position, intake.waiting) == (100, 300)
        before = len(node.memory.contents["aggregates"])
        show(2 * EVERY_S)
    early = shown(node)
    assert len(early) == len(node.memory.contents["aggregates"]) - before
    by_sensor = {of: starts({n: i for n, i in early.items() if i["sensorId"] == of}) for of in ("a", "b")}
    assert by_sensor == {"a": ["04:19", "04:20", "04:21"], "b": ["04:20", "04:21", "04:22"]}
    for name, item in early.items():
        assert (item["provisional"], item["ttl"], "anomalies" in item) == (True, TTL_S, False)
        assert without(item, "provisional", "ttl") == without(expected[name], "anomalies")
    node.run()
    assert node.memory.contents["aggregates"] == expected


def test_nothing_of_it_enters_archive_or_checkpoint(node: Node) -> None:
    databases.create(node.database(), readings(400))
    with underway(node, 1) as (_, show):
        before = checkpoint(node), tree(node.archive)
        show(LONGEST_S)
        assert shown(node)
        assert (checkpoint(node), tree(node.archive)) == before


def checkpoint(node: Node) -> list[str]:
    with closing(sqlite3.connect(f"file:{node.checkpoint}?mode=ro", uri=True)) as connection:
        return list(connection.iterdump())


def tree(archive: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in archive.rglob("*") if path.is_file()}


def test_a_window_that_the_end_of_the_table_has_a_part_of_is_left_out(node: Node) -> None:
    """The last 20 rows, ten seconds apart, begin in the middle of 04:36."""
    databases.create(node.database(), readings(240, step_s=10))
    with underway(node, 1) as (_, show):
        show(LONGEST_S)
    assert starts(shown(node)) == ["04:37", "04:38"]


def test_without_a_gap_what_was_taken_in_counts_too(node: Node) -> None:
    """Rows up to 04:03:10 are in and 15 more wait: one window has rows of both, one is only closed by them."""
    databases.create(node.database(), readings(35, step_s=10))
    expected = exact(node)
    with underway(node, 1) as (_, show):
        show(LONGEST_S)
    early = shown(node)
    assert starts(early) == ["04:02", "04:03", "04:04"]
    for name, item in early.items():
        assert without(item, "provisional", "ttl") == without(expected[name], "anomalies")


def test_a_window_that_has_left_is_never_written_over(node: Node) -> None:
    """Late rows change it in their turn; until then its document must not become one that expires."""
    rows = readings(20, step_s=10)
    late = readings(15, seed=2, step_s=1, start=START + timedelta(seconds=70))
    databases.create(node.database(), [*rows, *late])
    with underway(node, 1) as (_, show):
        before = node.memory.writes["aggregates"]
        show(LONGEST_S)
        assert starts(node.memory.contents["aggregates"]) == ["04:00", "04:01"]
        assert node.memory.writes["aggregates"] == before
    node.run()
    (changed,) = (item for item in node.memory.contents["aggregates"].values() if item["windowStart"][14:16] == "01")
    assert (changed["count"], "ttl" in changed) == (6 + 15, False)


def test_wrong_clocks_neither_hide_the_newest_nor_show_another_time(node: Node) -> None:
    rows = readings(400, step_s=10)
    for row, year in ((rows[395], 2071), (rows[397], 2071), (rows[390], 1970)):
        row["timestamp"] = f"{year}-01-01T00:00:00+00:00"
    databases.create(node.database(), rows)
    with underway(node, 1) as (_, show):
        show(2 * EVERY_S)
    assert starts(shown(node)) == ["05:04", "05:05"]
    assert {item["windowStart"][:10] for item in shown(node).values()} == {"2026-11-22"}


@pytest.mark.parametrize("rows", [[], [{"timestamp": "noon", "sensor_id": "s1"}] * 40])
def test_where_nothing_is_new_or_nothing_is_readable_nothing_is_shown(node: Node, rows: list[Row]) -> None:
    databases.create(node.database(), [*readings(20), *rows])
    with underway(node, 1) as (_, show):
        before = node.memory.writes.copy()
        show(LONGEST_S)
    assert node.memory.writes == before


class Slow(Silent):
    """A batch takes so many seconds; `look` is called after each."""

    def __init__(self, seconds: float, look: Callable[[], object] = lambda: None):
        self.now = 0.0
        self._seconds = seconds
        self._look = look

    def clock(self) -> float:
        return self.now

    def rest(self, seconds: float) -> None:
        self.now += seconds

    def batch(self, database: Database, taken: Taken) -> None:  # noqa: ARG002 - see `world.Progress`
        self._look()
        self.now += self._seconds


def sent(strict: StrictCosmos) -> list[dict[str, Any]]:
    """Provisional documents, in order."""
    return [item for batch in strict.batches for item in batch.documents if "provisional" in item]


def fill(node: Node) -> None:
    for seed, name in enumerate(("a", "b")):
        databases.create(node.database(name), readings(200, seed=seed, step_s=10, sensors=(name,)))


@pytest.mark.parametrize("every", [None, 15])
def test_a_long_drain_shows_the_newest_of_each_database_and_ends_as_a_quick_one(
    node: Node, strict: StrictCosmos, every: float | None
) -> None:
    """In one pass, or in many that each end before a preview is due."""
    fill(node)
    slow = Slow(10.0)
    world = World(clock=slow.clock)
    for report in passes(node.settings(strict.account, every=every), world, slow):
        assert report.exit_code == 0
        if report.backlog_rows == 0:
            break
    early = sent(strict)
    newest = {item["sensorId"]: item["windowStart"][11:16] for item in early}
    assert newest == {"a": "04:31", "b": "04:31"}
    per_window = [(item["sensorId"], item["windowStart"]) for item in early]
    assert len(per_window) <= 2 * (20 * 10 / EVERY_S) * 3
    stored = oracle.documents(strict.account, "aggregates")
    assert not [item for item in stored.values() if "provisional" in item or "ttl" in item]
    quick = Node(node.root / "quick")
    fill(quick)
    quick.run()
    assert stored == quick.memory.contents["aggregates"]


def test_quick_drains_show_nothing_early_however_far_apart_they_are(node: Node, strict: StrictCosmos) -> None:
    """Fifty seconds each: the second long after the first, and cut in two by a pass that could not begin."""
    fill(node)
    slow = Slow(5.0)
    world = World(clock=slow.clock)
    world.stop.wait = lambda timeout=None: bool(slow.rest(timeout or 0.0))  # type: ignore[method-assign]
    reports = passes(node.settings(strict.account, every=15, page_rows=40), world, slow)
    assert caught_up(reports) == 400
    slow.rest(1_000.0)
    for name in ("a", "b"):
        later = readings(200, seed=5, step_s=10, start=START + timedelta(hours=1), sensors=(name,))
        databases.append(node.database(name), later)
    first = next(reports)
    assert first.backlog_rows
    slow.rest(1_000.0)
    with open_checkpoint(node.state, node.city):
        assert next(reports).exit_code == 1
    assert caught_up(reports) == 400 - first.taken.rows
    assert sent(strict) == []


def caught_up(reports: Iterator[Report]) -> int:
    """Rows taken in by passes until nothing waits."""
    rows = 0
    for report in reports:
        rows += report.taken.rows
        if report.backlog_rows == 0:
            return rows
    raise AssertionError("the passes ended before")


def test_a_database_that_has_caught_up_is_shown_while_another_goes_on(node: Node, account: Account) -> None:
    """Its new rows would else wait for the whole of the other's backlog."""
    databases.create(node.database("a"), readings(400, step_s=10, sensors=("a",)))
    databases.create(node.database("b"), readings(30, step_s=10, sensors=("b",)))
    added: list[bool] = []

    def look() -> None:
        if slow.now == 250.0:
            later = START + timedelta(seconds=300)
            databases.append(node.database("b"), readings(15, seed=3, step_s=10, start=later, sensors=("b",)))
        if slow.now == 400.0:
            stored = oracle.documents(account, "aggregates")
            newest = max((item for item in stored.values() if item["sensorId"] == "b"), key=lambda i: i["windowStart"])
            added.append(newest["windowStart"][11:16] == "04:06" and newest["provisional"])

    slow = Slow(50.0, look)
    list(passes(node.settings(account), World(clock=slow.clock), slow))
    assert added == [True]


def test_a_table_that_is_replaced_before_it_is_shown_is_read_as_another(node: Node, account: Account) -> None:
    databases.create(node.database(), readings(200, step_s=10))
    replaced = []

    def look() -> None:
        if not replaced:
            replaced.append(databases.create(node.database(), readings(100, seed=4, step_s=10)))

    slow = Slow(100.0, look)
    (report,) = passes(node.settings(account), World(clock=slow.clock), slow)
    assert (report.exit_code, report.taken.rows, report.backlog_rows) == (0, 120, 0)


def test_a_preview_whose_rows_never_have_their_turn_expires(node: Node, account: Account) -> None:
    """The table is replaced after it was shown: what was shown is of rows that are nowhere any more."""
    databases.create(node.database(), readings(400, step_s=10))
    ahead_s = 0.0
    with StrictCosmos(account, now=lambda: time.time() + ahead_s) as strict:
        slow = Slow(100.0)
        world = World(clock=slow.clock)
        reports = passes(node.settings(strict.account, every=1), world, slow)
        assert next(reports).backlog_rows
        databases.create(node.database(), readings(60, seed=4, step_s=10))
        assert next(reports).exit_code == 0
        early = {item["id"] for item in sent(strict)}
        assert early
        assert early <= oracle.documents(strict.account, "aggregates").keys()
        ahead_s = TTL_S - 60.0
        assert early <= oracle.documents(strict.account, "aggregates").keys()
        ahead_s = TTL_S + 60.0
        left = oracle.documents(strict.account, "aggregates")
        assert left
        assert not early & left.keys()
