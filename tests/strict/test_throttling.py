"""429: by container, with advice, and nothing is written."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from azure.cosmos.exceptions import CosmosHttpResponseError

from processors.cosmos import Account
from tests.harness.strict import StrictCosmos

KEY = ["denver", "s1", "2026-11"]
QUERY = {"content_type": "application/query+json"}


class Time:
    now_s = 0.0

    def clock(self) -> float:
        return self.now_s


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def strict(account: Account, time: Time) -> Iterator[StrictCosmos]:
    with StrictCosmos(account, throughput=400.0, clock=time.clock) as strict:
        yield strict


def spend(batch, item, prefix: str = "a") -> None:
    """More than a second's worth."""
    assert batch(*(("Upsert", item(f"{prefix}-{number}")) for number in range(100))).status == 200


def stored(ask, strict) -> set[str]:
    strict.throughput = None
    return {each["id"] for each in ask("GET").body["Documents"]}


def test_a_request_is_throttled_with_advice_and_changes_nothing(ask, batch, item, strict, time):
    spend(batch, item)
    charge = strict.exchanges[-1].charge
    told = batch(("Upsert", item("b")))
    assert told.status == 429
    assert told.headers["x-ms-substatus"] == "3200"
    assert int(told.headers["x-ms-retry-after-ms"]) == pytest.approx((charge - 400) / 400 * 1000, abs=2)
    assert float(told.headers["x-ms-request-charge"]) == 0
    assert (strict.exchanges[-1].status, strict.exchanges[-1].charge, strict.exchanges[-1].fault) == (429, 0, None)
    for method, path, body in (
        ("POST", "", item("c")),
        ("GET", "/a-1", None),
        ("PUT", "/a-1", item("a-1")),
        ("DELETE", "/a-1", None),
        ("GET", "", None),
    ):
        assert ask(method, path, body).status == 429
    assert ask("POST", "", {"query": "SELECT * FROM c"}, **QUERY).status == 429
    time.now_s += int(told.headers["x-ms-retry-after-ms"]) / 1000
    assert ask("POST", "", item("d")).status == 201
    assert stored(ask, strict) == {f"a-{number}" for number in range(100)} | {"d"}


def test_each_container_has_its_own_throughput(ask, batch, item, strict):
    spend(batch, item)
    assert ask("POST", "", item("a")).status == 429
    assert ask("POST", "", item("a"), container="anomalies").status == 201
    strict.throughput = {"anomalies": 0.001}
    assert ask("POST", "", item("b")).status == 201
    assert ask("POST", "", item("b"), container="anomalies").status == 201
    assert ask("POST", "", item("c"), container="anomalies").status == 429


def test_what_breaks_a_rule_is_told_so_whatever_the_throughput(ask, batch, item):
    spend(batch, item)
    assert ask("POST", "", item("a/b")).status == 400


def test_metadata_is_not_throttled(batch, item, readings):
    spend(batch, item)
    assert readings.read()["id"] == "readings"


def test_the_goodput_of_a_greedy_client_is_the_throughput(batch, item, strict, time):
    for number in range(60):
        while (told := batch(*(("Upsert", item(f"{number}-{n}")) for n in range(20)))).status == 429:
            time.now_s += int(told.headers["x-ms-retry-after-ms"]) / 1000
    spent = sum(exchange.charge for exchange in strict.exchanges)
    last = strict.batches[-1].charge
    assert 400 * (time.now_s + 1) <= spent + 60
    assert spent - last <= 400 * (time.now_s + 1)


def test_the_plain_client_sees_it(readings, batch, item):
    spend(batch, item)
    with pytest.raises(CosmosHttpResponseError) as throttled:
        readings.upsert_item(item("b"))
    assert (throttled.value.status_code, throttled.value.sub_status) == (429, 3200)
    assert int(throttled.value.headers["x-ms-retry-after-ms"]) > 0
