"""Lives of a database, as the pipeline tells them apart: what is new arrives once, what was before stays."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from processors import lineage
from processors.archive import Archive
from processors.errors import SourceChanged
from processors.model import Branch
from tests.harness import databases, oracle
from tests.harness.databases import AUTO, PLAIN, START, Row, readings
from tests.harness.node import Node

LATER = START + timedelta(days=1)

Forget = Callable[[Node], None]
Ninety = Callable[[Path, str], Node]


def keep(_: Node) -> None:
    """The checkpoint stays."""


@pytest.fixture(params=[keep, Node.forget], ids=["checkpoint", "no checkpoint"])
def before_run(request: pytest.FixtureRequest) -> Forget:
    """What happens to the checkpoint before the run that meets the changed database."""
    chosen: Forget = request.param
    return chosen


@pytest.fixture(scope="module")
def ninety(tmp_path_factory: pytest.TempPathFactory) -> Ninety:
    """Copies of a node that has taken in ninety rows, the same for all tests; the second argument is its id column."""
    root = tmp_path_factory.mktemp("ninety")

    @cache
    def taken(id_column: str) -> Node:
        node = Node(root / id_column)
        databases.create(node.database(), readings(90), id_column=id_column)
        node.run()
        return node

    return lambda folder, id_column: taken(id_column).copy(folder)


def after(rows: list[Row], count: int, seed: int = 2) -> list[Row]:
    """Rows that follow others in time."""
    return readings(count, seed=seed, start=START + timedelta(seconds=7 * len(rows)))


def generations(node: Node) -> set[str]:
    return {item["generation"] for item in node.memory.contents["readings"].values()}


def test_a_copy_from_a_power_cut_is_read_with_its_log(node: Node, before_run: Forget) -> None:
    rows = readings(50)
    live = databases.create(node.root / "live.db", rows)
    databases.copy(live, node.database())
    node.run()
    more = after(rows, 30)
    databases.power_cut(live, node.database(), more)
    before_run(node)
    assert node.run().rows == 30
    assert not node.database().with_name("sensor_data.db-shm").exists()
    assert node.facts() == set(oracle.table(live))
    assert len(generations(node)) == 1


@pytest.mark.parametrize("id_column", [AUTO, PLAIN])
def test_deleted_old_rows_and_vacuum_are_the_same_life(
    ninety: Ninety, tmp_path: Path, before_run: Forget, id_column: str
) -> None:
    rows, node = readings(90), ninety(tmp_path, id_column)
    path = node.database()
    every = set(oracle.table(path))
    databases.execute(path, "DELETE FROM sensor_readings WHERE id <= 75", "VACUUM")
    databases.append(path, after(rows, 25))
    every |= set(oracle.table(path))
    before_run(node)
    assert node.run().rows == 25
    assert node.facts() == every
    assert len(generations(node)) == 1


@pytest.mark.parametrize(("id_column", "lives"), [(AUTO, 1), (PLAIN, 2)])
@pytest.mark.parametrize("count", [30, 130])
def test_all_rows_deleted_and_new_ones(
    ninety: Ninety, tmp_path: Path, before_run: Forget, id_column: str, lives: int, count: int
) -> None:
    rows, node = readings(90), ninety(tmp_path, id_column)
    path = node.database()
    every = set(oracle.table(path))
    databases.execute(path, "DELETE FROM sensor_readings")
    before_run(node)
    assert node.run().rows == 0
    databases.append(path, after(rows, count))
    every |= set(oracle.table(path))
    before_run(node)
    assert node.run().rows == count
    assert node.facts() == every
    assert len(generations(node)) == lives


@pytest.mark.parametrize(
    ("id_column", "count", "start"),
    [
        (AUTO, 1, START),
        (AUTO, 40, START),
        (PLAIN, 90, START),
        (AUTO, 140, START),
        (PLAIN, 40, START + timedelta(days=1)),
    ],
)
def test_a_recreated_database_is_another_life(
    ninety: Ninety, tmp_path: Path, before_run: Forget, id_column: str, count: int, start: datetime
) -> None:
    node = ninety(tmp_path, id_column)
    path = node.database()
    every = set(oracle.table(path))
    before = deepcopy(node.memory.contents)
    databases.create(path, readings(count, seed=5, start=start), id_column=id_column)
    every |= set(oracle.table(path))
    before_run(node)
    assert node.run().rows == count
    assert node.facts() == every
    assert len(generations(node)) == 2
    for container, items in before.items():
        assert items.items() <= node.memory.contents[container].items()
    assert node.run().rows == 0


@pytest.mark.parametrize(
    ("id_column", "shared", "new"), [(AUTO, 1, 60), (PLAIN, 19, 1), (AUTO, 20, 60), (PLAIN, 47, 0), (AUTO, 47, 60)]
)
def test_an_older_copy_put_back_forks_where_it_ends_and_the_newer_one_goes_on(
    ninety: Ninety, tmp_path: Path, before_run: Forget, id_column: str, shared: int, new: int
) -> None:
    rows, node = readings(90), ninety(tmp_path, id_column)
    path = node.database()
    older = databases.create(node.root / "older.db", rows[:shared], id_column=id_column)
    every = set(oracle.table(path))
    newer = databases.copy(path, node.root / "newer.db")
    before = deepcopy(node.memory.contents)

    databases.append(older, readings(new, seed=9, start=START + timedelta(seconds=7 * shared)))
    databases.copy(older, path)
    every |= set(oracle.table(path))
    before_run(node)
    assert node.run().rows == new
    assert node.facts() == every
    for container, items in before.items():
        assert items.items() <= node.memory.contents[container].items()

    between = deepcopy(node.memory.contents)
    databases.append(newer, after(rows, 15))
    databases.copy(newer, path)
    every |= set(oracle.table(path))
    before_run(node)
    assert node.run().rows == 15
    assert node.facts() == every
    assert between["readings"].items() <= node.memory.contents["readings"].items()
    assert len(generations(node)) == (2 if new else 1)

    databases.append(older, readings(5, seed=11, start=START + timedelta(days=1)))
    databases.copy(older, path)
    every |= set(oracle.table(path))
    before_run(node)
    assert node.run().rows == 5
    assert node.facts() == every


def test_an_older_copy_that_grew_past_the_old_end_and_lost_its_old_rows(node: Node, before_run: Forget) -> None:
    rows = readings(90)
    path = databases.create(node.database(), rows[:47])
    older = databases.copy(path, node.root / "older.db")
    databases.append(path, rows[47:])
    every = set(oracle.table(path))
    node.run()
    databases.append(older, readings(100, seed=9, start=START + timedelta(seconds=7 * 47)))
    every |= set(oracle.table(older))
    databases.execute(older, "DELETE FROM sensor_readings WHERE id <= 30")
    databases.copy(older, path)
    before_run(node)
    assert node.run().rows == 100
    assert node.facts() == every


def test_a_database_recreated_while_it_is_read(node: Node) -> None:
    """Between two pages; the pass that follows takes in the other life from its first row."""
    path = databases.create(node.database(), readings(90))
    other = databases.create(node.root / "other.db", readings(40, seed=5))
    arrived = {fact for fact in oracle.table(path) if fact[1] <= 20} | set(oracle.table(other))
    batches: list[int] = []

    def swap() -> None:
        if not batches:
            databases.copy(other, path)
        batches.append(1)

    with pytest.raises(SourceChanged, match="row 20 is not the row that was read before"):
        node.run(after_batch=swap)
    node.run()
    assert node.facts() == arrived


def test_a_row_changed_in_place_is_not_another_life(ninety: Ninety, tmp_path: Path, before_run: Forget) -> None:
    rows, node = readings(90), ninety(tmp_path, AUTO)
    path = node.database()
    known = node.facts()
    databases.execute(path, "UPDATE sensor_readings SET temperature = 5 WHERE id IN (1, 20, 41)")
    databases.append(path, after(rows, 10))
    before_run(node)
    assert node.run().rows == 10
    assert known <= node.facts()
    assert len(generations(node)) == 1


def test_anchors_grow_sparse_with_age_and_never_many() -> None:
    """By the limits that runs have; the next test shows with smaller ones what is found by what is kept."""
    branch = Branch("life", None, 0, 0, ({"id": 0},))
    for last in range(1, 1_001):
        branch = lineage.advance(branch, last, {"id": last})
        assert min(last, 33) <= len(branch.anchors) <= 64, "half of them stay, not the ends alone"
    kept = [anchor["id"] for anchor in branch.anchors]
    assert kept[0] == 0
    assert kept[-16:] == list(range(985, 1_001))
    gaps = [late - early for early, late in pairwise(kept)]
    assert gaps == sorted(gaps, reverse=True)
    assert branch.position == 1_000


def test_many_batches_keep_the_first_anchor(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Far more batches than anchors are remembered; an early fork is found all the same."""
    monkeypatch.setattr(lineage, "MAX_ANCHORS", 8)
    monkeypatch.setattr(lineage, "_RECENT", 2)
    rows = readings(60)
    path = databases.create(node.database(), rows[:7])
    older = databases.copy(path, node.root / "older.db")
    databases.append(path, rows[7:])
    every = set(oracle.table(path))
    node.run(page_rows=2)
    databases.append(older, readings(20, seed=9, start=START + timedelta(seconds=7 * 7)))
    databases.copy(older, path)
    every |= set(oracle.table(path))
    assert node.run(page_rows=3).rows == 20
    assert node.facts() == every


def test_a_life_is_announced_before_anything_of_it_is_sent(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a kill right after the first write, with the database recreated meanwhile, mixes no two lives."""
    path = databases.create(node.database(), readings(30))
    first = set(oracle.table(path))

    class Cut(BaseException):
        pass

    def cut(*_: object, **__: object) -> None:
        raise Cut

    with monkeypatch.context() as patch:
        patch.setattr("processors.archive.Archive.write", cut)
        with pytest.raises(Cut):
            node.run(page_rows=50)
    assert oracle.once(oracle.stated(node.memory.contents["readings"].values())) == first
    databases.create(path, readings(30, seed=5))
    shutil.rmtree(node.state)
    node.run()
    sent = oracle.once(oracle.stated(node.memory.contents["readings"].values()))
    assert sent == first | set(oracle.table(path))


def test_what_was_sent_and_not_kept_is_not_overwritten_by_an_older_copy(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = readings(40)
    path = databases.create(node.database(), rows[:20])
    node.run()
    older = databases.copy(path, node.root / "older.db")
    databases.append(path, rows[20:])
    with monkeypatch.context() as killed:
        killed.setattr(Archive, "write", _killed)
        with pytest.raises(ConnectionAbortedError):
            node.run()
    sent = deepcopy(node.memory.contents["readings"])
    assert len(sent) == 40

    databases.append(older, readings(20, seed=9, start=START + timedelta(seconds=7 * 20)))
    databases.copy(older, path)
    assert node.run().rows == 20
    assert sent.items() <= node.memory.contents["readings"].items()
    assert len(node.memory.contents["readings"]) == 60


def _killed(*_: object) -> None:
    raise ConnectionAbortedError("after the sink, before the archive")


def test_a_larger_intention_outlives_smaller_pages(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = readings(100)
    path = databases.create(node.database(), rows)
    older = databases.create(node.root / "older.db", rows[:70])

    def run_and_die_at(batch: int, page_rows: int) -> None:
        write, seen = Archive.write, []

        def dying(*arguments: object) -> None:
            seen.append(arguments)
            if len(seen) == batch:
                raise ConnectionAbortedError("after the sink, before the archive")
            write(*arguments)  # type: ignore[arg-type]

        with monkeypatch.context() as patch:
            patch.setattr(Archive, "write", dying)
            with pytest.raises(ConnectionAbortedError):
                node.run(page_rows=page_rows)

    run_and_die_at(2, page_rows=40)
    run_and_die_at(3, page_rows=10)
    sent = deepcopy(node.memory.contents["readings"])
    databases.append(older, readings(30, seed=9, start=START + timedelta(seconds=7 * 70)))
    databases.copy(older, path)
    node.run()
    assert sent.items() <= node.memory.contents["readings"].items()


def test_a_recreated_database_is_taken_in_though_its_archive_lost_a_file(node: Node) -> None:
    path = databases.create(node.database(), readings(60))
    node.run()
    next(node.archive.glob("city=*/*/*/*-start.parquet")).unlink()
    databases.remove(path)
    databases.create(path, readings(30, seed=4, start=LATER))
    assert node.run().rows == 30


def test_unknown_columns_are_told_once(node: Node) -> None:
    databases.create(node.database(), readings(30))
    databases.execute(node.database(), "ALTER TABLE sensor_readings ADD COLUMN tempreature REAL")
    assert node.run().notices == ("s1: columns kept in the archive only: tempreature",)
    databases.append(node.database(), readings(30, seed=5, start=LATER))
    assert node.run().notices == ()
