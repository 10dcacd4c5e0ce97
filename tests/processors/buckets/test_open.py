"""The open bucket when its database, its checkpoint or a manifest is another, or gone."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta

import pytest

from tests.harness import databases
from tests.harness.bucketed import manifests
from tests.harness.databases import START, readings
from tests.harness.node import Node


def kinds(node: Node) -> dict[str | None, int]:
    found: dict[str | None, int] = {}
    for item in node.memory.contents["readings"].values():
        found[item.get("kind")] = found.get(item.get("kind"), 0) + 1
    return found


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
