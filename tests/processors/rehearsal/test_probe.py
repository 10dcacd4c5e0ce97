"""A probe writes little, reads what it costs, and leaves nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from processors.charges import Learned
from processors.city import passes
from processors.containers import RUNS, making
from processors.containers.definition import definitions
from processors.cosmos import Account
from processors.errors import EndpointError, ProcessorError, SinkError, Stopped
from processors.model import Documents
from processors.rehearsal import rehearse
from processors.rehearsal.counting import WRITES
from processors.rehearsal.foresee import Foreseen, foresee
from processors.rehearsal.probe import MOST_WRITES, PREFIX, TTL_S, _groups, choose
from processors.rehearsal.samples import Samples, size_of
from processors.world import Silent, World
from tests.harness import databases, oracle
from tests.harness.databases import START, readings
from tests.harness.node import Node
from tests.harness.strict import Answer, Exchange, StrictCosmos

CONTAINERS = ("readings", "aggregates", "anomalies", RUNS)


@pytest.fixture
def data(node: Node) -> Node:
    made = [
        {**row, "location": "x" * (number % 40 * 30)} for number, row in enumerate(readings(300, sensors=("s1", "s2")))
    ]
    databases.create(node.database("box"), made)
    return node


@pytest.fixture
def strict(account: Account) -> Iterator[StrictCosmos]:
    with StrictCosmos(account, seed=11) as service:
        yield service


def foreseen(node: Node, account: Account, **more: Any) -> Foreseen:
    return foresee(node.settings(account, page_rows=500, **more), World(), probing=True)


def nothing_is_left(account: Account) -> bool:
    return not any(oracle.documents(account, name) for name in CONTAINERS)


def operations(strict: StrictCosmos) -> list[dict[str, Any]]:
    return [operation for request in strict.batches for operation in json.loads(request.body)]


def test_it_writes_a_hundred_times_at_most_and_deletes_it_all(data: Node, strict: StrictCosmos) -> None:
    plan = foreseen(data, strict.account)
    done = operations(strict)
    assert plan.probed is not None
    assert 0 < plan.probed.writes == len(done) <= MOST_WRITES
    assert nothing_is_left(strict.account)
    written = [operation["resourceBody"] for operation in done if "resourceBody" in operation]
    assert {item["ttl"] for item in written} == {60}
    assert len({item["city"] for item in written}) == 1
    assert all(request.key is not None and str(request.key[0]).startswith(PREFIX) for request in strict.batches)
    assert plan.probed.request_units == pytest.approx(sum(request.charge for request in strict.batches))


def test_nothing_is_asked_without_it(data: Node, strict: StrictCosmos) -> None:
    plan = foresee(data.settings(strict.account), World(), probing=False)
    assert strict.exchanges == []
    assert plan.backlog["readings"].request_units is None
    assert plan.learned_at is None


def test_documents_are_as_large_as_those_that_they_stand_for(data: Node, account: Account) -> None:
    samples = Samples()
    chosen_settings = data.settings(account, page_rows=500, bucket_rows=9, descriptions="once")
    counted = rehearse(chosen_settings, World(), samples.see).counted
    chosen = choose(counted.writes, samples)
    assert {one.container for one in chosen} == set(CONTAINERS)
    for one, group in _groups(chosen, f"{PREFIX}12345678"):
        (item,) = group.items
        assert group.sizes == [size_of(item)] == [one.document.size]
        assert group.key == (f"{PREFIX}12345678", *one.document.key[1:])
        paths = {each.name: each.indexed for each in definitions()}[one.container]
        assert {path for path in paths if path[1:] in item} == {path for path in paths if path[1:] in one.document.item}


def test_levers_are_priced_by_it(data: Node, strict: StrictCosmos) -> None:
    plan = foreseen(data, strict.account)
    assert plan.pulled
    for pulled in plan.pulled:
        assert pulled.coming is not None
        assert all(each.request_units is not None for each in pulled.coming.written.values()), pulled


def test_all_is_deleted_when_a_write_fails(data: Node, strict: StrictCosmos) -> None:
    fails = 7

    def broken(exchange: Exchange) -> Answer:
        if exchange.batch_number == fails:
            return Answer(418, {"code": "Teapot", "message": "no"}, {})
        return strict.forward(exchange)

    strict.plan = broken
    with pytest.raises(ProcessorError):
        foreseen(data, strict.account)
    assert len(strict.batches) > fails
    assert nothing_is_left(strict.account)


def test_an_identity_that_may_not_delete_has_its_plan_all_the_same(data: Node, strict: StrictCosmos) -> None:
    def writer(exchange: Exchange) -> Answer:
        if b'"Delete"' in exchange.body:
            return Answer(403, {"code": "Forbidden", "message": "no"}, {})
        return strict.forward(exchange)

    strict.plan = writer
    plan = foreseen(data, strict.account)
    assert plan.probed is not None
    assert plan.probed.stays
    assert plan.probed.request_units
    assert {item["ttl"] for item in oracle.documents(strict.account, "readings").values()} == {TTL_S}


def test_all_is_deleted_when_it_is_stopped(data: Node, strict: StrictCosmos) -> None:
    stop = threading.Event()

    def stops(exchange: Exchange) -> Answer:
        if exchange.batch_number == 5:
            stop.set()
        return strict.forward(exchange)

    strict.plan = stops
    with pytest.raises(Stopped):
        foresee(data.settings(strict.account, page_rows=500), World(stop=stop), probing=True)
    assert nothing_is_left(strict.account)


def test_what_it_writes_over_is_nobodys(data: Node, strict: StrictCosmos) -> None:
    """A probe after a run leaves the run's documents as they are."""
    (report,) = passes(data.settings(strict.account, page_rows=500), World(), Silent())
    assert report.exit_code == 0
    before = {name: oracle.documents(strict.account, name) for name in CONTAINERS}
    databases.append(data.database("box"), readings(20, start=START.replace(day=24)))
    foreseen(data, strict.account)
    assert {name: oracle.documents(strict.account, name) for name in CONTAINERS} == before


def test_an_account_that_states_no_charges(data: Node, account: Account) -> None:
    plan = foreseen(data, account)
    assert plan.probed is not None
    assert plan.probed.request_units is None
    assert plan.probed.observations.is_empty()
    assert plan.backlog["readings"].request_units is None


def test_an_account_that_is_not_there(data: Node, account: Account) -> None:
    gone = Account("http://127.0.0.1:9", "", account.database)
    with pytest.raises(EndpointError):
        foreseen(data, gone)
    foresee(data.settings(gone), World(), probing=False)


def test_a_database_that_is_not_there(data: Node, account: Account) -> None:
    with pytest.raises(SinkError, match="nowhere"):
        foreseen(data, Account(account.endpoint, "", "nowhere"))


def test_what_is_planned_most_comes_first() -> None:
    samples = Samples()
    sizes = [100 * (number + 1) for number in range(200)]
    for size in sizes:
        samples.see("readings", Documents(("c", "s", "m"), [{"id": f"i{size}"}], [size]))
    rows = [("readings", operation, "", size, float(size)) for size in sizes for operation in ("insert", "replace")]
    chosen = choose(pl.DataFrame(rows, schema=WRITES, orient="row"), samples)
    assert MOST_WRITES - 3 < sum(one.writes for one in chosen) <= MOST_WRITES
    assert chosen[0].document.size == 20_000
    assert all(one.replaced for one in chosen)


def test_something_of_each_container_comes_before_more_of_another() -> None:
    samples = Samples()
    rows = [("readings", "insert", "", round(200 * 1.13**number), 1_000.0) for number in range(60)]
    rows += [("anomalies", "insert", "", 500, 1.0), ("runs", "insert", "", 900, 1.0)]
    for container, _, _, size, _ in rows:
        samples.see(container, Documents(("c", "s", "m"), [{"id": f"i{size}"}], [size]))
    chosen = choose(pl.DataFrame(rows, schema=WRITES, orient="row"), samples)
    assert {one.container for one in chosen} == {"readings", "anomalies", "runs"}


def test_charges_of_another_index_are_not_those_of_this_one(
    data: Node, strict: StrictCosmos, monkeypatch: pytest.MonkeyPatch
) -> None:
    (report,) = passes(data.settings(strict.account, page_rows=500), World(), Silent())
    assert report.exit_code == 0
    databases.append(data.database("box"), readings(100, sensors=("s1", "s2"), start=START.replace(day=24)))
    monkeypatch.setattr("processors.rehearsal.probe.MOST_WRITES", 0)
    assert foreseen(data, strict.account).backlog["aggregates"].request_units is not None
    indexed = {"aggregates": ("/city", "/sensorId", "/month", "/windowStart", "/count")}
    making.create(replace(strict.account, indexed=indexed), update=True)
    plan = foreseen(data, strict.account)
    assert plan.backlog["aggregates"].request_units is None
    assert plan.backlog["anomalies"].request_units is not None or "anomalies" not in plan.backlog


def test_charges_are_known_for_all_that_was_counted(data: Node, strict: StrictCosmos) -> None:
    plan = foreseen(data, strict.account)
    assert plan.probed is not None
    learned = Learned(plan.probed.observations)
    for name, operation, shape, size, _ in plan.rehearsal.counted.writes.rows():
        assert learned.charge(name, operation, pl.Series([size]), shape).item() is not None, (name, operation, size)
