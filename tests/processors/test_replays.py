"""A run that is killed after it sent a batch: the next one sends what is not there, when it is told to."""

from __future__ import annotations

import io
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from processors.city import Silent, World, passes
from processors.cosmos import Account
from processors.errors import EndpointError
from processors.report import Report
from processors.verify import verify
from tests.harness import databases, oracle, processor
from tests.harness.databases import START, readings
from tests.harness.node import Node
from tests.harness.strict import Answer, Exchange, StrictCosmos
from tests.harness.strict.faults import throttled

AFTER_SINK = ("processors.sink", "Sink.write", "after", 3)
POINTS = {
    "after sink": AFTER_SINK,
    "between containers": ("processors.sink", "Sink.write", "after", 1),
    "half of the readings": ("processors.sink.answer", "of_taken", "after", 2),
    "nothing": ("processors.sink", "Sink.write", "before", 1),
    "in the second batch": ("processors.sink", "Sink.write", "after", 6),
}
FORMS: dict[str, dict[str, Any]] = {"each": {}, "buckets": {"bucket_rows": 7}, "raw": {"stage": "raw"}}


def fill(node: Node, seed: int) -> None:
    databases.create(node.database(), readings(300, seed=seed, step_s=7, sensors=("a", "b")))


def ingest(node: Node, account: Account, **settings: Any) -> Report:
    (report,) = passes(node.settings(account, **{"page_rows": 250, **settings}), World(), Silent())
    return report


def killed(node: Node, account: Account, point: tuple[str, str, str, int], **settings: Any) -> None:
    died = processor.run_and_die(node, account, point, **{"page_rows": 250, **settings})
    assert died.code == processor.KILLED, died.errors


def contents(account: Account) -> dict[str, dict[str, dict[str, Any]]]:
    return {name: oracle.documents(account, name) for name in ("readings", "aggregates", "anomalies")}


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("form", FORMS)
def test_the_documents_are_the_same(node: Node, strict: StrictCosmos, point: str, form: str) -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    fill(node, seed)
    whole = Node(node.root / "whole")
    databases.copy(node.database(), whole.database())
    killed(node, strict.account, POINTS[point], **FORMS[form])
    report = ingest(node, strict.account, skip_replays=True, **FORMS[form])
    rows = 50 if point == "in the second batch" else 300
    assert (report.exit_code, report.backlog_rows, report.taken.rows) == (0, 0, rows)
    checked = verify(node.settings(strict.account, **FORMS[form]), World(), io.StringIO())
    assert (checked.exit_code, dict(checked.found)) == (0, {}), f"seed {seed}"
    found = contents(strict.account)
    ingest(whole, Account(strict.endpoint, "", strict.account.database), **FORMS[form])
    assert contents(strict.account) == found, f"seed {seed}"


@pytest.mark.parametrize("form", ["each", "buckets"])
def test_what_is_there_is_not_paid_for_again(node: Node, account: Account, tmp_path: Path, form: str) -> None:
    """The same run, from the same state, with and without."""
    seed = random.SystemRandom().randrange(1_000_000)
    fill(node, seed)
    with StrictCosmos(account, seed=seed) as strict:
        killed(node, strict.account, AFTER_SINK, **FORMS[form])
        other = node.copy(tmp_path / "other")
        skipped = ingest(node, strict.account, skip_replays=True, **FORMS[form])
        replaced = ingest(other, strict.account, **FORMS[form])
    told = {(each["container"], each["operation"]): each for each in skipped.document()["charges"]}
    again = {(each["container"], each["operation"]): each for each in replaced.document()["charges"]}
    there = 250 if form == "each" else 7 * 34
    asked = told["readings", "query"]["requestUnits"]
    assert told["readings", "insert"]["documents"] <= 50 + 2
    assert ("readings", "replace") not in told
    assert again["readings", "replace"]["documents"] >= there // (1 if form == "each" else 7)
    assert skipped.taken.readings == replaced.taken.readings
    first = again["readings", "replace"]["requestUnits"]
    assert asked < first * 0.25, f"seed {seed}"
    assert skipped.spent.request_units < replaced.spent.request_units * 0.6, f"seed {seed}"  # type: ignore[operator]
    assert [notice for notice in skipped.taken.notices if "were there already and not sent again" in notice]


def test_it_is_asked_only_where_a_run_was_killed_between_sending_and_the_checkpoint(
    node: Node, strict: StrictCosmos
) -> None:
    fill(node, 1)

    def queries() -> int:
        return sum(each.kind == "query" for each in strict.exchanges)

    assert ingest(node, strict.account, skip_replays=True, page_rows=100).exit_code == 0
    databases.append(node.database(), readings(30, seed=5, start=START + timedelta(days=1)))
    killed(node, strict.account, ("processors.checkpoint", "Checkpoint.intend", "before", 1))
    assert ingest(node, strict.account, skip_replays=True).taken.rows == 30
    databases.append(node.database(), readings(30, seed=6, start=START + timedelta(days=2)))
    killed(node, strict.account, AFTER_SINK)
    assert ingest(node, strict.account).taken.rows == 30
    assert queries() == 0


def test_a_bucket_that_has_grown_is_sent_again(node: Node, strict: StrictCosmos) -> None:
    """It was shown open at the end of a pass, and is full in the batch that is done again."""
    databases.create(node.database(), readings(10, step_s=7))
    assert ingest(node, strict.account, bucket_rows=7).exit_code == 0
    assert sorted(item["count"] for item in oracle.documents(strict.account, "readings").values()) == [3, 7]
    databases.append(node.database(), readings(10, seed=2, step_s=7, start=START.replace(minute=30)))
    killed(node, strict.account, ("processors.sink", "Sink.write", "before", 1), bucket_rows=7)
    assert ingest(node, strict.account, bucket_rows=7, skip_replays=True).exit_code == 0
    assert sorted(item["count"] for item in oracle.documents(strict.account, "readings").values()) == [6, 7, 7]


def test_an_identity_that_may_not_query_is_told_which_setting_asks(node: Node, strict: StrictCosmos) -> None:
    fill(node, 1)
    killed(node, strict.account, AFTER_SINK)
    strict.plan = lambda exchange: Answer(403, {"message": "no"}) if exchange.kind == "query" else None
    report = ingest(node, strict.account, skip_replays=True)
    assert isinstance(report.stopped_by, EndpointError)
    assert "skip_replays" in str(report.stopped_by)
    assert ingest(node, strict.account).exit_code == 0


def test_a_question_that_is_throttled_is_asked_again(node: Node, strict: StrictCosmos) -> None:
    fill(node, 1)
    killed(node, strict.account, AFTER_SINK)
    seen = []

    def plan(exchange: Exchange) -> Answer | None:
        if exchange.kind != "query":
            return None
        seen.append(exchange)
        return throttled(advice_ms=1) if len(seen) == 1 else None

    strict.plan = plan
    report = ingest(node, strict.account, skip_replays=True)
    assert report.exit_code == 0
    assert ("readings", "replace") not in report.spent.totals()
    assert len(seen) > 2
