"""What is foreseen of a month, and what is not known of it."""

from __future__ import annotations

import pytest

from processors.containers import RUNS
from processors.rehearsal.foresee import Foreseen, foresee
from processors.rehearsal.month import MONTH_S
from processors.settings import Settings
from processors.world import World
from submitter.commands._plan_load import load_of
from tests.harness import databases
from tests.harness.databases import readings
from tests.harness.node import Node


def foreseen(node: Node, **more: object) -> Foreseen:
    chosen = {"city": node.city, "data": node.data, "state": node.state, "archive": node.archive, **more}
    return foresee(Settings.model_validate(chosen), World(), probing=False)


def documents(found: Foreseen, container: str, lever: str | None = None) -> float:
    coming = found.coming if lever is None else next(e.coming for e in found.pulled if e.lever.name == lever)
    assert coming is not None
    return coming.written[container].inserts + coming.written[container].replaces


@pytest.fixture
def data(node: Node) -> Node:
    databases.create(node.database("box"), readings(200, sensors=("s1", "s2"), step_s=0.5))
    return node


def test_a_run_of_one_pass_shows_what_waits_each_time(data: Node) -> None:
    once = foreseen(data, bucket_rows=1_000, hold=7_200)
    rare = foreseen(data, bucket_rows=1_000, hold=7_200, every=3_600)
    shows = 2 * MONTH_S / 3_600
    assert documents(once, "readings") - documents(rare, "readings") == pytest.approx(shows / 2)


def test_seldom_passes_are_fewer_reports_and_shows(data: Node) -> None:
    often = foreseen(data, bucket_rows=60, hold=10, every=60)
    assert documents(often, RUNS) == MONTH_S / 60
    assert documents(often, RUNS, "every=15m") == MONTH_S / 900
    fewer = documents(often, "readings") - documents(often, "readings", "every=15m")
    assert fewer == pytest.approx(2 * (MONTH_S / 60 - MONTH_S / 900))
    assert documents(often, "aggregates") == documents(often, "aggregates", "every=15m")
    assert "every=15m" not in [each.lever.name for each in foreseen(data).pulled]


def test_a_rate_that_is_not_known_is_not_nothing(node: Node) -> None:
    databases.create(node.database("box"), readings(1))
    found = foreseen(node)
    assert found.coming is None
    assert {each.coming for each in found.pulled} == {None}
    load = load_of(found, found.coming)
    assert {(each.bytes, each.request_units) for each in load.month} == {(None, None)}
    assert len(load.month) == 4
    assert [each.bytes_a_month for each in load.sensors] == [{}]


def test_sensors_and_what_each_brings(data: Node) -> None:
    for more in ({}, {"bucket_rows": 1_000}):
        found = foreseen(data, **more)
        assert found.coming is not None
        assert sum(share for share, _ in found.sensors.values()) == pytest.approx(1.0)
        whole = sum(sizes["readings"] for _, sizes in found.sensors.values())
        assert whole == pytest.approx(found.coming.kept_bytes["readings"])
