"""Buckets say what single readings would; archive, aggregates and anomalies do not change by them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.harness import databases, oracle
from tests.harness.bucketed import FORMS, joined, mixed
from tests.harness.databases import readings
from tests.harness.node import Node


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
