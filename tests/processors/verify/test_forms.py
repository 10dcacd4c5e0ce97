"""That forms may change from run to run, and runs be killed, and a verification knows by id what should be there."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from processors.cosmos import Account
from tests.harness import databases, processor
from tests.harness.databases import START, readings
from tests.harness.node import Node
from tests.harness.strict import Answer, Exchange, StrictCosmos
from tests.harness.strict.faults import refuse_operations
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
)

WIDE = {"temperatureC": 100.0, "humidityPct": 50.0, "pressurePa": 1e4, "vibrationMmS": 9.0, "voltageV": 9.0}

FORMS: dict[str, dict[str, Any]] = {
    "each": {},
    "10": {"bucket_rows": 10},
    "7": {"bucket_rows": 7},
    "timed": {"bucket_rows": 10, "bucket_seconds": 60},
    "raw": {"bucket_rows": 10, "stage": "raw"},
    "aggregated": {"stage": "aggregated"},
    "once": {"bucket_rows": 10, "descriptions": "once"},
    "changes": {"send": "changes", "dead_band": WIDE},
    "doors": {"send": "changes", "swinging_door": WIDE, "bucket_rows": 6},
    "anomalies": {"send": "anomalies", "context_rows": 2},
    "coarse": {"bucket_rows": 10, "resolution": {"temperatureC": 0.5}},
}


def day(number: int, rows: int = 33) -> list[databases.Row]:
    return readings(rows, seed=number, start=START + timedelta(days=number), sensors=("s1", "s2"))


@pytest.mark.parametrize(
    "order",
    [
        ["each", "10", "each"],
        ["10", "7", "10"],
        ["timed", "raw", "10"],
        ["10", "aggregated", "10"],
        ["aggregated", "10", "aggregated"],
        ["once", "coarse", "each"],
    ],
    ids="-".join,
)
def test_forms_in_turn(node: Node, account: Account, order: list[str]) -> None:
    for number, form in enumerate(order):
        rows = day(number)
        if number == 0:
            databases.create(node.database(), rows)
        else:
            databases.append(node.database(), rows)
        ingest(node, account, **FORMS[form])
        report = checked(node, account)
        gone = 33 * order[: number + 1].count("aggregated")
        assert_clean(
            report, rows=33 * (number + 1), readings=33 * (number + 1) - gone, documents=report.counts.documents
        )
        assert report.counts.aggregated == gone
    item = items(account)[0]
    delete(account, item)
    checked(node, account, **FORMS["each"])
    assert named(node) == {("missing", name) for name in names(item) or {item["id"]}}


@pytest.mark.parametrize("order", [["changes", "doors"], ["doors", "each", "anomalies"], ["anomalies", "changes"]])
def test_what_is_left_out_is_counted_apart(node: Node, account: Account, order: list[str]) -> None:
    for number, form in enumerate(order):
        if number == 0:
            databases.create(node.database(), day(number))
        else:
            databases.append(node.database(), day(number))
        ingest(node, account, **FORMS[form])
        report = checked(node, account)
        assert (report.errors, named(node)) == ([], set())
        counts = report.counts
        assert counts.rows == 33 * (number + 1) == counts.readings + counts.held + counts.leftOut
    assert 0 < report.counts.leftOut < report.counts.rows
    there = items(account)
    item = next(item for item in there if 1 in ids(item))  # what begins leaves for certain
    delete(account, item)
    checked(node, account)
    assert named(node) == {("missing", name) for name in names(item)}


@pytest.mark.parametrize("first", ["each", "10", "once"])
@pytest.mark.parametrize("then", ["7", "each"])
@pytest.mark.parametrize("point", [("Archive.write", 2), ("Archive._move_in_place", 1)])
def test_a_kill_and_then_another_form(
    node: Node, account: Account, first: str, then: str, point: tuple[str, int]
) -> None:
    databases.create(node.database(), day(0, 50))
    plain = {name: json.dumps(value) if isinstance(value, dict) else value for name, value in FORMS[first].items()}
    processor.run_and_die(node, account, ("processors.archive", point[0], "before", point[1]), **plain)
    assert dict(checked(node, account).found) == {}
    ingest(node, account, **FORMS[then])
    report = checked(node, account)
    assert_clean(report, rows=50, readings=50, documents=report.counts.documents)


def test_a_checkpoint_lost_with_a_batch_on_its_way_and_another_form(node: Node, account: Account) -> None:
    """Nothing is left to tell that these rows were sent by themselves: they are doubled, and named."""
    databases.create(node.database(), day(0, 40))
    processor.run_and_die(node, account, ("processors.archive", "Archive.write", "before", 2))
    node.forget()
    own = {item["id"] for item in items(account) if item["rowId"] > 20}
    ingest(node, account, bucket_rows=5)
    report = checked(node, account)
    assert named(node) == {("extra", name) for name in own}
    assert report.counts.readings == 40


def test_readings_that_wait_are_counted(node: Node, account: Account) -> None:
    """They are in the archive, and Cosmos need not have them, unless they were shown."""
    databases.create(node.database(), day(0, 44))
    processor.run_and_die(node, account, ("processors.rounds", "show_rest", "before", 1), bucket_rows=10)
    report = checked(node, account)
    assert_clean(report, rows=44, readings=40, documents=4)
    assert report.counts.held == 4
    ingest(node, account, bucket_rows=10)
    assert_clean(checked(node, account), rows=44, readings=44, documents=6)
    shown = [bucket for bucket in buckets(account) if len(ids(bucket)) == 2]
    for bucket in shown:
        delete(account, bucket)
    checked(node, account)
    assert named(node) == {("missing", name) for bucket in shown for name in names(bucket)}
    assert {line["why"] for line in listed(node)} == {
        "it waits for its bucket to be full and was sent meanwhile, and Cosmos does not have it"
    }
    node.forget()
    report = checked(node, account)  # nobody knows any longer that they were shown
    assert_clean(report, rows=44, readings=40, documents=4)
    databases.append(node.database(), day(1, 16))
    ingest(node, account, bucket_rows=10)
    assert_clean(checked(node, account), rows=60, readings=60, documents=6)


def test_a_reading_that_waits_and_is_there_must_be_right(node: Node, account: Account) -> None:
    databases.create(node.database(), day(0, 23))
    ingest(node, account, bucket_rows=10)
    bucket = buckets(account)[-1]
    assert len(ids(bucket)) == 1
    put(account, bucket | {"temperatureC": 1.0})
    checked(node, account)
    assert named(node) == {("differing", name) for name in names(bucket)}
    node.forget()
    checked(node, account)
    assert named(node) == {("differing", name) for name in names(bucket)}


def test_what_neither_left_nor_waits_is_lost(node: Node, account: Account) -> None:
    """A checkpoint that is not of this archive: its rows would never leave."""
    databases.create(node.database(), day(0, 44))
    ingest(node, account, bucket_rows=100)
    empty = Node(node.root / "empty", node.city)
    databases.create(empty.database(), day(0, 44))
    empty.run()
    waiting = set().union(*map(names, buckets(account)))
    for bucket in buckets(account):
        delete(account, bucket)
    node.checkpoint.write_bytes(empty.checkpoint.read_bytes())
    for path in node.checkpoint.parent.glob("checkpoint.db-*"):
        path.unlink()
    checked(node, account)
    assert named(node) == {("missing", name) for name in waiting}
    assert {line["why"] for line in listed(node)} == {"its row was taken in, and it has neither left nor does it wait"}


def test_a_bucket_that_cosmos_refused_is_of_rejects(node: Node, strict: StrictCosmos) -> None:
    """Its readings are of batches before the one whose rejects they are."""
    databases.create(node.database(), day(0, 60))

    def plan(request: Exchange) -> Answer | None:
        documents = request.ids if request.batch_number >= 0 and "/readings/" in request.path else []
        bad = {name: 400 for name in documents if name.endswith(("-b1", "-b3", "-b5", "-b7"))}
        return refuse_operations(bad)(request) if bad else None

    strict.plan = plan
    ingest(node, strict.account, bucket_rows=25, page_rows=7)
    strict.plan = lambda _: None
    report = checked(node, strict.account, page_rows=9)
    assert dict(report.found) == {}
    assert report.counts.rejects > 0
    assert report.counts.rows == 60 == report.counts.readings + report.counts.rejects


@pytest.mark.parametrize("change", ["gone", "changed", "more", "foreign"])
@pytest.mark.parametrize("rows", [1, 10])
def test_a_description_that_somebody_touched(node: Node, account: Account, change: str, rows: int) -> None:
    databases.create(node.database(), readings(50, sensors=("s1", "s2"), height_meters=1.0, orientation_degrees=-0.0))
    ingest(node, account, bucket_rows=rows, descriptions="once")
    assert_clean(checked(node, account), rows=50, readings=50, documents=checked(node, account).counts.documents)
    one = next(item for item in items(account) if item.get("kind") == "description")
    if change == "gone":
        delete(account, one)
    elif change == "changed":
        put(account, one | {"location": "Boston"})
    elif change == "more":
        put(account, one | {"comment": "hello"})
    else:
        put(account, one | {"id": "aaaaaaaaaaaaaaaa-d" + one["id"].split("-d")[1]})
    kind = {"gone": "missing", "foreign": "extra"}.get(change, "differing")
    report = checked(node, account)
    name = one["id"] if change != "foreign" else "aaaaaaaaaaaaaaaa-d" + one["id"].split("-d")[1]
    assert named(node) == {(kind, name)}
    assert report.counts.readings == 50


def test_a_reading_that_names_another_description(node: Node, account: Account) -> None:
    databases.create(node.database(), readings(20))
    databases.append(node.database(), readings(20, start=START + timedelta(hours=1), location="Boston"))
    ingest(node, account, descriptions="once")
    first, *_, last = [item for item in items(account) if "rowId" in item]
    put(account, first | {"described": last["described"]})
    checked(node, account)
    assert named(node) == {("differing", first["id"])}
    assert "location" in listed(node)[0]["why"]


def test_documents_of_other_privacy_settings_are_recognized(node: Node, account: Account) -> None:
    databases.create(node.database(), day(0, 40))
    private = {"drop_fields": ("location",), "hash_fields": ("firmwareVersion",), "hash_key": "k"}
    ingest(node, account, bucket_rows=8, descriptions="once", **private)
    report = checked(node, account)
    assert_clean(report, rows=40, readings=40, documents=report.counts.documents)


def test_a_value_at_another_resolution_differs(node: Node, account: Account) -> None:
    databases.create(node.database(), day(0, 20))
    ingest(node, account, bucket_rows=10, resolution={"temperatureC": 0.5})
    assert_clean(checked(node, account, resolution={"temperatureC": 0.1}), rows=20, readings=20, documents=2)
    bucket = buckets(account)[0]
    bucket["columns"]["temperatureC"][2] += 0.1
    put(account, bucket)
    checked(node, account)
    assert named(node) == {("differing", f"{bucket['id'].split('-')[0]}-{ids(bucket)[2]}")}


def test_manifests_of_before_did_not_tell_the_form(node: Node, account: Account) -> None:
    databases.create(node.database(), day(0, 40))
    ingest(node, account)
    for version in (2, 1):
        for path in (node.archive / "_manifests").rglob("*.json"):
            line = json.loads(path.read_text())
            dropped = ["seal", "form", "left"] + (["stage", "checksums"] if version == 1 else [])
            if "lastId" in line or "last_id" in line:
                for name in dropped:
                    line.pop(name, None)
                path.write_text(json.dumps({**line, "schemaVersion": 1}))
        assert_clean(checked(node, account), rows=40)
    databases.append(node.database(), day(1, 40))
    ingest(node, account, bucket_rows=10)
    assert_clean(checked(node, account), rows=80, readings=80, documents=44)


def on_first(needle: bytes, action: Callable[[], object]) -> Callable[[Exchange], None]:
    waiting = [action]

    def plan(request: Exchange) -> None:
        if needle in request.body and waiting:
            waiting.pop()()

    return plan


@pytest.mark.parametrize("query", [b"SELECT * FROM c", b"lastObservedAt", b"SELECT DISTINCT", b"SELECT VALUE COUNT"])
@pytest.mark.parametrize("then", ["10", "each", "7"])
def test_a_run_in_the_middle_raises_no_alarm(
    node: Node, account: Account, strict: StrictCosmos, query: bytes, then: str
) -> None:
    databases.create(node.database(), day(0, 47))
    ingest(node, account, bucket_rows=10)
    other = Node(node.root / "other")
    databases.create(other.database("s9"), readings(1, sensors=("s1",)))
    ingest(other, account)  # so that partitions do not add up, and are listed
    later = day(0, 87)[47:]

    def run() -> None:
        databases.append(node.database(), later)
        processor.run(node, account, **FORMS[then])

    strict.plan = on_first(query, run)
    report = checked(node, strict.account)
    assert {line["why"] for line in listed(node)} == {"it is of a generation that no archive of this node knows"}
    assert dict(report.found) == {"extra": 1}
    assert report.counts.rows in (47, 87)


def test_buckets_cost_less_to_verify(node: Node, strict: StrictCosmos) -> None:
    charges = {}
    for size in (1, 60):
        own = Node(node.root / str(size), f"denver{size}")
        databases.create(own.database(), readings(600))
        ingest(own, strict.account, bucket_rows=size, page_rows=600)
        before = len(strict.exchanges)
        report = checked(own, strict.account, page_rows=600)
        assert_clean(report, rows=600, readings=600, documents=600 // size)
        charges[size] = sum(exchange.charge for exchange in strict.exchanges[before:])
    print(f"to verify 600 readings: {charges[1]:.2f} RU by themselves, {charges[60]:.2f} in buckets")  # noqa: T201
    assert charges[60] < charges[1] / 2


def test_descriptions_are_counted_with_what_names_them(node: Node, strict: StrictCosmos) -> None:
    """So that a partition adds up, and need not be listed."""
    databases.create(node.database(), day(0, 40))
    ingest(node, strict.account, bucket_rows=10, descriptions="once")
    before = len(strict.exchanges)
    assert dict(checked(node, strict.account).found) == {}
    assert not [request for request in strict.exchanges[before:] if b"timesUs" in request.body]
