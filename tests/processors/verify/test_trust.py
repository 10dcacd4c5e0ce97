"""What a verification must not let pass, and what it must: marks, lost batches, privacy, expired documents."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from processors.cosmos import Account
from tests.harness import databases
from tests.harness.databases import START, readings
from tests.harness.node import Node
from tests.harness.strict import StrictCosmos
from tests.harness.verified import assert_clean, checked, delete, ids, ingest, items, listed, named, put

DOORS: dict[str, Any] = {"send": "changes", "swinging_door": {"temperatureC": 1_000.0}, "dead_band": {}}
WIDE = {"humidityPct": 1e6, "pressurePa": 1e9, "vibrationMmS": 1e6, "voltageV": 1e6}


def doors() -> dict[str, Any]:
    return {**DOORS, "dead_band": WIDE}


def manifests(node: Node) -> list[Any]:
    return sorted((node.archive / "_manifests").rglob("*.json"))


def test_a_reading_that_has_left_is_not_provisional(node: Node, account: Account) -> None:
    databases.create(node.database(), readings(40))
    ingest(node, account, **doors())
    report = checked(node, account)
    assert (report.exit_code, report.counts.leftOut > 30) == (0, True)
    first = items(account)[0]
    assert ids(first) == [1]
    put(account, first | {"provisional": True})
    checked(node, account)
    assert named(node) == {("differing", first["id"])}
    assert "provisional" in listed(node)[0]["why"]


def test_a_reading_that_was_left_out_is_marked(node: Node, account: Account) -> None:
    databases.create(node.database(), readings(40))
    ingest(node, account)
    whole = items(account)
    other = Node(node.root / "other", "reno")
    databases.create(other.database(), readings(40))
    ingest(other, account, **doors())
    own = [item for item in items(account) if item["city"] == "reno"]
    prefix, generation = own[0]["id"].split("-")[0], own[0]["generation"]
    there = {item["rowId"] for item in own}
    some = [item for item in whole if item["rowId"] not in there][3:8]
    as_own = [item | {"city": "reno", "id": f"{prefix}-{item['rowId']}", "generation": generation} for item in some]
    for item in as_own:
        put(account, item | {"provisional": True})
    assert checked(other, account).exit_code == 0
    for item in as_own:
        put(account, item)
    checked(other, account)
    assert named(other) == {("differing", item["id"]) for item in as_own}
    assert {line["why"] for line in listed(other)} == {"it was left out, and is not marked provisional"}


@pytest.mark.parametrize("gone", [1, 3], ids=["in the middle", "the last"])
def test_a_batch_that_neither_the_archive_nor_the_table_has(node: Node, account: Account, gone: int) -> None:
    databases.create(node.database(), readings(40))
    ingest(node, account, page_rows=10)
    path = next(path for path in manifests(node) if path.stem == str(gone * 10))
    path.unlink()
    last = gone * 10 + 10
    databases.execute(node.database(), f"DELETE FROM sensor_readings WHERE id <= {last} AND id > 0")
    for item in items(account):
        if gone * 10 < item["rowId"] <= last:
            delete(account, item)
    report = checked(node, account, page_rows=10)
    assert report.exit_code == 1
    assert named(node) == {("missing", None)}
    assert listed(node)[0]["why"] == f"the archive lacks the batch after row {gone * 10}"
    assert report.document()["missingIds"] == ["a batch of s1"]


def stripped(account: Account, *fields: str) -> int:
    count = 0
    for item in items(account):
        if "rowId" in item:
            put(account, {name: value for name, value in item.items() if name not in fields})
            count += 1
    return count


@pytest.mark.parametrize(
    ("form", "fields"),
    [
        ({"descriptions": "once"}, ("described",)),
        ({}, ("model", "location", "latitude", "longitude")),
        ({"drop_fields": ("model",)}, ("location",)),
    ],
    ids=str,
)
def test_readings_that_no_longer_say_what_their_sensor_is(
    node: Node, account: Account, form: dict[str, Any], fields: tuple[str, ...]
) -> None:
    databases.create(node.database(), readings(30))
    ingest(node, account, **form)
    assert dict(checked(node, account).found) == {}
    assert stripped(account, *fields) == 30
    assert dict(checked(node, account).found) == {"differing": 30}


def test_a_hash_is_allowed_only_where_one_left(node: Node, account: Account) -> None:
    databases.create(node.database(), readings(30))
    ingest(node, account, hash_fields=("model",), hash_key="k")
    assert_clean(checked(node, account, hash_fields=("model",), hash_key="another"), rows=30)
    first, second, *_ = items(account)
    put(account, first | {"location": "0" * 32})
    put(account, second | {"model": "EnvMonitor"})
    checked(node, account)
    assert named(node) == {("differing", first["id"]), ("differing", second["id"])}


def test_what_waits_leaves_with_the_privacy_of_the_run_that_lets_it_go(node: Node, account: Account) -> None:
    databases.create(node.database(), readings(25))
    ingest(node, account, bucket_rows=10)
    databases.append(node.database(), readings(25, seed=2, start=START + timedelta(hours=1)))
    ingest(node, account, bucket_rows=10, drop_fields=("location",))
    assert_clean(checked(node, account), rows=50, readings=50, documents=5)
    across = next(item for item in items(account) if 25 in ids(item))
    assert "location" not in across
    put(account, across | {"location": "Denver"})
    checked(node, account)
    assert named(node) == {("differing", f"{across['id'].split('-')[0]}-{row_id}") for row_id in ids(across)}


@pytest.mark.parametrize("told", [True, False], ids=["told", "of before"])
def test_coordinates_are_rounded_as_they_were_when_they_left(node: Node, account: Account, *, told: bool) -> None:
    databases.create(node.database(), readings(20, latitude=1.115))
    ingest(node, account, coordinate_decimals=2)
    if not told:
        for path in manifests(node):
            line = json.loads(path.read_text())
            if "last_id" in line:
                for name in ("seal", "form", "left", "privacy", "stage", "checksums"):
                    line.pop(name, None)
                path.write_text(json.dumps({**line, "schemaVersion": 1}))
    assert_clean(checked(node, account, coordinate_decimals=4), rows=20)


def test_documents_that_have_expired_are_not_missing(node: Node, account: Account) -> None:
    databases.create(node.database(), readings(40))
    ingest(node, account, page_rows=20)
    with StrictCosmos(replace(account, ttl_s={"readings": 86_400})) as strict:
        for path in manifests(node):
            if path.stem == "start":
                os.utime(path, (path.stat().st_atime - 2 * 86_400, path.stat().st_mtime - 2 * 86_400))
        for item in items(account):
            if item["rowId"] <= 15:
                delete(account, item)
        report = checked(node, strict.account)
        assert (dict(report.found), report.exit_code, report.counts.expired) == ({}, 0, 15)
        assert report.counts.rows == report.counts.readings + report.counts.expired == 40
        delete(account, items(account)[-1])
        assert dict(checked(node, strict.account).found) == {"missing": 1}
    assert dict(checked(node, account).found) == {"missing": 16}
