import json
from datetime import UTC, datetime

import pytest

from submitter.handle import Handle
from submitter.report import COLUMNS, document, exit_code, outcome, read, rows
from submitter.spec import Template, render
from submitter.states import NodeState
from submitter.watch import View

INGEST = {
    "schemaVersion": 1,
    "kind": "ingest",
    "seconds": 1.5,
    "exitCode": 0,
    "databases": 2,
    "rowsRead": 100,
    "backlogRows": 7,
    "documents": {"readings": 99, "aggregates": 2, "anomalies": 1},
    "rejects": 1,
    "requestUnits": 10.25,
}


def handle(city="denver", job_id="j-1"):
    template = Template("ingest", "t", "Type: ops\nName: 'n-{{.city}}'\nTasks: [{Engine: {Type: docker}}]")
    return Handle(job_id, render(template, city, datetime(2026, 11, 22, tzinfo=UTC), given={}, offered={}), ())


HANDLE = handle()


def told(code=0, report=INGEST, state=NodeState.DONE, node="denver-1", of=HANDLE, **rest):
    stdout = report if isinstance(report, str) or report is None else json.dumps(report)
    return outcome(of, View(of.id, node, state, "e-1", code, stdout, **rest))


def test_success_is_exit_code_0_and_a_report():
    good = told()
    assert (good.exit_code, good.error, good.report) == (0, "", INGEST)


@pytest.mark.parametrize(
    ("stdout", "problem"),
    [
        ("", "printed nothing"),
        (" \n", "printed nothing"),
        ('{"schemaVersion": 1', "not one JSON object"),
        ("started\n{}", "not one JSON object"),
        ('{"schemaVersion":1}\n{"schemaVersion":1}', "not one JSON object"),
        ("[]", "no object"),
        ("null", "no object"),
        ("[" * 100_000, "not one JSON object"),
        ('{"seconds": NaN}', "NaN is no number of JSON"),
        ('{"seconds": 1e999}', "1e999 is no number of JSON"),
        ('{"rowsRead": 99999999999999999999}', "99999999999999999999 is no number of anything"),
        ('{"rowsRead": -' + "9" * 5_000 + "}", "is no number of anything"),
        ("{}", "schemaVersion none"),
        ('{"schemaVersion": 2}', "schemaVersion 2"),
        ('{"schemaVersion": "1"}', "schemaVersion 1"),
    ],
)
def test_a_report_that_cannot_be_read_is_a_failure_with_a_name(stdout, problem):
    bad = told(report=stdout)
    assert (bad.exit_code, bad.report) == (1, None)
    assert problem in bad.error


def test_a_report_that_was_cut():
    report, problem = read(json.dumps(INGEST)[:-2], truncated=True)
    assert report is None
    assert "cut" in problem
    assert "cut" in told(report=json.dumps(INGEST)[:-2], truncated=True).error


def test_a_report_counts_beside_an_exit_code():
    bad = told(5, {**INGEST, "exitCode": 5, "errors": [{"database": "s", "error": "locked"}, {"error": "x"}]})
    assert (bad.exit_code, bad.error, bad.report["rowsRead"]) == (5, "locked (and 1 more)", 100)


@pytest.mark.parametrize("errors", ["x", [], ["x"], [{}], None, {"a": 1}])
def test_errors_that_are_none_leave_the_last_line_on_stderr(errors):
    bad = told(3, {**INGEST, "errors": errors}, stderr="reading\nError: cannot reach it: x\nTry: y\n")
    assert bad.error == "exit code 3: cannot reach it: x"


def test_a_traceback_is_told_by_its_last_line():
    assert told(1, "", stderr="Traceback:\n  a\nKeyError: 'x'\n\n").error == "exit code 1: KeyError: 'x'"
    assert told(1, "").error == "exit code 1"


@pytest.mark.parametrize(
    "killed", [{"code": 137}, {"code": None, "state": NodeState.FAILED, "why": "memory limit exceeded"}]
)
def test_a_program_killed_for_memory_is_named_as_such(killed):
    bad = told(report="", **killed)
    assert bad.exit_code == 1
    assert "memory" in bad.error


def test_what_never_ran_says_why():
    bad = told(None, None, NodeState.FAILED, why="image not available")
    assert (bad.exit_code, bad.error) == (1, "image not available")


def test_a_daemon_is_as_good_as_its_first_report():
    assert told(None, INGEST, NodeState.WORKING).exit_code == 0
    assert told(None, {**INGEST, "exitCode": 3}, NodeState.WORKING).exit_code == 3
    assert told(None, {"schemaVersion": 1}, NodeState.WORKING).exit_code == 0
    assert told(None, "hello", NodeState.WORKING).exit_code == 1
    assert told(3, "hi", NodeState.FAILED, why="execution completed unexpectedly").exit_code == 3


@pytest.mark.parametrize(
    ("state", "error"),
    [
        (NodeState.QUEUED, "still queued"),
        (NodeState.RUNNING, "still running"),
        (NodeState.LOST, "lost contact with its node"),
    ],
)
def test_what_is_not_over_has_no_exit_code(state, error):
    open_ = told(None, None, state)
    assert (open_.exit_code, open_.error) == (None, error)


@pytest.mark.parametrize(
    ("codes", "whole"),
    [
        ([], 0),
        ([0, 0], 0),
        ([0, None], 4),
        ([1, None], 4),
        ([3, 3], 3),
        ([2], 2),
        ([5, 5], 5),
        ([1, 1], 1),
        ([4], 1),
        ([130, 130], 1),
        ([0, 1], 5),
        ([5, 3], 5),
        ([1, 3], 1),
    ],
)
def test_one_exit_code_for_the_whole(codes, whole):
    views = [
        told(code, INGEST, NodeState.RUNNING if code is None else NodeState.DONE, node=str(index))
        for index, code in enumerate(codes)
    ]
    assert exit_code(views) == whole


def test_a_line_for_each_node_and_totals():
    other = handle("chicago", "j-2")
    listed = rows([told(), told(node="denver-2"), told(1, "", of=other, node="chicago-1")])
    assert listed[0] == {
        "city": "denver",
        "node": "denver-1",
        "state": "done",
        "exit": 0,
        "databases": 2,
        "rows": 100,
        "backlog": 7,
        "readings": 99,
        "aggregates": 2,
        "anomalies": 1,
        "rejects": 1,
        "RU": 10.25,
        "seconds": 1.5,
        "error": None,
    }
    assert listed[2]["rows"] is None
    assert listed[3]["city"] == "total"
    assert (listed[3]["rows"], listed[3]["RU"], listed[3]["seconds"]) == (200, 20.5, 1.5)
    assert len(rows([told()])) == 1


@pytest.mark.parametrize("kind", COLUMNS)
def test_columns_follow_the_kind(kind):
    (line,) = rows([told(report={"schemaVersion": 1, "kind": kind})])
    assert [name for name in line if name not in ("city", "node", "state", "exit", "error")] == [
        column.heading for column in COLUMNS[kind]
    ]


def test_totals_of_values_that_do_not_fit_are_left_out():
    mixed = [
        told(report={**INGEST, "rowsRead": "many", "requestUnits": None, "documents": []}),
        told(report=INGEST, node="denver-2"),
    ]
    total = rows(mixed)[-1]
    assert (total["rows"], total["RU"], total["readings"]) == (None, 10.25, 99)
    assert document([HANDLE], mixed)["totals"]["rowsRead"] is None


def test_the_newest_of_all_is_the_newest():
    inspected = [
        told(report={"schemaVersion": 1, "kind": "inspect", "newest": newest, "freeBytes": 1}, node=newest or "none")
        for newest in ("2026-11-20T00:00:00Z", None, "2026-11-22T00:00:00Z")
    ]
    total = rows(inspected)[-1]
    assert (total["newest"], total["free bytes"]) == ("2026-11-22T00:00:00Z", None)


def test_the_first_disk_to_be_full_is_that_of_all():
    inspected = [
        told(
            report={"schemaVersion": 1, "kind": "inspect", "diskFullAt": at, "growthBytesPerDay": 5}, node=at or "none"
        )
        for at in ("2026-12-20T00:00:00Z", None, "2026-12-02T00:00:00Z")
    ]
    total = rows(inspected)[-1]
    assert (total["disk full"], total["bytes a day"]) == ("2026-12-02T00:00:00Z", 15)


def test_an_unknown_kind_has_what_all_have():
    (line,) = rows([told(report={"schemaVersion": 1, "kind": "new", "seconds": 3})])
    assert line["seconds"] == 3


def test_the_document_has_all():
    other = handle("chicago", "j-2")
    bad = told(1, "", of=other, node="chicago-1", hint="look there")
    made = document([HANDLE, other], [told(), bad])
    assert made["schemaVersion"] == 1
    assert [(job["jobId"], job["name"], job["city"], job["spec"], job["state"]) for job in made["jobs"]] == [
        ("j-1", "n-denver", "denver", "ingest", "complete"),
        ("j-2", "n-chicago", "chicago", "ingest", "failed"),
    ]
    assert made["jobs"][0]["nodes"] == [
        {
            "node": "denver-1",
            "executionId": "e-1",
            "state": "done",
            "exitCode": 0,
            "report": INGEST,
            "error": None,
            "try": None,
        }
    ]
    assert made["jobs"][1]["nodes"][0]["try"] == "look there"
    assert made["totals"]["documents"] == {"readings": 99, "aggregates": 2, "anomalies": 1}
    assert (made["totals"]["nodes"], made["totals"]["complete"], made["exitCode"]) == (2, 1, 5)


def test_jobs_that_are_only_sent():
    made = document([HANDLE], [])
    assert (made["jobs"][0]["state"], made["jobs"][0]["nodes"], made["exitCode"]) == ("submitted", [], 0)


def test_reports_of_a_kind_that_is_none_and_of_several_kinds_are_shown():
    strange = [
        told(report=INGEST | {"kind": []}),
        told(report=INGEST | {"kind": "verify", "documents": 5}, node="b"),
        told(),
    ]
    for order in (strange, strange[::-1]):
        assert json.loads(json.dumps(document([HANDLE], order), allow_nan=False))["totals"]["nodes"] == 3
        assert len(rows(order)) == 4


def test_a_total_that_no_number_can_say_is_left_out():
    both = [told(report=INGEST | {"requestUnits": 1.7e308}), told(report=INGEST | {"requestUnits": 1.7e308}, node="b")]
    assert document([HANDLE], both)["totals"]["requestUnits"] is None


@pytest.mark.parametrize(
    ("code", "is_told"), [(0, 0), (5, 5), (130, 130), (7, 1), (-1, 1), (2**40, 1), (True, 1), ("0", 1)]
)
def test_a_daemon_tells_a_code_of_the_table(code, is_told):
    assert told(None, INGEST | {"exitCode": code}, NodeState.WORKING).exit_code == is_told


def charge(operation="insert", container="readings", **numbers):
    return {
        "container": container,
        "operation": operation,
        "documents": 10,
        "bytes": 900,
        "requestUnits": 5.25,
    } | numbers


def test_charges_of_all_nodes_are_added_by_container_and_operation():
    outcomes = [
        told(report={**INGEST, "charges": [charge(), charge("replace", requestUnits=None)]}),
        told(report={**INGEST, "charges": [charge(), charge("replace"), charge(container="aggregates")]}),
        told(report=INGEST),
    ]
    assert document([HANDLE], outcomes)["totals"]["charges"] == [
        charge(documents=20, bytes=1_800, requestUnits=10.5),
        charge("replace", documents=20, bytes=1_800, requestUnits=5.25),
        charge(container="aggregates"),
    ]
    assert "charges" not in document([HANDLE], [told()])["totals"]


@pytest.mark.parametrize("charges", ["x", 5, [1], [None], [{}], [{"container": 1, "operation": "a"}], {"a": 1}])
def test_charges_that_are_none_are_passed_over(charges):
    assert "charges" not in document([HANDLE], [told(report={**INGEST, "charges": charges})])["totals"]


@pytest.mark.parametrize("value", ["x", [1], {"a": 1}, 1e308])
def test_a_charge_that_cannot_be_added_is_null(value):
    outcomes = [told(report={**INGEST, "charges": [charge(requestUnits=value)]}) for _ in range(2)]
    assert document([HANDLE], outcomes)["totals"]["charges"] == [charge(documents=20, bytes=1_800, requestUnits=None)]
