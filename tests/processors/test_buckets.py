"""Readings in buckets: the same whatever pages, runs, kills and forms there were; none lost, none doubled."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from processors.archive import Archive
from processors.checkpoint import Checkpoint
from processors.manifest import Manifest, read_manifest
from processors.model import Refusal, Written
from tests.harness import databases, oracle
from tests.harness.databases import START, Row, readings
from tests.harness.node import Memory, Node

POINTS: list[tuple[type, str]] = [
    (Checkpoint, "intend"),
    (Memory, "write"),
    (Archive, "write"),
    (Checkpoint, "advance"),
    (Checkpoint, "keep"),
]
FORMS: list[dict[str, Any]] = [
    {},
    {"bucket_rows": 2},
    {"bucket_rows": 30},
    {"bucket_rows": 30, "bucket_seconds": 120},
    {"bucket_rows": 30, "descriptions": "once"},
    {"descriptions": "once"},
    {"bucket_rows": 7, "stage": "raw"},
    {"bucket_rows": 30, "resolution": {"voltageV": 1e-4}},
]


def mixed(count: int, seed: int, **more: Any) -> list[Row]:
    """Readings of two sensors in a table, some late, over the end of a month; a bad one."""
    dice = random.Random(seed)
    rows = readings(count, seed=seed, sensors=("a", "b"), start=START.replace(day=30, hour=23, minute=50), **more)
    for _ in range(count // 20):
        early, late = dice.randrange(count), dice.randrange(count)
        rows.insert(late, rows.pop(early))
    rows[count // 3]["timestamp"] = "yesterday"
    return rows


def kinds(node: Node) -> dict[str | None, int]:
    found: dict[str | None, int] = {}
    for item in node.memory.contents["readings"].values():
        found[item.get("kind")] = found.get(item.get("kind"), 0) + 1
    return found


def joined(node: Node) -> dict[str, dict[str, Any]]:
    return oracle.joined(node.memory.contents["readings"].values())


def arrived(node: Node) -> set[tuple[str, int]]:
    """Sensor and row id of readings, of whatever stage: the same in the sink and the archive, each once."""
    sent = [(item["sensorId"], item["rowId"]) for item in joined(node).values()]
    kept = [fact[:2] for fact in oracle.once(oracle.archived(node.archive))]
    assert sorted(sent) == sorted(kept)
    return set(sent)


class Killed(Exception):
    """Stands for the end of the process."""


@contextmanager
def killed(owner: type, name: str, call: int, *, before: bool) -> Iterator[None]:
    """The process ends before or after the n-th call; it may end by itself first."""
    original: Callable[..., Any] = getattr(owner, name)
    calls = 0

    def dying(*given: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call and before:
            raise Killed
        result = original(*given, **named)
        if calls == call:
            raise Killed
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, dying)
        with suppress(Killed):
            yield


def manifests(node: Node) -> list[Manifest]:
    found = []
    for path in node.archive.glob("_manifests/*/*/*/*.json"):
        if path.stem != "generation":
            after = -(2**63) if path.stem == "start" else int(path.stem)
            manifest = read_manifest(path, path.parent.name, after)
            assert manifest is not None
            found.append(manifest)
    return sorted(found, key=lambda manifest: manifest.after)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_unpacked_and_joined_they_are_what_would_leave_otherwise(tmp_path: Path, form: dict[str, Any]) -> None:
    rows = mixed(150, 1)
    alone, node = Node(tmp_path / "alone"), Node(tmp_path / "node")
    for each in (alone, node):
        databases.create(each.database(), rows)
    alone.run(stage=form.get("stage", "sanitized"))
    node.run(**form)
    assert joined(node) == {item["id"]: item for item in alone.memory.contents["readings"].values()}
    for container in ("aggregates", "anomalies"):
        assert node.memory.contents[container] == alone.memory.contents[container]


@pytest.mark.parametrize("seed", range(6))
def test_any_pages_any_runs_and_any_kills_give_the_same(tmp_path: Path, seed: int) -> None:
    """Also when what waits is shown or not, and when the checkpoint is lost between two runs."""
    dice = random.Random(seed)
    form = FORMS[1 + seed]
    rows = mixed(160, seed)
    whole, parts = Node(tmp_path / "whole"), Node(tmp_path / "parts")
    databases.create(whole.database(), rows)
    whole.run(page_rows=1000, **form)
    databases.create(parts.database())
    taken = 0
    while taken < len(rows):
        step = dice.choice([1, 5, 40])
        databases.append(parts.database(), rows[taken : taken + step])
        taken += step
        for _ in range(dice.randrange(3)):
            if dice.random() < 0.2:
                parts.forget()
            with killed(*dice.choice(POINTS), dice.randint(1, 4), before=dice.random() < 0.5):
                parts.run(page_rows=dice.choice([7, 25, 64]), shows=dice.random() < 0.5, **form)
    parts.run(**form)
    assert parts.memory.contents == whole.memory.contents
    assert parts.everything()[1:] == whole.everything()[1:]
    assert len(arrived(parts)) == len(rows) - 1


@pytest.mark.parametrize("seed", range(8))
def test_any_forms_one_after_another_lose_and_double_nothing(tmp_path: Path, seed: int) -> None:
    """Whatever is killed between."""
    dice = random.Random(f"forms {seed}")
    rows = mixed(140, seed)
    node = Node(tmp_path)
    databases.create(node.database())
    taken = 0
    while taken < len(rows):
        step = dice.choice([1, 9, 40])
        databases.append(node.database(), rows[taken : taken + step])
        taken += step
        for _ in range(dice.randrange(4)):
            with killed(*dice.choice(POINTS), dice.randint(1, 4), before=dice.random() < 0.5):
                node.run(page_rows=dice.choice([7, 25, 64]), shows=dice.random() < 0.5, **dice.choice(FORMS))
        if dice.random() < 0.15:
            node.run(shows=False)  # nothing is on its way: a checkpoint that is lost then is made again
            node.forget()
    node.run(**dice.choice(FORMS))
    assert len(arrived(node)) == len(rows) - 1


@pytest.mark.parametrize("other", [{}, {"bucket_rows": 7}, {"stage": "aggregated"}], ids=["alone", "7", "aggregated"])
@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("point", POINTS, ids=[f"{owner.__name__}.{name}" for owner, name in POINTS])
@pytest.mark.parametrize("call", [1, 2])
def test_a_change_of_form_after_a_kill(
    node: Node, other: dict[str, Any], point: tuple[type, str], before: bool, call: int
) -> None:
    rows = readings(90)
    databases.create(node.database(), rows[:25])
    node.run(bucket_rows=8)
    databases.append(node.database(), rows[25:])
    with killed(*point, call, before=before):
        node.run(bucket_rows=8)
    node.run(**other)
    kept = oracle.once(oracle.archived(node.archive))
    assert len(kept) == 90
    if "stage" not in other:
        assert node.facts() == kept
    sent = joined(node)
    left = {number for manifest in manifests(node) for number in ids_left(manifest, range(1, 91))}
    assert {item["rowId"] for item in sent.values()} >= left


def ids_left(manifest: Manifest, ids: range) -> set[int]:
    """Row ids that a manifest says have left, of a table of one sensor without rejects."""
    if manifest.left is not None:
        return {number for first, last in manifest.left for number in range(first, last + 1)}
    assert manifest.form is not None
    own = {number for number in ids if manifest.after < number <= manifest.last_id}
    return set() if manifest.form["stage"] == "aggregated" else own


def test_full_buckets_are_written_once_and_the_open_one_at_the_end(node: Node) -> None:
    databases.create(node.database(), readings(150))
    taken = node.run(bucket_rows=60, page_rows=20)
    found = sorted(node.memory.contents["readings"].values(), key=lambda item: item["columns"]["rowId"][0])
    assert [(item["id"].split("-")[1], item["count"]) for item in found] == [("b1", 60), ("b61", 60), ("b121", 30)]
    assert node.memory.writes["readings"] == taken.readings == 3
    assert taken.sent == 120
    node.run(bucket_rows=60)
    assert node.memory.writes["readings"] == 3
    databases.append(node.database(), readings(40, seed=2, start=START + timedelta(hours=1)))
    node.run(bucket_rows=60)
    assert node.memory.writes["readings"] == 5
    assert sorted(item["count"] for item in node.memory.contents["readings"].values()) == [10, 60, 60, 60]
    assert [manifest.left for manifest in manifests(node)[:4]] == [[], [], [[1, 20], [21, 40], [41, 60]], []]


def test_what_left_is_written_down_by_whose_turn_it_was(node: Node) -> None:
    """Sensors in turn; the fifth row is a reject, and no reading."""
    rows = readings(12, sensors=("a", "b"))
    rows[4]["timestamp"] = "never"
    databases.create(node.database(), rows)
    node.run(bucket_rows=3, page_rows=6)
    assert [manifest.left for manifest in manifests(node)] == [
        [[2, 2], [4, 6]],
        [[1, 1], [3, 3], [7, 8], [10, 10], [12, 12]],
    ]


def test_a_bucket_ends_with_its_month_and_its_span(node: Node) -> None:
    databases.create(node.database(), readings(12, start=START.replace(day=30, hour=23, minute=59), step_s=20))
    node.run(bucket_rows=60)
    assert sorted(item["count"] for item in node.memory.contents["readings"].values()) == [3, 9]
    other = Node(node.root / "other")
    databases.copy(node.database(), other.database())
    other.run(bucket_rows=60, bucket_seconds=60)
    assert sorted(item["count"] for item in other.memory.contents["readings"].values()) == [3, 3, 3, 3]


def test_a_late_reading_ends_a_bucket_and_is_in_one_of_its_own_time(node: Node) -> None:
    rows = readings(9, start=START.replace(day=30, hour=23, minute=59), step_s=20)
    rows.append(rows.pop(0))
    databases.create(node.database(), rows)
    node.run(bucket_rows=60)
    found = node.memory.contents["readings"].values()
    assert sorted((item["month"], item["count"]) for item in found) == [
        ("2026-11", 1), ("2026-11", 2), ("2026-12", 6),
    ]  # fmt: skip
    assert len(node.facts()) == 9


@pytest.mark.parametrize("shown", [False, True])
def test_the_open_bucket_of_a_database_that_is_replaced_leaves(node: Node, shown: bool) -> None:
    databases.create(node.database(), readings(30))
    node.run(bucket_rows=60, shows=shown)
    databases.create(node.database(), readings(10, seed=5, start=START + timedelta(days=1)))
    node.run(bucket_rows=60)
    assert len(node.facts()) == 40
    assert sorted(item["count"] for item in node.memory.contents["readings"].values()) == [10, 30]


def test_the_open_bucket_of_a_database_that_is_gone_leaves(node: Node) -> None:
    databases.create(node.database("gone"), readings(30))
    databases.create(node.database("stays"), readings(5, sensors=("s2",)))
    node.run(bucket_rows=60, shows=False)
    assert not node.memory.contents["readings"]
    databases.remove(node.database("gone"))
    node.database("gone").parent.rmdir()
    node.run(bucket_rows=60)
    assert len(node.facts()) == 35


def test_an_older_copy_put_back_begins_buckets_of_its_own(node: Node) -> None:
    rows = readings(50)
    path = databases.create(node.database(), rows[:20])
    older = databases.copy(path, node.root / "older.db")
    databases.append(path, rows[20:])
    node.run(bucket_rows=30, shows=False)
    databases.append(older, readings(20, seed=9, start=START + timedelta(days=1)))
    databases.copy(older, path)
    node.run(bucket_rows=30)
    assert len(node.facts()) == 70
    assert sorted(item["count"] for item in node.memory.contents["readings"].values()) == [20, 20, 30]


def test_without_its_checkpoint_the_open_bucket_is_known_from_the_archive(node: Node) -> None:
    """In the form that its readings were archived in, whatever the settings say by then."""
    databases.create(node.database(), readings(50))
    node.run(bucket_rows=30, shows=False)
    node.forget()
    node.run()
    assert kinds(node) == {"bucket": 2}
    assert len(node.facts()) == 50
    databases.append(node.database(), readings(5, seed=3, start=START + timedelta(days=1)))
    node.run()
    assert kinds(node) == {"bucket": 2, None: 5}
    assert len(node.facts()) == 55
    assert manifests(node)[-1].left == [[31, 40], [41, 50], [51, 55]]


def test_a_manifest_that_was_lost_is_taken_for_one_of_those_around_it(node: Node) -> None:
    databases.create(node.database(), readings(50))
    node.run(bucket_rows=30, shows=False)
    before = deepcopy(node.memory.contents)
    next(node.archive.glob("_manifests/*/*/*/20.json")).write_text("{")
    node.forget()
    node.run(bucket_rows=30, shows=False)
    assert node.memory.contents == before
    databases.append(node.database(), readings(10, seed=3, start=START + timedelta(days=1)))
    node.run(bucket_rows=30)
    assert sorted(item["count"] for item in node.memory.contents["readings"].values()) == [30, 30]
    assert len(node.facts()) == 60


class Refusing(Memory):
    """Refuses documents with a reading of certain row ids."""

    def __init__(self, faults: set[int]) -> None:
        super().__init__()
        self.faults = faults

    def write(self, container: str, documents: Any) -> Written:
        known = list(documents)
        refused = [
            item["id"]
            for group in known
            for item in group.items
            if container == "readings" and self.faults & {reading["rowId"] for reading in oracle.unpacked(item)}
        ]
        for group in known:
            kept = [place for place, item in enumerate(group.items) if item["id"] not in refused]
            group.items[:] = [group.items[place] for place in kept]
            group.sizes[:] = [group.sizes[place] for place in kept]
        written = super().write(container, known)
        return Written(written.documents, refused=[Refusal(name, 400, "not that") for name in refused])


@pytest.mark.parametrize("page_rows", [7, 100])
@pytest.mark.parametrize("form", [{"bucket_rows": 30}, {}], ids=["buckets", "alone"])
def test_of_a_refused_bucket_only_the_reading_at_fault_is_a_reject(
    tmp_path: Path, form: dict[str, Any], page_rows: int
) -> None:
    node = Node(tmp_path, memory=Refusing({3, 40, 41, 80}))
    databases.create(node.database(), readings(100))
    taken = node.run(page_rows=page_rows, **form)
    rejects = oracle.rejects(node.archive)
    assert {(reject["rowId"], *reject["rules"], *reject["odd"]) for reject in rejects} == {
        (number, "accepted_by_cosmos_400", "not that") for number in (3, 40, 41, 80)
    }
    assert len(rejects) == taken.rejected == 4
    assert {item["rowId"] for item in joined(node).values()} == set(range(1, 101)) - {3, 40, 41, 80}
    own = {reject["row"] for reject in rejects}
    assert all(f'-{number}"' in " ".join(own) for number in (3, 40, 41, 80))


def test_a_refused_reading_that_waits_is_told_of_and_is_a_reject_once_its_bucket_leaves(tmp_path: Path) -> None:
    node = Node(tmp_path, memory=Refusing({5}))
    databases.create(node.database(), readings(20))
    taken = node.run(bucket_rows=30)
    assert taken.notices == ("s1: row 5 waits for its bucket, and Cosmos will not take it: 400: not that",)
    assert not oracle.rejects(node.archive)
    databases.append(node.database(), readings(20, seed=2, start=START + timedelta(days=1)))
    node.run(bucket_rows=30)
    assert [reject["rowId"] for reject in oracle.rejects(node.archive)] == [5]
    assert {item["rowId"] for item in joined(node).values()} == set(range(1, 41)) - {5}


def test_archive_and_anomalies_have_values_in_full(tmp_path: Path) -> None:
    rows = readings(80)
    whole, node = Node(tmp_path / "whole"), Node(tmp_path / "node")
    for each in (whole, node):
        databases.create(each.database(), rows)
    whole.run()
    node.run(resolution={"temperatureC": 0.5, "pressurePa": 10}, bucket_rows=30)
    assert oracle.archived(node.archive) == oracle.archived(whole.archive)
    for container in ("aggregates", "anomalies"):
        assert node.memory.contents[container] == whole.memory.contents[container]
    full = whole.memory.contents["readings"]
    for name, item in joined(node).items():
        assert abs(item["temperatureC"] - full[name]["temperatureC"]) <= 0.25
        assert item["temperatureC"] * 2 == int(item["temperatureC"] * 2)
        assert abs(item["pressurePa"] - full[name]["pressurePa"]) <= 5
        assert {key: item[key] for key in item.keys() - {"temperatureC", "pressurePa"}} == {
            key: full[name][key] for key in full[name].keys() - {"temperatureC", "pressurePa"}
        }


def test_what_sensors_are_is_said_once_whatever_the_pages(tmp_path: Path) -> None:
    """Also by batches from which no reading leaves."""
    rows = readings(300)
    said = {}
    for page_rows in (20, 300):
        node = Node(tmp_path / str(page_rows))
        databases.create(node.database(), rows)
        node.run(bucket_rows=60, descriptions="once", page_rows=page_rows)
        said[page_rows] = node.memory.writes["readings"]
    assert said == {20: 1 + 5, 300: 1 + 5}
