"""Attacks that once left a reading in two documents: shows, kills, refusals, lost checkpoints, changed settings."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from processors.archive import Archive
from processors.checkpoint import Checkpoint, open_checkpoint
from processors.errors import CheckpointError
from tests.harness import databases, oracle
from tests.harness.bucketed import Refusing
from tests.harness.databases import START, readings
from tests.harness.killed import killed
from tests.harness.node import Node


def ids(node: Node) -> list[int]:
    """Row ids of readings in Cosmos, with those that are there twice twice."""
    found = (reading for item in node.memory.contents["readings"].values() for reading in oracle.unpacked(item))
    return sorted(reading["rowId"] for reading in found if "provisional" not in reading)


def test_a_bucket_that_waits_is_as_large_as_when_it_leaves(node: Node) -> None:
    """Just below the size at which it is parted: what tells that a reading waits must not count."""
    rows = readings(980)
    databases.create(node.database(), rows[:979])
    form = {"stage": "raw", "bucket_rows": 980, "page_rows": 2_000}
    node.run(**form)
    databases.append(node.database(), rows[979:])
    node.run(**form)
    assert ids(node) == list(range(1, 981))


def test_a_refused_reading_that_need_not_leave_parts_no_bucket(tmp_path: Path) -> None:
    node = Node(tmp_path, memory=Refusing({6}))
    rows = readings(10)
    for number, row in enumerate(rows):
        row.update(temperature=20.0 + number % 2 * 9 * (number < 5), humidity=45.0, pressure=101_300.0)
        row.update(vibration=1.0, voltage=12.0)
    form = {"send": "changes", "swinging_door": {"temperatureC": 0.5}, "bucket_rows": 60}
    databases.create(node.database())
    for row in rows:
        databases.append(node.database(), [row])
        node.run(**form)
        assert len(set(ids(node))) == len(ids(node)), ids(node)
    assert 6 not in ids(node)


@pytest.mark.parametrize("point", [(Archive, "write"), (Checkpoint, "add")], ids=["sent", "begun"])
def test_a_first_batch_that_was_sent_and_forgotten_is_done_as_it_was(node: Node, point: tuple[type, str]) -> None:
    databases.create(node.database(), readings(100))
    with killed(*point, 1, before=True):
        node.run(bucket_rows=30, page_rows=40)
    node.forget()
    node.run(bucket_rows=30, page_rows=40)
    assert ids(node) == list(range(1, 101))
    assert sorted(item["count"] for item in node.memory.contents["readings"].values()) == [10, 30, 30, 30]


@pytest.mark.parametrize("form", [{"bucket_rows": 60, "bucket_seconds": 3600}, {}], ids=["buckets", "alone"])
def test_a_batch_that_was_sent_is_read_again_in_its_time_zone(node: Node, form: dict[str, Any]) -> None:
    """In another one its readings would be of other buckets, and of another month."""
    begin = START.replace(day=30, hour=20)
    rows = readings(190, start=begin, step_s=60.0)
    for row in rows:
        row.update(timestamp=row["timestamp"].replace("+00:00", ""), original_timezone=None)
    databases.create(node.database(), rows)
    with killed(Archive, "write", 5, before=True):
        node.run(source_time_zone="UTC", **form)
    node.run(source_time_zone="Asia/Kolkata", **form)
    assert ids(node) == list(range(1, 191))
    kept = sorted(oracle.once(oracle.archived(node.archive)), key=lambda fact: fact[1])
    of_utc = [fact[2] == (begin + timedelta(minutes=place)).timestamp() * 1e6 for place, fact in enumerate(kept)]
    assert of_utc == [True] * 100 + [False] * 90


def test_what_a_later_version_was_about_to_send_is_not_sent_otherwise(node: Node) -> None:
    databases.create(node.database(), readings(60))
    with killed(Archive, "write", 2, before=True):
        node.run(bucket_rows=30)
    later: Callable[[str], str] = lambda form: json.dumps(json.loads(form) | {"shape": "round"})  # noqa: E731
    with open_checkpoint(node.state, node.city) as checkpoint:
        (branch,) = checkpoint.branches("s1")
        owner = f"{branch.generation}/intended"
        ((name, noted),) = checkpoint.carried(owner).items()
        checkpoint.keep(owner, {name: noted.with_columns(pl.col("form").map_elements(later, pl.String))})
    before = ids(node)
    with pytest.raises(CheckpointError, match=r"does not know the form .*round"):
        node.run(bucket_rows=30)
    assert ids(node) == before


def test_one_large_bucket_hides_nothing_of_another_sensor(node: Node) -> None:
    """Nor its own reading that need not leave, where the others are parted without it."""
    large = [{**row, "sensor_id": "large", "location": "x" * 400_000} for row in readings(9)]
    small = [{**row, "sensor_id": "small", "location": "x"} for row in readings(5)]
    usual = {"temperature": 20.0, "humidity": 45.0, "pressure": 101_300.0, "vibration": 1.0, "voltage": 12.0}
    for place, row in enumerate([*large, *small]):
        row.update(usual, pressure=101_300.0 + 100 * (place % 2) * (row["sensor_id"] == "large" and place < 7))
    databases.create(node.database(), [*large, *small])
    bounds = {"dead_band": {"pressurePa": 50.0}, "swinging_door": {"temperatureC": 0.5}}
    node.run(send="changes", bucket_rows=60, page_rows=100, **bounds)
    found = oracle.joined(node.memory.contents["readings"].values()).values()
    uncertain = {item["sensorId"]: item["rowId"] for item in found if item.get("provisional")}
    assert len({item["id"] for item in node.memory.contents["readings"].values() if item["sensorId"] == "large"}) > 1
    assert uncertain == {"large": 9, "small": 14}
