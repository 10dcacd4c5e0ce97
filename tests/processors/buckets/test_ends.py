"""Where a bucket ends: by its rows, its month, its span and a late reading; what has left by then."""

from __future__ import annotations

from datetime import timedelta

from tests.harness import databases
from tests.harness.bucketed import manifests
from tests.harness.databases import START, readings
from tests.harness.node import Node


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
