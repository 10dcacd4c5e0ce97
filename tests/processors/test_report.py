from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from processors.charges import FAILED, INSERT, REPLACE, Charge, Kind, Spent
from processors.errors import (
    ArchiveError,
    BusyError,
    CityError,
    EndpointError,
    ProcessorError,
    SettingsError,
    SinkError,
    SourceError,
)
from processors.pipeline import Taken
from processors.planned import Planned
from processors.report import MAX_BYTES, Report, encode

REPORT = Report(
    city="denver", node="edge-1", started_at=datetime(2026, 11, 22, 4, 55, tzinfo=UTC), seconds=1.23456, databases=3
)
SOURCE = SourceError("read readings", "data/denver/s1/sensor_data.db", why="locked", hint="wait")
ENDPOINT = EndpointError("reach Cosmos", "https://example.invalid", why="refused", hint="check the endpoint")
SPENT = Spent(
    {
        Kind("readings", FAILED, 0): Charge(100, 50_000, 1.5),
        Kind("readings", INSERT, 200): Charge(900, 450_000, 4_500.003),
        Kind("readings", INSERT, 201): Charge(80, 40_000, 300.12),
        Kind("readings", REPLACE, 200): Charge(10, 5_000, 98.5),
        Kind("aggregates", INSERT, 210): Charge(12, 7_200, 50.0),
    },
    17,
)

PLANNED = Planned(
    made_at=datetime(2026, 11, 22, 4, 55, tzinfo=UTC), positions={"one": 1}, form="", rows=1_000,
    documents={"readings": 1_000}, request_units=5_000.0, seconds=12.5,
)  # fmt: skip


def size(report: Report) -> int:
    return len(encode(report.document()).encode())


def test_a_report(golden: Callable[[str, str], None]) -> None:
    taken = Taken(
        rows=1_000, sent=990, readings=990, aggregates=12, anomalies=3, rejected=10,
        rejects={"timestamp_readable": 7, "a": 3, "sensor_id_present": 7}, notices=("archive repaired: 1 files",),
    )  # fmt: skip
    report = replace(REPORT, taken=taken, spent=SPENT, backlog_rows=250, failures={"s\u00e9": SOURCE})
    text = encode(report.document())
    assert "\n" not in text
    golden("report.json", text + "\n")


def test_lists_are_in_order_and_whole_when_there_is_room() -> None:
    taken = Taken(rejects={"b": 1, "a": 1, "c": 5}, notices=("n1", "n2"))
    document = replace(REPORT, taken=taken, failures={"s1": SOURCE}, stopped_by=ENDPOINT).document()
    assert document["rejectsByRule"] == [{"rule": r, "rows": n} for r, n in (("c", 5), ("a", 1), ("b", 1))]
    assert document["errors"] == [
        {"error": str(ENDPOINT), "try": "check the endpoint"},
        {"database": "s1", "error": str(SOURCE)},
    ]
    assert document["notices"] == ["n1", "n2"]
    assert document["truncated"] is False


def test_a_charge_that_nobody_stated_is_null() -> None:
    assert REPORT.document()["requestUnits"] is None
    silent = Spent({Kind("readings", INSERT, 1): Charge(10, 900)})
    document = replace(REPORT, spent=silent).document()
    assert document["requestUnits"] is None
    assert document["charges"] == [
        {"container": "readings", "operation": "insert", "documents": 10, "bytes": 900, "requestUnits": None}
    ]


def test_charges_are_by_container_and_operation_and_add_up() -> None:
    document = replace(REPORT, spent=SPENT).document()
    assert [
        (each["container"], each["operation"], each["documents"], each["bytes"]) for each in document["charges"]
    ] == [
        ("readings", "insert", 980, 490_000),
        ("readings", "replace", 10, 5_000),
        ("aggregates", "insert", 12, 7_200),
        ("readings", "failed", 100, 50_000),
    ]
    assert sum(each["requestUnits"] for each in document["charges"]) == pytest.approx(document["requestUnits"])
    assert list(document["charges"][0]) == ["container", "operation", "documents", "bytes", "requestUnits"]


def test_what_was_planned_is_beside_what_came() -> None:
    assert "planned" not in REPORT.document()
    assert replace(REPORT, planned=PLANNED).document()["planned"] == {
        "madeAt": "2026-11-22T04:55:00.000000Z",
        "rows": 1_000,
        "documents": {"readings": 1_000},
        "requestUnits": 5_000.0,
        "seconds": 12.5,
    }


OUTCOMES: list[tuple[dict[str, Any], int, str]] = [
    ({}, 0, "complete"),
    ({"taken": Taken(rejected=5, rejects={"timestamp_present": 5})}, 0, "complete"),
    ({"failures": {"a": SOURCE}}, 5, "partial"),
    ({"failures": {"a": SOURCE, "b": SOURCE}}, 5, "partial"),
    ({"failures": {"a": SOURCE, "b": SOURCE, "c": SOURCE}}, 1, "failed"),
    ({"interrupted": True}, 130, "interrupted"),
    ({"interrupted": True, "continuous": True}, 0, "interrupted"),
    ({"interrupted": True, "continuous": True, "failures": {"a": SOURCE}}, 5, "interrupted"),
    ({"interrupted": True, "failures": {"a": SOURCE}}, 130, "interrupted"),
    ({"stopped_by": ENDPOINT}, 3, "failed"),
    ({"stopped_by": ENDPOINT, "failures": {"a": SOURCE}, "interrupted": True}, 3, "failed"),
    ({"stopped_by": CityError("a", "b", hint="c"), "databases": None}, 2, "failed"),
    ({"stopped_by": SettingsError("a", "b", hint="c"), "databases": None}, 2, "failed"),
    *(({"stopped_by": kind("a", "b", hint="c")}, 1, "failed") for kind in (SinkError, ArchiveError, BusyError)),
]


@pytest.mark.parametrize(("what", "code", "outcome"), OUTCOMES)
def test_exit_code_and_outcome(what: dict[str, Any], code: int, outcome: str) -> None:
    report = replace(REPORT, **what)
    document = report.document()
    assert (report.exit_code, report.outcome) == (code, outcome)
    assert (document["exitCode"], document["outcome"]) == (code, outcome)
    assert document["failedDatabases"] == len(report.failures)


def test_the_id_is_of_the_pass() -> None:
    ids = [
        report.document()["id"]
        for report in (
            REPORT,
            replace(REPORT, seconds=9.0),
            replace(REPORT, node="edge-2"),
            replace(REPORT, city="denver/2"),
            replace(REPORT, started_at=datetime(2026, 11, 22, 4, 55, 0, 1, tzinfo=UTC)),
        )
    ]
    assert ids[0] == ids[1]
    assert len(set(ids[1:])) == 4
    assert not set("".join(ids)) & set("/\\?#")


text = st.text(st.characters(codec="utf-8"), max_size=700) | st.sampled_from(
    ["\0" * 700, "\U0001f600" * 700, '"' * 700, "\\" * 700, "\u2028" * 700, ""]
)
names = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=60)
errors = st.builds(lambda doing, why, hint: SinkError(doing, "x", why=why, hint=hint), text, text, text)


@given(
    city=names,
    failures=st.dictionaries(names, errors, max_size=6),
    stopped_by=st.none() | errors,
    rejects=st.dictionaries(names, st.integers(1, 2**63), max_size=60),
    notices=st.lists(text, max_size=6),
    container=names,
)
@example(city="\x01" * 255, failures={"\x01" * 255: SOURCE}, stopped_by=None, rejects={}, notices=[], container="r")
@example(
    city="d",
    failures={},
    stopped_by=None,
    rejects={f"rule_{n:03}": n for n in range(200)},
    notices=["n"] * 200,
    container="r",
)
@settings(deadline=None, max_examples=60)
def test_it_is_below_the_limit_and_says_when_it_was_cut(
    city: str,
    failures: dict[str, ProcessorError],
    stopped_by: ProcessorError | None,
    rejects: dict[str, int],
    notices: list[str],
    container: str,
) -> None:
    taken = Taken(rejects=rejects, notices=tuple(notices))
    spent = Spent({kind._replace(container=container): charge for kind, charge in SPENT.by_kind.items()})
    planned = replace(PLANNED, documents={container: 10})
    report = replace(
        REPORT, city=city, failures=failures, stopped_by=stopped_by, taken=taken, spent=spent, planned=planned
    )
    document = report.document()
    assert size(report) <= MAX_BYTES < 2_048
    assert json.loads(encode(document)) == document
    kept = [len(document[name]) for name in ("rejectsByRule", "errors", "notices", "charges")]
    given_ = [len(rejects), len(failures) + (stopped_by is not None), len(notices), len(spent.totals())]
    assert document["truncated"] is (kept != given_)
    assert document["rejectsByRule"] == [
        entry for entry in document["rejectsByRule"] if rejects[entry["rule"]] == entry["rows"]
    ]


@pytest.mark.parametrize("character", ["x", "\0", "\U0001f600", '"', "\u2028"])
def test_why_it_stopped_is_there_however_long_it_is(character: str) -> None:
    stopped_by = SinkError("write", "readings", why=character * 5_000, hint=character * 5_000)
    (error,) = replace(REPORT, stopped_by=stopped_by).document()["errors"]
    assert error["error"].startswith(f"cannot write: readings: {character * 10}")
    assert error["error"].endswith(f"{character}…")
    assert error["try"].startswith(character * 10)


def test_a_text_that_fits_is_not_cut() -> None:
    notice = "n" * 300
    taken = Taken(notices=(notice, notice + "n"))
    assert replace(REPORT, taken=taken).document()["notices"] == [notice, notice + "…"]


def test_a_full_report_uses_its_room() -> None:
    rejects = {f"rule_{number:03}": 1 for number in range(200)}
    assert size(replace(REPORT, taken=Taken(rejects=rejects))) > MAX_BYTES - len('{"rule":"rule_000","rows":1},')
