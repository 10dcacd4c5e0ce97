"""What a verification finds in buckets that somebody has touched."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from processors.cosmos import Account
from tests.harness import databases
from tests.harness.databases import START, readings
from tests.harness.node import Node
from tests.harness.verified import (
    assert_clean,
    buckets,
    checked,
    delete,
    ids,
    ingest,
    items,
    listed,
    named,
    names,
    put,
    without,
)

ROWS = 50
FULL = {"bucket_rows": 10}


@pytest.fixture
def filled(node: Node, account: Account) -> Node:
    """Two sensors whose readings are in five full buckets, and in two that are open and were shown."""
    databases.create(node.database(), readings(ROWS, sensors=("s1", "s2", "s1")))
    ingest(node, account, **FULL)
    return node


def moved(stamp: str, **by: float) -> str:
    return (datetime.fromisoformat(stamp) + timedelta(**by)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@pytest.mark.parametrize("stage", ["raw", "schematized", "sanitized"])
def test_all_is_well(node: Node, account: Account, stage: str) -> None:
    rows = readings(ROWS, sensors=("s1", "s2", "s1"), anomaly_type=" odd ", serial_number="", height_meters=1.0)
    databases.create(node.database(), rows)
    ingest(node, account, stage=stage, **FULL)
    found = items(account)
    assert sorted(len(ids(item)) for item in found) == [3, 7, 10, 10, 10, 10]
    assert_clean(checked(node, account), rows=ROWS, documents=6, readings=ROWS)
    assert listed(node) == []
    bucket = next(item for item in found if len(ids(item)) == 10)
    within = bucket["columns"]["source"] if stage == "raw" else bucket["columns"]
    within["temperature" if stage == "raw" else "temperatureC"][3] += 0.001
    put(account, bucket)
    assert dict(checked(node, account).found) == {"differing": 1}
    assert named(node) == {("differing", f"{bucket['id'].split('-')[0]}-{ids(bucket)[3]}")}


@pytest.mark.parametrize("which", [0, 1, 3, 5], ids=["full", "of two batches", "open", "another open"])
def test_a_bucket_that_is_gone(filled: Node, account: Account, which: int) -> None:
    bucket = buckets(account)[which]
    delete(account, bucket)
    report = checked(filled, account)
    assert named(filled) == {("missing", name) for name in names(bucket)}
    assert report.counts.readings == ROWS - len(ids(bucket))
    filled.forget()  # then the manifests alone tell what has left
    report = checked(filled, account)
    assert named(filled) == ({("missing", name) for name in names(bucket)} if len(ids(bucket)) == 10 else set())
    assert report.counts.readings + report.counts.held + report.found.get("missing", 0) == ROWS


def test_all_buckets_gone(filled: Node, account: Account) -> None:
    for item in items(account):
        delete(account, item)
    assert dict(checked(filled, account).found) == {"missing": ROWS}


@pytest.mark.parametrize("which", [1, 5], ids=["full", "open"])
@pytest.mark.parametrize("place", [1, 2])
def test_a_reading_taken_out_of_a_bucket(filled: Node, account: Account, which: int, place: int) -> None:
    bucket = buckets(account)[which]
    put(account, without(bucket, place))
    checked(filled, account)
    assert named(filled) == {("missing", f"{bucket['id'].split('-')[0]}-{ids(bucket)[place]}")}


def test_a_reading_put_into_a_bucket(filled: Node, account: Account) -> None:
    bucket = buckets(account)[1]
    columns = {name: [*values, values[-1]] for name, values in bucket["columns"].items()}
    columns["rowId"][-1] = 77_777
    put(account, bucket | {"columns": columns, "count": bucket["count"] + 1})
    checked(filled, account)
    assert named(filled) == {("extra", f"{bucket['id'].split('-')[0]}-77777")}
    assert "neither the archive nor the table" in listed(filled)[0]["why"]
    assert bucket["id"] in listed(filled)[0]["why"]


def test_a_reading_twice_in_its_bucket(filled: Node, account: Account) -> None:
    bucket = buckets(account)[1]
    columns = {name: [*values, values[4]] for name, values in bucket["columns"].items()}
    put(account, bucket | {"columns": columns, "count": bucket["count"] + 1})
    checked(filled, account)
    assert named(filled) == {("extra", f"{bucket['id'].split('-')[0]}-{ids(bucket)[4]}")}


def test_a_bucket_under_another_id(filled: Node, account: Account) -> None:
    bucket = buckets(account)[2]
    prefix = bucket["id"].split("-")[0]
    put(account, bucket | {"id": f"{prefix}-b9999"})
    report = checked(filled, account)
    assert named(filled) == {("extra", name) for name in names(bucket)}
    assert {line["why"] for line in listed(filled)} == {f"document {prefix}-b9999 holds it, and so does {bucket['id']}"}
    assert report.counts.readings == ROWS


@pytest.mark.parametrize("days", [-3, 1, 40])
def test_a_copy_of_another_time(filled: Node, account: Account, days: int) -> None:
    """It is not where its readings are looked for; the day on which it is does not add up."""
    bucket = buckets(account)[2]
    times = {name: moved(bucket[name], days=days) for name in ("observedAt", "lastObservedAt")}
    put(account, bucket | times | {"id": f"{bucket['id'].split('-')[0]}-b9999"})
    checked(filled, account)
    assert named(filled) == {("extra", name) for name in names(bucket)}


@pytest.mark.parametrize("days", [0, 2])
def test_a_reading_of_its_own_beside_its_bucket(filled: Node, account: Account, days: int) -> None:
    bucket = buckets(account)[1]
    row_id = ids(bucket)[6]
    name = f"{bucket['id'].split('-')[0]}-{row_id}"
    own = {key: bucket[key] for key in ("city", "sensorId", "month", "generation", "stage")}
    put(account, own | {"id": name, "rowId": row_id, "observedAt": moved(bucket["observedAt"], days=days)})
    report = checked(filled, account)
    assert named(filled) == {("extra", name)}
    assert listed(filled)[0]["why"] == f"document {name} holds it, and so does {bucket['id']}"
    assert report.counts.readings == ROWS


def test_a_bucket_beside_readings_of_their_own(node: Node, account: Account) -> None:
    databases.create(node.database(), readings(20))
    ingest(node, account)
    some = items(account)[4:7]
    head = {key: some[0][key] for key in ("city", "sensorId", "month", "generation", "stage", "observedAt")}
    columns = {"rowId": [item["rowId"] for item in some], "offsetUs": [0, 7_000_000, 14_000_000]}
    bucket = head | {"id": f"{some[0]['id'].split('-')[0]}-b5", "kind": "bucket", "count": 3, "columns": columns}
    put(account, bucket | {"lastObservedAt": some[2]["observedAt"]})
    checked(node, account)
    assert named(node) == {("extra", item["id"]) for item in some}


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"count": 9}, "count"),
        ({"count": "10"}, "count"),
        ({"lastObservedAt": "2026-11-22T04:00:01.000000Z"}, "lastObservedAt"),
        ({"lastObservedAt": "2026-12-22T04:00:01.000000Z"}, "lastObservedAt"),
        ({"lastObservedAt": None}, "lastObservedAt"),
    ],
    ids=str,
)
def test_a_bucket_that_is_wrong_of_itself(filled: Node, account: Account, change: dict[str, Any], wrong: str) -> None:
    """Queries go by it; its readings are whole."""
    bucket = buckets(account)[1]
    put(account, bucket | change)
    report = checked(filled, account)
    assert named(filled) == {("differing", bucket["id"])}
    assert wrong in listed(filled)[0]["why"]
    assert report.counts.readings == ROWS


@pytest.mark.parametrize(
    "change",
    [
        {"generation": "other"},
        {"comment": "hello"},
        {"stage": "schematized"},
        {"location": "Boston"},
    ],
    ids=str,
)
def test_what_a_bucket_says_of_all_its_readings(filled: Node, account: Account, change: dict[str, Any]) -> None:
    bucket = buckets(account)[1]
    put(account, bucket | change)
    checked(filled, account)
    assert named(filled) == {("differing", name) for name in names(bucket)}
    assert all(next(iter(change)) in line["why"] for line in listed(filled))


@pytest.mark.parametrize("hours", [1.0, 200.0])
def test_a_bucket_that_was_moved_in_time(filled: Node, account: Account, hours: float) -> None:
    bucket = buckets(account)[1]
    put(account, bucket | {"observedAt": moved(bucket["observedAt"], hours=hours)})
    checked(filled, account)
    assert named(filled) == {("differing", name) for name in names(bucket)} | {("differing", bucket["id"])}


@pytest.mark.parametrize(
    "columns",
    [
        None,
        [],
        {},
        {"rowId": "1"},
        {"rowId": [1, 2]},
        {"rowId": [1, 2], "offsetUs": [0]},
        {"rowId": ["1"], "offsetUs": [0]},
        {"rowId": [1], "offsetUs": ["0"]},
        {"rowId": [1], "offsetUs": [10**30]},
        {"rowId": [1, 3], "offsetUs": [0, 1], "temperatureC": [1]},
    ],
    ids=str,
)
@pytest.mark.parametrize("times", [{}, {"observedAt": None, "lastObservedAt": 5}], ids=["timed", "timeless"])
def test_a_damaged_bucket(filled: Node, account: Account, columns: object, times: dict[str, Any]) -> None:
    bucket = buckets(account)[0]
    put(account, bucket | times | {"columns": columns})
    report = checked(filled, account)
    assert report.errors == []
    assert named(filled) == {("missing", name) for name in names(bucket)} | {("differing", bucket["id"])}
    assert "damaged bucket" in next(line["why"] for line in listed(filled) if line["kind"] == "differing")


def test_a_bucket_of_a_foreign_generation(filled: Node, account: Account) -> None:
    bucket = buckets(account)[1]
    put(account, bucket | {"id": f"aaaaaaaaaaaaaaaa-b{ids(bucket)[0]}"})
    checked(filled, account)
    assert named(filled) == {("extra", f"aaaaaaaaaaaaaaaa-{row_id}") for row_id in ids(bucket)}


def test_rows_that_the_table_lost(filled: Node, account: Account) -> None:
    databases.execute(filled.database(), "DELETE FROM sensor_readings WHERE id <= 30", "VACUUM")
    assert_clean(checked(filled, account), rows=ROWS, documents=6, readings=ROWS)
    filled.forget()
    report = checked(filled, account)
    assert_clean(report, rows=ROWS, documents=6, readings=ROWS)


def test_times_anywhere(node: Node, account: Account) -> None:
    """Readings of a bucket may be far apart, and buckets overlap."""
    rows = readings(60, start=START - timedelta(days=20))
    for number in (3, 4, 17, 31, 44, 59):
        rows[number]["timestamp"] = (START - timedelta(days=number % 7)).isoformat()
    databases.create(node.database(), rows)
    ingest(node, account, **FULL)
    assert_clean(checked(node, account, page_rows=7), rows=60, documents=6, readings=60)
    bucket = buckets(account)[3]
    put(account, without(bucket, 4))
    checked(node, account, page_rows=7)
    assert named(node) == {("missing", f"{bucket['id'].split('-')[0]}-{ids(bucket)[4]}")}
