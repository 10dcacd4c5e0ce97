"""What a verification finds after real runs, and that it finds nothing where nothing is wrong."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from processors.checkpoint import open_checkpoint
from processors.city import Silent, World, passes
from processors.cosmos import Account
from processors.report import MAX_BYTES, encode
from processors.verify import verify
from tests.harness import databases, processor
from tests.harness.databases import START, readings
from tests.harness.node import Node
from tests.harness.strict import Answer, Exchange, StrictCosmos
from tests.harness.strict.faults import refuse_operations
from tests.harness.verified import assert_clean, checked, delete, ingest, items, listed, put


def test_all_is_well(node: Node, account: Account) -> None:
    databases.create(node.database("a"), readings(50, sensors=("s1", "s2")))
    databases.create(node.database("b"), readings(30, seed=2, sensors=("s2", "s3"), step_s=90_000))
    ingest(node, account)
    databases.append(node.database("b"), readings(7, seed=3, sensors=("s2",)))
    report = checked(node, account)
    assert_clean(report, rows=80)
    assert (report.databases, report.counts.waiting) == (2, 7)
    assert listed(node) == []


@pytest.mark.parametrize("stage", ["raw", "schematized", "sanitized"])
def test_every_stage_is_compared_by_what_it_holds(node: Node, account: Account, stage: str) -> None:
    rows = readings(45, extra="ü", anomaly_type=" odd ", serial_number="", height_meters=1.0)
    databases.create(node.database(), rows, columns=f"{databases.UPSTREAM}, extra TEXT")
    ingest(node, account, stage=stage)
    assert {item["stage"] for item in items(account)} == {stage}
    assert_clean(checked(node, account), rows=45)
    item = items(account)[30]
    (item["source"] if stage == "raw" else item)["temperature" if stage == "raw" else "temperatureC"] += 0.001
    put(account, item)
    report = checked(node, account)
    assert (report.exit_code, dict(report.found)) == (1, {"differing": 1})
    assert listed(node)[0]["id"] == item["id"]


def test_a_document_that_is_gone_is_missing(node: Node, account: Account) -> None:
    databases.create(node.database(), readings(50))
    ingest(node, account)
    gone = items(account)[33]
    delete(account, gone)
    stream = io.StringIO()
    assert verify(node.settings(account), World(), stream).exit_code == 1
    report = checked(node, account)
    assert [json.loads(stream.getvalue())] == listed(node)
    assert (report.exit_code, report.outcome, dict(report.found)) == (1, "failed", {"missing": 1})
    assert report.document()["missingIds"] == [gone["id"]]
    assert listed(node) == [
        {
            "kind": "missing",
            "id": gone["id"],
            "sensor": "s1",
            "rowId": 34,
            "database": "s1",
            "why": "its row was taken in, and Cosmos does not have it",
        }
    ]


def test_all_documents_gone_are_asked_for_once(node: Node, strict: StrictCosmos) -> None:
    """An emptied container is not searched for each id."""
    databases.create(node.database(), readings(60))
    ingest(node, strict.account)
    for item in items(strict.account):
        delete(strict.account, item)
    before = len(strict.exchanges)
    report = checked(node, strict.account)
    assert dict(report.found) == {"missing": 60}
    assert not [request for request in strict.exchanges[before:] if b" IN (" in request.body]


@pytest.mark.parametrize(
    "change",
    [
        {"id": "foreign"},
        {"id": "{prefix}-51"},
        {"id": "{prefix}-007"},
        {"id": "{prefix}--1", "observedAt": None},
        {"id": "foreign", "observedAt": "2026-11-22"},
        {"id": "foreign", "observedAt": "never"},
        {"id": "foreign", "observedAt": "1999-01-01T00:00:00.000000Z"},
        {"id": "foreign", "month": "2031-01"},
        {"id": "foreign", "month": "June"},
        {"id": "{prefix}-7", "month": "2026-12"},
        {"id": "aaaaaaaaaaaaaaaa-7", "generation": "other"},
    ],
    ids=str,
)
def test_a_document_that_no_row_explains_is_extra(node: Node, account: Account, change: dict[str, Any]) -> None:
    databases.create(node.database(), readings(50))
    ingest(node, account)
    one = items(account)[6]
    added = {**one, **change, "id": change["id"].format(prefix=one["id"].split("-")[0])}
    if added["id"] == one["id"]:
        delete(account, one)  # the emulator refuses the same id under another key
    put(account, added)
    report = checked(node, account)
    extra = {"extra": 1, "missing": 1} if added["id"] == one["id"] else {"extra": 1}
    assert (report.exit_code, dict(report.found)) == (1, extra)
    assert [line["id"] for line in listed(node) if line["kind"] == "extra"] == [added["id"]]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"pressurePa": 1.0}, "pressurePa"),
        ({"voltageV": True}, "voltageV"),
        ({"observedAt": "2026-11-03T00:00:00.000000Z"}, "observedAt"),
        ({"rowId": 9_999}, "rowId"),
        ({"generation": "other"}, "generation"),
        ({"location": "Boston"}, "location"),
        ({"latitude": 39.75}, "latitude"),
        ({"comment": "hello"}, "comment"),
        ({"stage": "aggregated"}, "stage"),
        ({"stage": ["raw"]}, "stage"),
    ],
    ids=str,
)
def test_a_document_that_says_something_else_differs(
    node: Node, account: Account, change: dict[str, Any], named: str
) -> None:
    databases.create(node.database(), readings(50))
    ingest(node, account)
    item = items(account)[21]
    put(account, item | change)
    report = checked(node, account)
    assert (report.exit_code, dict(report.found)) == (1, {"differing": 1})
    (line,) = listed(node)
    assert (line["id"], line["sensor"], line["rowId"]) == (item["id"], "s1", 22)
    assert named in line["why"]


def test_documents_of_other_privacy_settings_are_recognized(node: Node, account: Account) -> None:
    databases.create(node.database(), readings(50))
    private = {"drop_fields": ("location",), "hash_fields": ("firmwareVersion",), "hash_key": "k"}
    ingest(node, account, **private)
    assert_clean(checked(node, account, **private), rows=50)
    assert_clean(checked(node, account, coordinate_decimals=4), rows=50)
    databases.append(node.database(), readings(50, seed=2, start=START + timedelta(days=1)))
    ingest(node, account, coordinate_decimals=0)
    assert_clean(checked(node, account, **private), rows=100)
    put(account, items(account)[0] | {"firmwareVersion": "1.5"})
    assert dict(checked(node, account, **private).found) == {"differing": 1}


def test_rows_that_the_table_lost_are_known_to_the_archive(node: Node, account: Account) -> None:
    databases.create(node.database(), readings(50))
    ingest(node, account)
    databases.execute(node.database(), "DELETE FROM sensor_readings WHERE id <= 30", "VACUUM")
    assert_clean(checked(node, account), rows=50)
    databases.execute(node.database(), "DELETE FROM sensor_readings", "VACUUM")
    assert_clean(checked(node, account), rows=50)
    delete(account, items(account)[5])
    assert dict(checked(node, account).found) == {"missing": 1}


def test_a_recreated_database(node: Node, account: Account) -> None:
    databases.create(node.database(), readings(50))
    ingest(node, account)
    databases.create(node.database(), readings(30, seed=9))
    report = checked(node, account)
    assert_clean(report, rows=50)
    assert report.counts.waiting == 30
    ingest(node, account)
    assert_clean(checked(node, account), rows=80)
    delete(account, next(item for item in items(account) if item["rowId"] == 40))
    assert dict(checked(node, account).found) == {"missing": 1}


def test_an_older_copy_put_back(node: Node, account: Account, tmp_path: Path) -> None:
    databases.create(node.database(), readings(30))
    ingest(node, account)
    older = databases.copy(node.database(), tmp_path / "older.db")
    databases.append(node.database(), readings(20, seed=2, start=START + timedelta(hours=1)))
    ingest(node, account)
    newer = databases.copy(node.database(), tmp_path / "newer.db")
    databases.copy(older, node.database())
    report = checked(node, account)
    assert_clean(report, rows=50)
    assert report.counts.waiting == 0
    databases.append(node.database(), readings(25, seed=3, start=START + timedelta(hours=2)))
    report = checked(node, account)
    assert_clean(report, rows=50)
    assert report.counts.waiting == 25
    node.forget()
    report = checked(node, account)
    assert_clean(report, rows=50)
    assert report.counts.waiting == 25
    ingest(node, account)
    assert_clean(checked(node, account), rows=75)
    databases.copy(newer, node.database())
    assert_clean(checked(node, account), rows=75)


def test_rejects_are_where_their_rows_are(node: Node, account: Account) -> None:
    rows = readings(50)
    for number in (3, 19, 20, 49):
        rows[number]["timestamp"] = "noon"
    databases.create(node.database(), rows)
    ingest(node, account)
    report = checked(node, account)
    assert_clean(report, rows=50, documents=46)
    assert report.counts.rejects == 4
    databases.execute(node.database(), "UPDATE sensor_readings SET timestamp = '2026-11-22T05:00Z' WHERE id = 4")
    assert_clean(checked(node, account), rows=50, documents=46)
    put(account, {**items(account)[0], "id": items(account)[0]["id"].split("-")[0] + "-4"})
    assert dict(checked(node, account).found) == {"extra": 1}


def test_a_document_that_cosmos_refused_is_a_reject(node: Node, strict: StrictCosmos) -> None:
    databases.create(node.database(), readings(50))

    def plan(request: Exchange) -> Answer | None:
        ids = request.ids if request.batch_number >= 0 and "/readings/" in request.path else []
        return refuse_operations({name: 400 for name in ids if name.endswith("-33")})(request) if ids else None

    strict.plan = plan
    ingest(node, strict.account)
    report = checked(node, strict.account)
    assert_clean(report, rows=50, documents=49)
    assert report.counts.rejects == 1


def test_rows_taken_in_at_the_stage_aggregated_have_no_documents(node: Node, account: Account) -> None:
    databases.create(node.database(), readings(30))
    ingest(node, account)
    for day, stage in enumerate(["aggregated", "raw"], 1):
        databases.append(node.database(), readings(30, seed=day, start=START + timedelta(days=day)))
        ingest(node, account, stage=stage)
    report = checked(node, account)
    assert_clean(report, rows=90, documents=60)
    assert report.counts.aggregated == 30
    delete(account, items(account)[45])
    put(account, {**items(account)[0], "id": items(account)[0]["id"].split("-")[0] + "-91"})
    assert dict(checked(node, account).found) == {"missing": 1, "extra": 1}


def test_a_run_killed_before_the_stage_was_changed_leaves_documents_that_are_explained(
    node: Node, account: Account
) -> None:
    databases.create(node.database(), readings(20))
    processor.run_and_die(node, account, ("processors.archive", "Archive.write", "before", 1))
    assert len(items(account)) == 20
    report = checked(node, account)
    assert_clean(report, rows=0)
    assert report.counts.waiting == 20
    ingest(node, account, stage="aggregated")
    assert_clean(checked(node, account), rows=20, documents=20)  # what was intended is done as it was intended


def test_manifests_of_before_do_not_tell_the_stage(node: Node, account: Account) -> None:
    databases.create(node.database(), readings(40))
    ingest(node, account)
    for path in (node.archive / "_manifests").rglob("*.json"):
        line = json.loads(path.read_text())
        for name in ("stage", "seal", "checksums"):
            line.pop(name, None)
        path.write_text(json.dumps({**line, "schemaVersion": 1}))
    assert_clean(checked(node, account), rows=40)
    delete(account, items(account)[0])
    report = checked(node, account)
    assert dict(report.found) == {"missing": 1}
    assert "aggregated" in listed(node)[0]["why"]
    for stage, item in zip(["aggregated", "none", ["raw"]], items(account), strict=False):
        put(account, item | {"stage": stage})
    assert dict(checked(node, account).found) == {"missing": 1, "differing": 3}


def test_a_row_changed_after_it_was_taken_in_differs(node: Node, account: Account) -> None:
    databases.create(node.database(), readings(50))
    ingest(node, account)
    databases.execute(
        node.database(),
        "UPDATE sensor_readings SET temperature = 5, model = NULL WHERE id = 12",
        "UPDATE sensor_readings SET timestamp = 'noon' WHERE id = 13",
    )
    report = checked(node, account)
    assert dict(report.found) == {"differing": 2}
    first, second = sorted(listed(node), key=lambda line: line["rowId"])
    assert (first["rowId"], second["rowId"]) == (12, 13)
    assert "temperatureC, model" in first["why"]
    assert "timestamp_readable" in second["why"]


def test_a_row_that_came_too_late_is_missing(node: Node, account: Account) -> None:
    """A gap below the position that a writer filled later is never read."""
    rows = [{"id": number, **row} for number, row in enumerate(readings(50), 1) if number not in (7, 8)]
    databases.create(node.database(), rows)
    ingest(node, account)
    databases.append(node.database(), [{"id": 7, **readings(1)[0]}, {"id": 8, "timestamp": "noon", "sensor_id": "s1"}])
    report = checked(node, account)
    assert dict(report.found) == {"missing": 2}
    assert {(line["rowId"], line["sensor"]) for line in listed(node)} == {(7, "s1"), (8, None)}
    assert "row 8 of s1" in report.document()["missingIds"]


def test_a_sensor_whose_folder_is_gone_is_verified_by_its_archive(node: Node, account: Account) -> None:
    databases.create(node.database("a"), readings(30))
    databases.create(node.database("b"), readings(30, sensors=("s2",)))
    ingest(node, account)
    shutil.rmtree(node.database("b").parent)
    report = checked(node, account)
    assert_clean(report, rows=60)
    assert report.databases == 2
    delete(account, items(account)[-1])
    assert dict(checked(node, account).found) == {"missing": 1}


def test_an_archive_that_is_gone_is_missed(node: Node, account: Account) -> None:
    databases.create(node.database(), readings(30))
    ingest(node, account)
    shutil.rmtree(node.archive)
    report = checked(node, account)
    assert dict(report.found) == {"missing": 30}
    assert "the archive lacks the batch" in listed(node)[0]["why"]


def test_an_archive_begun_anew_leaves_the_table_to_compare_with(node: Node, account: Account) -> None:
    databases.create(node.database(), readings(30))
    ingest(node, account)
    node.archive.rename(node.root / "away")
    databases.append(node.database(), readings(30, seed=2, start=START + timedelta(days=1)))
    ingest(node, account)
    assert_clean(checked(node, account), rows=60)
    delete(account, items(account)[2])
    put(account, items(account)[10] | {"humidityPct": 1})
    assert dict(checked(node, account).found) == {"missing": 1, "differing": 1}


def test_without_a_checkpoint_the_archive_tells_all(node: Node, account: Account) -> None:
    databases.create(node.database(), readings(50))
    ingest(node, account)
    node.forget()
    databases.append(node.database(), readings(3, seed=2, start=START + timedelta(days=1)))
    report = checked(node, account)
    assert_clean(report, rows=50)
    assert report.counts.waiting == 3


def contents(root: Path) -> dict[str, tuple[int, bytes | None]]:
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else None)
        for path in root.rglob("*")
        if path.name != "ids.jsonl"
    }


@pytest.mark.parametrize("call", range(1, 4))
def test_nothing_is_touched_whatever_a_killed_run_left(node: Node, account: Account, call: int) -> None:
    """Not even the commit that waits to be moved in place, which is read where it lies."""
    databases.create(node.database(), [*readings(59), {"timestamp": "noon", "sensor_id": "s1"}])
    processor.run_and_die(node, account, ("processors.archive", "Archive._move_in_place", "before", call))
    before = contents(node.root)
    report = verify(node.settings(account), World())
    assert_clean(report, rows=20 * call, documents=20 * call - (call == 3))
    assert contents(node.root) == before


def test_a_fork_is_found_without_a_touch(node: Node, account: Account) -> None:
    """It takes the archive, of which a killed run left a batch aside."""
    databases.create(node.database(), readings(50))
    processor.run_and_die(node, account, ("processors.archive", "Archive._move_in_place", "before", 2))
    databases.create(node.database(), [*readings(50)[:27], *readings(30, seed=5)])
    before = contents(node.root)
    report = verify(node.settings(account), World())
    assert_clean(report, rows=40)
    assert report.counts.waiting == 30
    assert contents(node.root) == before


def test_a_run_that_holds_the_city_does_not_matter(node: Node, account: Account) -> None:
    databases.create(node.database(), readings(50))
    ingest(node, account)
    with open_checkpoint(node.state, node.city):
        assert_clean(checked(node, account), rows=50)


def on_first(needle: bytes, action: Callable[[], object]) -> Callable[[Exchange], None]:
    """Acts once, before the first query with this text goes on."""
    waiting = [action]

    def plan(request: Exchange) -> None:
        if needle in request.body and waiting:
            waiting.pop()()

    return plan


@pytest.mark.parametrize("query", [b"SELECT * FROM c", b"SELECT DISTINCT", b"SELECT VALUE COUNT", b"SELECT c.id"])
@pytest.mark.parametrize("recreated", [False, True])
def test_a_run_in_the_middle_raises_no_alarm(
    node: Node, account: Account, strict: StrictCosmos, query: bytes, recreated: bool
) -> None:
    databases.create(node.database(), readings(50))
    ingest(node, account)
    other = Node(node.root / "other")
    databases.create(other.database("s9"), readings(1, sensors=("s1",)))
    ingest(other, account)  # so that partitions do not add up, and are listed
    later = readings(30, seed=2, start=START + timedelta(minutes=10))

    def run() -> None:
        if recreated:
            databases.create(node.database(), later)
        else:
            databases.append(node.database(), later)
        processor.run(node, account)

    strict.plan = on_first(query, run)
    report = checked(node, strict.account)
    assert {line["why"] for line in listed(node)} == {"it is of a generation that no archive of this node knows"}
    assert dict(report.found) == {"extra": 1}
    assert len(items(account)) == 81
    assert report.counts.rows in (50, 80)


def test_a_batch_on_its_way_is_no_alarm(node: Node, account: Account) -> None:
    databases.create(node.database(), readings(50))
    died = processor.run_and_die(node, account, ("processors.archive", "Archive.write", "before", 2))
    assert died.code == processor.KILLED
    report = checked(node, account)
    assert_clean(report, rows=20)
    assert report.counts.waiting == 30
    assert len(items(account)) == 40
    databases.execute(node.database(), "DELETE FROM sensor_readings WHERE id = 30")
    assert dict(checked(node, account).found) == {"extra": 1}


def test_answers_are_never_longer_than_a_page(node: Node, strict: StrictCosmos) -> None:
    """Also where times lie anywhere, where batches were larger, and where all of a day must be listed."""
    rows = readings(300, step_s=1)
    for number in (5, 100, 299):
        rows[number]["timestamp"] = "2026-11-03T00:00:00Z"
    rows[150:250] = sorted(rows[150:250], key=lambda row: str(row["temperature"]))
    databases.create(node.database(), rows)
    ingest(node, strict.account, page_rows=200)
    one = items(strict.account)[0]
    put(strict.account, {**one, "id": "foreign"})
    put(strict.account, {**one, "id": one["id"].split("-")[0] + "-77777", "rowId": 77_777})
    longest: list[int] = []

    def watched(request: Exchange) -> Answer | None:
        if request.kind != "query":
            return None
        answer = strict.forward(request)
        assert isinstance(answer.body, bytes)
        longest.append(len(json.loads(answer.body)["Documents"]))
        return answer

    strict.plan = watched
    report = checked(node, strict.account)
    assert dict(report.found) == {"extra": 2}
    assert report.counts.documents == 300
    assert 0 < max(longest) <= 20 + 1


def test_small_batches_are_asked_for_together(node: Node, strict: StrictCosmos) -> None:
    databases.create(node.database(), readings(40))
    ingest(node, strict.account, page_rows=2)
    before = len(strict.exchanges)
    assert_clean(checked(node, strict.account, page_rows=20), rows=40)
    assert len(strict.exchanges) - before < 15


def test_what_cannot_be_read_is_told_and_the_rest_is_verified(node: Node, account: Account) -> None:
    databases.create(node.database("a"), readings(30))
    databases.create(node.database("b"), readings(30, seed=2))
    ingest(node, account)
    node.database("b").write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    report = checked(node, account)
    assert (report.exit_code, report.outcome, set(report.failures)) == (5, "partial", {"b"})
    assert report.counts.documents == 30
    next((node.archive / "city=denver").rglob("*-start.parquet")).write_bytes(b"PAR1")
    assert checked(node, account).exit_code in (1, 5)


def test_the_endpoint_the_container_and_the_city_are_told(node: Node, account: Account) -> None:
    databases.create(node.database(), readings(1))
    assert checked(node, replace(account, endpoint="http://127.0.0.1:1")).exit_code == 3
    assert checked(node, replace(account, database="nothing-here")).exit_code == 1
    assert checked(node, account, city="boston").exit_code == 2
    assert checked(node, account, city="DENVER").city == "denver"
    assert verify(node.settings(account), World(), node.root / "no" / "such" / "folder").exit_code == 2


def test_a_stop_ends_it_between_pages(node: Node, account: Account) -> None:
    databases.create(node.database(), readings(50))
    ingest(node, account)
    world = World()
    world.stop.set()
    report = verify(node.settings(account), world)
    assert (report.exit_code, report.outcome, report.counts.rows) == (130, "interrupted", 0)


def test_the_report_fits_and_the_file_has_all(node: Node, account: Account) -> None:
    databases.create(node.database("€" * 60), readings(300, sensors=[f"{'☃' * 80}{n}" for n in range(3)]))
    for number in range(4):
        node.database(f"bad {number}").parent.mkdir(parents=True)
        node.database(f"bad {number}").write_bytes(b"no database, whatever its name says" * 100)
    list(passes(node.settings(account, page_rows=100), World(), Silent()))
    for item in items(account)[::2]:
        delete(account, item)
    document = checked(node, account).document()
    assert len(encode(document).encode()) <= MAX_BYTES
    assert (document["kind"], document["missing"], document["truncated"]) == ("verify", 150, True)
    assert 0 < len(document["missingIds"]) < 150
    assert document["errors"]
    assert len(listed(node)) == 150
