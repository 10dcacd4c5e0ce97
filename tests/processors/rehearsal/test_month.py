"""What a month brings, from a sample of a few rows, full buckets and buckets that are not."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from processors.form import Form
from processors.rehearsal import Tried, sample
from processors.rehearsal.month import MONTH_S, Month, month
from processors.settings import Settings
from processors.world import World
from tests.harness import databases
from tests.harness.databases import START, readings
from tests.harness.node import Node

DAYS = MONTH_S / 86_400


def settings(node: Node) -> Settings:
    return Settings(city=node.city, data=node.data, state=node.state, archive=node.archive, page_rows=40)


def month_of(tried: Tried, rows_a_second: float = 1.0, *, pass_s: float = 30.0, hold_s: float = 300.0) -> Month:
    found = month(tried, rows_a_second, readings="readings", pass_s=pass_s, hold_s=hold_s, report_bytes=500)
    assert found is not None
    return found


def documents(found: Month, container: str, operation: str | None = None) -> float:
    rows = found.writes.filter(pl.col("container") == container)
    if operation is not None:
        rows = rows.filter(pl.col("operation") == operation)
    return float(rows["documents"].sum())


def test_each_reading_a_document_and_each_pass_a_report(node: Node) -> None:
    databases.create(node.database("box"), readings(150, step_s=1.0))
    each = month_of(sample(settings(node), World(), [Form()])[0])
    assert documents(each, "readings") == pytest.approx(MONTH_S)
    assert documents(each, "runs") == MONTH_S / 30


def test_buckets_and_what_is_shown_of_them(node: Node) -> None:
    databases.create(node.database("box"), readings(150, step_s=1.0))
    (bucketed,) = sample(settings(node), World(), [Form(bucket_rows=60)])
    together = month_of(bucketed)
    shows, full = MONTH_S / 300, MONTH_S / 60
    assert documents(together, "readings") == pytest.approx(shows + full)
    assert documents(together, "readings", "replace") == pytest.approx(shows)  # each that was shown is, once it is full
    assert documents(month_of(bucketed, hold_s=10.0), "readings") == pytest.approx(MONTH_S / 30 + full)


@pytest.mark.parametrize(("hold_s", "shown_s"), [(10.0, 60.0), (119.0, 60.0), (120.0, 120.0), (200.0, 180.0)])
def test_what_waits_is_shown_before_it_would_wait_too_long(node: Node, hold_s: float, shown_s: float) -> None:
    databases.create(node.database("box"), readings(150, step_s=1.0))
    (bucketed,) = sample(settings(node), World(), [Form(bucket_rows=60)])
    together = month_of(bucketed, pass_s=60.0, hold_s=hold_s)
    assert documents(together, "readings") == pytest.approx(MONTH_S / shown_s + MONTH_S / 60)


@pytest.mark.parametrize("rows", [50, 100, 1_000])
def test_buckets_that_are_not_full_save_no_more_than_full_ones(node: Node, rows: int) -> None:
    databases.create(node.database("box"), readings(400, sensors=("s1", "s2"), step_s=0.5))
    each, bucketed = sample(settings(node), World(), [Form(), Form(bucket_rows=rows)])
    assert bucketed.taken_rows == 400
    together = month_of(bucketed, hold_s=MONTH_S)
    assert documents(together, "readings") >= MONTH_S / rows
    assert documents(together, "readings") <= MONTH_S / min(rows, 200) + 4
    assert 0.1 < together.kept_bytes["readings"] / month_of(each).kept_bytes["readings"] < 0.5
    assert documents(together, "aggregates") == pytest.approx(documents(month_of(each), "aggregates"))
    assert documents(together, "aggregates") > 0


def test_no_bucket_is_full_yet(node: Node) -> None:
    databases.create(node.database("box"), readings(100, sensors=("s1", "s2"), step_s=0.5))
    each, bucketed = (month_of(one) for one in sample(settings(node), World(), [Form(), Form(bucket_rows=60)]))
    assert documents(bucketed, "readings") == pytest.approx(MONTH_S / 50 + 2 * MONTH_S / 300)
    assert 0.1 < bucketed.kept_bytes["readings"] / each.kept_bytes["readings"] < 0.9


def test_a_description_is_said_once_a_day_and_stays_once(node: Node) -> None:
    databases.create(node.database("box"), readings(100, sensors=("s1", "s2"), step_s=0.5))
    each, once = (month_of(one) for one in sample(settings(node), World(), [Form(), Form(descriptions="once")]))
    assert documents(once, "readings") == pytest.approx(documents(each, "readings") + 2 * DAYS)
    assert documents(once, "readings", "replace") == pytest.approx(2 * (DAYS - 1))
    assert once.kept_bytes["readings"] < each.kept_bytes["readings"]


def test_descriptions_of_two_months_are_those_of_two(node: Node) -> None:
    end = START.replace(day=30, hour=23, minute=59, second=30)
    databases.create(node.database("box"), readings(100, sensors=("s1", "s2"), step_s=0.6, start=end))
    each, once = (month_of(one) for one in sample(settings(node), World(), [Form(), Form(descriptions="once")]))
    assert documents(once, "readings") == pytest.approx(documents(each, "readings") + 2 * DAYS)


def test_descriptions_with_buckets_that_are_not_full(node: Node) -> None:
    databases.create(node.database("box"), readings(100, sensors=("s1", "s2"), step_s=0.5))
    forms = [Form(bucket_rows=60), Form(bucket_rows=60, descriptions="once")]
    each, once = (month_of(one) for one in sample(settings(node), World(), forms))
    assert documents(once, "readings") == pytest.approx(documents(each, "readings") + 2 * DAYS)


def test_a_month_of_which_nothing_is_known(node: Node) -> None:
    databases.create(node.database("box"), [])
    (nothing,) = sample(settings(node), World(), [Form()])
    known = {"readings": "readings", "pass_s": 30.0, "hold_s": 0.0, "report_bytes": 500}
    assert month(nothing, 1.0, **known) is None  # type: ignore[arg-type]
    databases.append(node.database("box"), readings(1, start=START + timedelta(days=1)))
    (one,) = sample(settings(node), World(), [Form()])
    assert month(one, 0.0, **known) is None  # type: ignore[arg-type]
