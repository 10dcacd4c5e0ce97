"""What a city's passes are charged is told, learned, and kept within a budget; against a service that charges."""

from __future__ import annotations

import io
import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from processors import planned, spending
from processors.charges import INSERT, REPLACE, Learned, of_account
from processors.checkpoint import open_checkpoint
from processors.city import Silent, World, passes
from processors.cosmos import Account
from processors.errors import SinkError
from processors.form import Form
from processors.model import BEFORE_FIRST, Database
from processors.pipeline import Taken
from processors.planned import Planned
from processors.report import Report
from processors.schema import TIMESTAMP_TYPE
from processors.verify import verify
from tests.harness import databases, oracle
from tests.harness.databases import START, readings
from tests.harness.node import Node
from tests.harness.strict import Answer, StrictCosmos
from tests.harness.strict.faults import on_batches, throttled

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture(params=range(3))
def seed() -> int:
    """Drawn when the test runs: says what the account charges, and what the rows are."""
    return random.SystemRandom().randrange(1_000_000)


def ingest(node: Node, account: Account, world: World | None = None, **settings: Any) -> Report:
    (report,) = passes(node.settings(account, **{"page_rows": 20_000, **settings}), world or World(), Silent())
    return report


def at(minute: int) -> World:
    return World(now=lambda: NOW + timedelta(minutes=minute))


def charged(strict: StrictCosmos, since: int = 0, *, runs: bool = False) -> float:
    """Request units of what was asked since an exchange; with the documents of runs, or without."""
    asked = strict.exchanges[since:]
    return sum(each.charge for each in asked if each.kind != "metadata" and (runs or each.container != "runs"))


def verified(node: Node, account: Account, **settings: Any) -> None:
    report = verify(node.settings(account, page_rows=20_000, **settings), World(), io.StringIO())
    assert (report.exit_code, dict(report.found)) == (0, {})


def learned(node: Node, account: Account) -> Learned:
    with open_checkpoint(node.state, node.city) as checkpoint:
        frame, notices = spending.learned(checkpoint)
    assert notices == ()
    return Learned(of_account(frame, account.endpoint, account.database))


def test_a_report_tells_what_the_account_was_charged(node: Node, account: Account, seed: int) -> None:
    """By container and operation, whatever was throttled; the seed says what the account charges."""
    rows = readings(300, seed=seed, step_s=20, sensors=("a", "b"))
    databases.create(node.database("one"), rows)
    databases.create(node.database("two"), readings(40, seed=seed + 1))
    with StrictCosmos(account, seed=seed) as strict:
        strict.plan = on_batches({1, 3}, replace(throttled(advice_ms=1), headers={"x-ms-request-charge": "0.38"}))
        document = ingest(node, strict.account).document()
        told = {(each["container"], each["operation"]): each for each in document["charges"]}
        failed = 2 * 0.38
        assert document["requestUnits"] == pytest.approx(charged(strict) + failed, abs=0.05), f"seed {seed}"
        assert sum(each["requestUnits"] for each in document["charges"]) == pytest.approx(
            document["requestUnits"], abs=0.05
        )
        assert told["readings", "insert"]["documents"] == document["documents"]["readings"] == 340
        assert told["readings", "failed"]["requestUnits"] == pytest.approx(failed)
        for container in ("readings", "aggregates"):
            asked = [each.charge for each in strict.exchanges if each.container == container and each.ids]
            done = sum(entry["requestUnits"] for (name, _), entry in told.items() if name == container)
            assert done - (failed if container == "readings" else 0.0) == pytest.approx(sum(asked), abs=0.05)
        stored = oracle.documents(account, "readings").values()
        size = sum(len(json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode()) for item in stored)
        assert told["readings", "insert"]["bytes"] == pytest.approx(size, rel=0.001)  # the emulator makes 20.0 a 20


def test_what_is_left_of_a_failed_pass_is_told_and_learned(node: Node, strict: StrictCosmos) -> None:
    databases.create(node.database(), readings(150))
    strict.plan = on_batches({1}, Answer(403, {"message": "no"}))
    report = ingest(node, strict.account)
    assert isinstance(report.stopped_by, Exception)
    assert report.document()["requestUnits"] == pytest.approx(charged(strict), abs=0.02)
    assert report.spent.request_units is not None
    known = learned(node, strict.account)
    assert known.charge("readings", INSERT, pl.Series([_size(report)])).null_count() == 0


def _size(report: Report) -> int:
    """Mean bytes of a reading that was inserted."""
    told = report.spent.totals()["readings", INSERT]
    return told.bytes // told.documents


def test_what_passes_were_charged_foretells_the_next(node: Node, account: Account, seed: int) -> None:
    databases.create(node.database(), readings(400, seed=seed, step_s=20))
    with StrictCosmos(account, seed=seed) as strict:
        first = ingest(node, strict.account)
        known = learned(node, strict.account)
        databases.append(node.database(), readings(300, seed=seed + 1, step_s=20, start=START + timedelta(days=1)))
        second = ingest(node, strict.account)
        told = second.spent.totals()["readings", INSERT]
        each = known.charge("readings", INSERT, pl.Series([_size(second)])).item()
        assert each * told.documents == pytest.approx(told.request_units, rel=0.05), f"seed {seed}"
        grown = learned(node, strict.account)
        assert grown.charge("readings", REPLACE, pl.Series([_size(second)])).item() is None
        assert grown.charge("readings", INSERT, pl.Series([_size(first), _size(second)])).null_count() == 0
    with open_checkpoint(node.state, node.city) as checkpoint:
        frame, _ = spending.learned(checkpoint)
    assert frame.filter(container="readings", operation=INSERT)["documents"].sum() == 700


def test_what_was_learned_is_learned_anew_when_it_is_of_another_version(node: Node, strict: StrictCosmos) -> None:
    databases.create(node.database(), readings(30))
    ingest(node, strict.account)
    with open_checkpoint(node.state, node.city) as checkpoint:
        checkpoint.keep(spending.OWNER, {spending.LEARNED: pl.DataFrame({"odd": [1]})})
    databases.append(node.database(), readings(30, start=START + timedelta(days=1)))
    report = ingest(node, strict.account)
    assert report.taken.notices == (
        "charges: what was learned is of another version or not readable: it is learned anew",
    )
    assert learned(node, strict.account).charge("readings", INSERT, pl.Series([_size(report)])).null_count() == 0


def test_a_service_that_states_no_charge_teaches_nothing(node: Node, account: Account) -> None:
    databases.create(node.database(), readings(30))
    report = ingest(node, account, ru_budget="1")
    assert (report.taken.rows, report.backlog_rows, report.spent.request_units) == (30, 0, None)
    assert report.taken.notices == ("ru_budget ends nothing here: the service states no charges",)
    with open_checkpoint(node.state, node.city) as checkpoint:
        assert checkpoint.carried(spending.OWNER) == {}


def test_a_budget_of_a_run_is_used_up_and_not_overrun(node: Node, account: Account, seed: int) -> None:
    """Each run's, until all is taken in; and nothing is lost."""
    rows = {"one": 400, "two": 100, "three": 1}
    for number, (name, count) in enumerate(rows.items()):
        databases.create(node.database(name), readings(count, seed=seed + number, step_s=20, sensors=("a", "b")))
    budget, spent = 1_000.0, []
    with StrictCosmos(account, seed=seed) as strict:
        while True:
            before = len(strict.exchanges)
            report = ingest(node, strict.account, ru_budget="1000")
            assert report.exit_code == 0
            spent.append(charged(strict, before))
            assert report.document()["requestUnits"] == pytest.approx(spent[-1], abs=0.05)
            if not report.backlog_rows:
                break
            assert report.taken.notices == ("ru_budget 1000 is used up: what waits is for the next run",)
        assert len(spent) > 3
        assert max(spent) <= budget * 1.04, f"seed {seed}"
        assert min(spent[:-1]) >= budget * 0.9, f"seed {seed}"
        verified(node, strict.account)
        assert len(oracle.documents(account, "readings")) == sum(rows.values())
        assert ingest(node, strict.account, ru_budget="1000").taken.notices == ()


def test_a_budget_of_an_hour_holds_for_a_run_each_minute(node: Node, account: Account, seed: int) -> None:
    databases.create(node.database(), readings(600, seed=seed, step_s=20, sensors=("a", "b")))
    spent: dict[int, float] = {}
    with StrictCosmos(account, seed=seed) as strict:
        for minute in range(0, 180, 4):
            before = len(strict.exchanges)
            report = ingest(node, strict.account, at(minute), ru_budget="1500/h")
            spent[minute // 60] = spent.get(minute // 60, 0.0) + charged(strict, before, runs=True)
            assert report.exit_code == 0
        # The documents of runs go up, whatever is left.
        runs = sum(each.charge for each in strict.exchanges if each.container == "runs") / len(spent)
        assert max(spent.values()) <= 1_500 * 1.04 + runs, f"seed {seed}"
        assert min(spent.values()) >= 1_500 * 0.9, f"seed {seed}"
        ingest(node, strict.account)
        verified(node, strict.account)


def test_a_run_that_is_killed_has_spent_what_it_has(
    node: Node, strict: StrictCosmos, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hour is kept with each batch, not at the end."""
    databases.create(node.database(), readings(400, step_s=20))

    class Killed(BaseException):
        pass

    def kill(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("processors.city.compare", kill)
        with pytest.raises(Killed):
            ingest(node, strict.account, at(0), ru_budget="1000/h")
    first = charged(strict)
    before = len(strict.exchanges)
    ingest(node, strict.account, at(10), ru_budget="1000/h")
    assert 900 < first <= 1_040
    assert first + charged(strict, before) <= 1_040


def test_runs_that_are_killed_in_their_first_batch_spend_no_more_than_the_hour(
    node: Node, strict: StrictCosmos, monkeypatch: pytest.MonkeyPatch
) -> None:
    databases.create(node.database(), readings(400, step_s=20))

    class Killed(BaseException):
        pass

    def kill(*_: object) -> None:
        raise Killed

    monkeypatch.setattr("processors.archive.Archive.write", kill)
    ended = 0
    for _ in range(40):
        try:
            ingest(node, strict.account, at(0), ru_budget="1000/h")
            ended += 1
        except Killed:
            pass
    assert 0 < ended < 35
    assert 900 < charged(strict) <= 1_000 + 100  # a first batch, of which nothing is known yet


def test_the_database_that_is_most_behind_is_first_while_a_budget_ends_passes(node: Node, strict: StrictCosmos) -> None:
    databases.create(node.database("a"), readings(60))
    databases.create(node.database("b"), readings(300, seed=2))
    seen = []

    class Told(Silent):
        def batch(self, database: Database, taken: Taken) -> None:  # noqa: ARG002 - see `world.Progress`
            seen.append(database.sensor)

    for _ in passes(node.settings(strict.account, ru_budget="200", page_rows=20_000), World(), Told()):
        pass
    assert seen[0] == "b"
    assert set(seen) == {"a", "b"}


def test_rejects_promise_no_cheap_rows(node: Node, strict: StrictCosmos) -> None:
    bad = [{**row, "timestamp": "noon"} for row in readings(210)]
    databases.create(node.database(), [*bad, *readings(400, step_s=20)])
    report = ingest(node, strict.account, ru_budget="500")
    assert (report.taken.rejected, report.exit_code) == (210, 0)
    assert 450 < charged(strict) <= 520


def test_previews_go_up_only_while_much_is_left(node: Node, strict: StrictCosmos) -> None:
    databases.create(node.database(), readings(600, step_s=20, sensors=("a", "b")))
    world = World(clock=iter(range(0, 1_000_000, 100)).__next__)
    ingest(node, strict.account, world, ru_budget="2000")
    spent, shown = 0.0, []
    for each in strict.exchanges:
        if b"provisional" in each.body:
            shown.append(spent)
        spent += each.charge if each.container != "runs" else 0.0
    assert shown
    assert max(shown) < 2_000 * 0.75
    assert 1_800 < spent <= 2_080


def used_up(node: Node) -> None:
    """The hour's budget, by whatever came before."""
    hour = pl.DataFrame({"began": [NOW], "spent": [1e9]}, schema={"began": TIMESTAMP_TYPE, "spent": pl.Float64})
    with open_checkpoint(node.state, node.city) as checkpoint:
        checkpoint.keep("budget", {"hour.1": hour})


def test_open_buckets_are_not_shown_when_nothing_is_left(
    node: Node, strict: StrictCosmos, monkeypatch: pytest.MonkeyPatch
) -> None:
    databases.create(node.database(), readings(10, step_s=7))
    with monkeypatch.context() as patch:
        patch.setattr("processors.city.show_waiting", lambda *_: None)
        ingest(node, strict.account, at(0), bucket_rows=7)

    def counts() -> list[int]:
        return sorted(item["count"] for item in oracle.documents(strict.account, "readings").values())

    used_up(node)
    report = ingest(node, strict.account, at(1), bucket_rows=7, ru_budget="500/h")
    assert (report.exit_code, report.taken.notices) == (
        0,
        ("ru_budget 500/h is used up: 3 readings in open buckets are shown by the next run",),
    )
    assert counts() == [7]
    ingest(node, strict.account, at(61), bucket_rows=7, ru_budget="500/h")
    assert counts() == [3, 7]


def test_nothing_waits_and_nothing_is_said_when_nothing_is_left(node: Node, strict: StrictCosmos) -> None:
    databases.create(node.database(), readings(10))
    ingest(node, strict.account, at(0))
    used_up(node)
    report = ingest(node, strict.account, at(1), ru_budget="500/h")
    assert (report.exit_code, report.backlog_rows, report.taken.notices) == (0, 0, ())
    databases.append(node.database(), readings(5, start=START + timedelta(days=1)))
    report = ingest(node, strict.account, at(2), ru_budget="500/h")
    assert (report.exit_code, report.backlog_rows, report.taken.rows) == (0, 5, 0)
    assert report.taken.notices == ("ru_budget 500/h is used up: what waits is for the next run",)


def test_what_a_row_has_cost_is_remembered_for_its_settings_only(node: Node, strict: StrictCosmos) -> None:
    databases.create(node.database(), readings(300))
    ingest(node, strict.account)

    def first(day: int, **settings: Any) -> int:
        databases.append(node.database(), readings(400, start=START + timedelta(days=day)))
        batches: list[int] = []

        class Told(Silent):
            def batch(self, database: Database, taken: Taken) -> None:  # noqa: ARG002 - see `world.Progress`
                batches.append(taken.rows)

        chosen = node.settings(strict.account, ru_budget="100000", **{"page_rows": 20_000, **settings})
        list(passes(chosen, World(), Told()))
        return batches[0]

    assert [first(1), first(2, stage="raw"), first(3, stage="raw")] == [100, 10, 100]
    assert first(4, stage="raw", page_rows=50, skip_replays=True) == 50


def test_what_was_planned_is_told_where_the_run_starts_where_the_plan_did(node: Node, strict: StrictCosmos) -> None:
    databases.create(node.database("a"), readings(30))
    databases.create(node.database("b"), readings(20, seed=2))
    databases.create(node.database("empty"))
    foretold = Planned(
        made_at=NOW,
        positions={"a": BEFORE_FIRST, "b": BEFORE_FIRST},
        form=Form().encode(),
        rows=50,
        documents={"readings": 50},
        request_units=400.0,
        seconds=1.0,
    )
    planned.write(node.state / node.city, foretold)
    document = ingest(node, strict.account).document()
    assert document["planned"] == foretold.document()
    databases.append(node.database("b"), readings(5, start=START + timedelta(days=1)))
    assert "planned" not in ingest(node, strict.account).document()
    planned.write(node.state / node.city, replace(foretold, positions={"a": 30, "b": 25}, form=Form("raw").encode()))
    other = ingest(node, strict.account).document()
    assert "planned" not in other
    assert "another form" in str(other["notices"])
    planned.write(node.state / node.city, replace(foretold, positions={"a": 30, "b": 25}, rows=0))
    assert ingest(node, strict.account).document()["planned"]["rows"] == 0
    (node.state / node.city / planned.FILE).write_text("{")
    report = ingest(node, strict.account)
    assert report.exit_code == 0
    assert [notice for notice in report.taken.notices if "plan.json" in notice]


def test_a_pass_that_could_not_begin_has_spent_nothing(node: Node, strict: StrictCosmos) -> None:
    databases.create(node.database(), readings(30))
    report = ingest(node, Account(strict.endpoint, "", "nowhere"))
    assert isinstance(report.stopped_by, SinkError)
    assert report.document()["requestUnits"] is None
    assert report.document()["charges"] == []
