"""Request units: around the published ones, other ones for each seed, and stated with each answer."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from azure.cosmos import ContainerProxy, CosmosClient

from processors.cosmos import Account
from tests.harness.strict import StrictCosmos

KEY = ["denver", "s1", "2026-11"]
PUBLISHED = {1: (1.00, 4.95), 16: (1.67, 9.52), 128: (9.95, 48.19), 1024: (145.90, 625.00)}
"""Size in KB, and request units of a read and a write, indexing not stated."""

SEEDS = range(12)


@contextmanager
def charged(account: Account, seed: int) -> Iterator[tuple[ContainerProxy, Callable[[], float]]]:
    """A container of an account of its own charges, and what the last request to it cost."""
    with (
        StrictCosmos(account, seed=seed) as strict,
        CosmosClient(strict.endpoint, "eA==", enable_endpoint_discovery=False) as client,
    ):
        container = client.get_database_client(account.database).get_container_client("readings")

        def last() -> float:
            return [exchange.charge for exchange in strict.exchanges if exchange.kind != "metadata"][-1]

        yield container, last


def sized(item: Callable[..., dict[str, Any]], name: str, kb: int) -> dict[str, Any]:
    return item(name, text="x" * (kb * 1024 - 150))


def test_charges_lie_around_the_published_ones(account, item):
    reads: dict[int, list[float]] = {kb: [] for kb in PUBLISHED}
    writes: dict[int, list[float]] = {kb: [] for kb in PUBLISHED}
    for seed in SEEDS:
        with charged(account, seed) as (container, last):
            for kb in PUBLISHED:
                container.create_item(sized(item, f"{seed}-{kb}", kb))
                writes[kb].append(last())
                container.read_item(f"{seed}-{kb}", KEY)
                reads[kb].append(last())
    for kb, (read, write) in PUBLISHED.items():
        assert 0.8 < statistics.mean(reads[kb]) / read < 1.3
        # Up to three indexed paths are in it.
        assert write * 0.8 < statistics.mean(writes[kb]) < write * 1.3 + 3
        assert len(set(writes[kb])) > len(SEEDS) / 2
    for one in zip(*writes.values(), strict=True):
        assert list(one) == sorted(one)
    # Neither what indexes add nor a common factor is in these.
    shapes = {round((c - b) / (d - c), 3) for _, b, c, d in zip(*writes.values(), strict=True)}
    assert len(shapes) > len(SEEDS) / 2


def test_another_seed_is_another_formula_not_only_another_scale(account, item):
    found: list[tuple[float, ...]] = []
    for seed in SEEDS:
        costs: list[float] = []
        with charged(account, seed) as (container, last):
            for name, body in (("plain", {}), ("indexed", {"observedAt": "x", "isAnomaly": True})):
                container.create_item(item(f"{seed}-{name}", **body))
                costs.append(last())
            container.upsert_item(item(f"{seed}-plain"))
            costs.append(last())
            list(container.query_items("SELECT * FROM c WHERE c.n = 1", enable_cross_partition_query=True))
            costs.append(last())
        found.append(tuple(cost / costs[0] for cost in costs))
    assert all(indexed > 1 for _, indexed, _, _ in found)
    assert all(1.7 < replace < 2.3 for _, _, replace, _ in found)
    for column in list(zip(*found, strict=True))[1:]:
        assert len({round(ratio, 3) for ratio in column}) > len(SEEDS) / 2


def test_the_same_seed_charges_the_same(account, item):
    costs = []
    for number in range(2):
        with charged(account, 3) as (container, last):
            container.create_item(item(str(number)))
            costs.append(last())
    assert costs[0] == costs[1]


def test_a_batch_costs_what_its_operations_cost(strict, batch, item):
    told = batch(*(("Create", item(f"a-{number}", observedAt="x" * number * 200)) for number in range(20)))
    each = [result["requestCharge"] for result in told.body]
    assert min(each) > 0
    assert each == sorted(each)
    assert each[-1] > each[0]
    assert float(told.headers["x-ms-request-charge"]) == pytest.approx(sum(each), abs=0.2)
    assert strict.batches[-1].charge == float(told.headers["x-ms-request-charge"])


def test_a_batch_that_fails_costs_less_than_one_that_is_done(batch, item):
    whole = [("Create", item(f"a-{number}")) for number in range(20)]
    done = batch(*whole)
    failed = batch(*whole)
    assert failed.status == 207
    assert 0 < float(failed.headers["x-ms-request-charge"]) < float(done.headers["x-ms-request-charge"])


def test_a_query_costs_by_what_is_scanned_and_returned(ask, batch, item):
    def cost(text: str) -> float:
        told = ask("POST", "", {"query": text}, content_type="application/query+json")
        assert told.status == 200
        return float(told.headers["x-ms-request-charge"])

    narrow = "SELECT TOP 1 * FROM c WHERE IS_DEFINED(c.city)"
    one, scan = cost(narrow), cost("SELECT TOP 1 * FROM c WHERE c.n > 5")
    for start in range(0, 400, 100):
        batch(*(("Create", item(f"a-{number}", n=number, note="x" * 300)) for number in range(start, start + 100)))
    assert cost(narrow) > one
    assert cost("SELECT TOP 1 * FROM c WHERE c.n > 5") - scan > 2 * (cost(narrow) - one)
    counted = cost("SELECT VALUE COUNT(1) FROM c WHERE IS_DEFINED(c.city)")
    assert counted < cost("SELECT VALUE COUNT(1) FROM c WHERE IS_DEFINED(c.n)")
    assert counted < cost("SELECT c.id FROM c WHERE IS_DEFINED(c.city)") < cost("SELECT * FROM c")


def test_a_query_costs_by_what_its_conditions_leave(ask, batch, item):
    def cost(what: str, conditions: str, after: str = "") -> float:
        parameters = [{"name": "@city", "value": "denver"}, {"name": "@sensor", "value": "s1"}]
        parameters += [{"name": "@at", "value": "2026-11-20T00:03"}, {"name": "@n", "value": 100}]
        content = {"query": f"SELECT {what} FROM c WHERE {conditions}{after}", "parameters": parameters}
        told = ask("POST", "", content, content_type="application/query+json")
        assert told.status == 200
        return float(told.headers["x-ms-request-charge"])

    def fill(sensor: str, count: int) -> None:
        for start in range(0, count, 100):
            numbers = range(start, start + 100)
            items = [
                item(
                    f"{sensor}-{number}",
                    sensorId=sensor,
                    n=number,
                    observedAt=f"2026-11-20T{number // 60:02}:{number % 60:02}",
                )
                for number in numbers
            ]
            batch(*(("Create", each) for each in items), key=["denver", sensor, "2026-11"])

    city, sensor = "c.city = @city", "c.city = @city AND c.sensorId = @sensor"
    fill("s1", 200)
    looks, gap = f"{sensor} AND IS_DEFINED(c.observedAt)", "c.sensorId = @sensor AND IS_DEFINED(c.observedAt)"
    either = f"{city} AND (c.observedAt < @at OR IS_DEFINED(c.month))"
    wheres = (city, sensor, f"{sensor} AND c.n >= @n", looks, gap)
    alone = {where: cost("VALUE COUNT(1)", where) for where in wheres}
    fill("s2", 400)
    # Items of another sensor cost a query of the city, and not one of this sensor, even where it reads items.
    assert cost("VALUE COUNT(1)", city) > alone[city]
    assert [cost("VALUE COUNT(1)", where) for where in wheres[1:4]] == list(alone.values())[1:4]
    assert cost("VALUE COUNT(1)", gap) > alone[gap]
    assert cost("VALUE COUNT(1)", either) >= cost("VALUE COUNT(1)", f"{city} AND IS_DEFINED(c.month)")
    assert alone[f"{sensor} AND c.n >= @n"] > alone[sensor]
    # A range is found, a function looks at all entries, and a limit in the order of the index ends the search.
    early = f"{sensor} AND (c.observedAt < @at OR c.observedAt < @at)"
    assert cost("VALUE COUNT(1)", early) < cost("VALUE COUNT(1)", sensor)
    assert cost("VALUE COUNT(1)", early) < cost("VALUE COUNT(1)", f"{early} AND IS_DEFINED(c.observedAt)")
    one = " ORDER BY c.observedAt DESC OFFSET 0 LIMIT 1"
    assert cost("*", sensor, one) == pytest.approx(cost("*", city, one), abs=0.02)


def test_what_has_no_index_cannot_be_sorted_by(ask):
    for text in (
        "SELECT * FROM c ORDER BY c.n",
        "SELECT * FROM c WHERE c.city = 'x' ORDER BY c.n DESC OFFSET 0 LIMIT 1",
    ):
        told = ask("POST", "", {"query": text}, content_type="application/query+json")
        assert (told.status, told.headers["x-ms-request-charge"]) == (400, "0.00")
        assert "order-by item is excluded" in told.body["message"]


def test_metadata_and_refusals_cost_nothing(ask, item, strict):
    assert float(ask("POST", "", item("a/b")).headers["x-ms-request-charge"]) == 0
    assert ask("GET", "/missing").status == 404
    assert [bool(exchange.charge) for exchange in strict.exchanges] == [False, True]
