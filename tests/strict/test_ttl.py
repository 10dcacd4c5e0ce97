"""Items that have expired are gone, for whatever asks."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from azure.cosmos import PartitionKey

from processors.cosmos import Account
from tests.harness.strict import StrictCosmos

QUERY = {"content_type": "application/query+json"}


class Now:
    """Unix time that runs ahead of this machine's."""

    ahead_s = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_s


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def strict(account: Account, now: Now) -> Iterator[StrictCosmos]:
    with StrictCosmos(account, now=now) as strict:
        yield strict


def found(ask) -> set[str]:
    told = ask("POST", "", {"query": "SELECT c.id FROM c"}, **QUERY)
    return {each["id"] for each in told.body["Documents"]}


def test_an_item_expires_by_its_own_ttl(ask, item, now):
    ask("POST", "", item("short", ttl=60))
    ask("POST", "", item("long", ttl=600))
    ask("POST", "", item("never", ttl=-1))
    ask("POST", "", item("none"))
    assert found(ask) == {"short", "long", "never", "none"}
    now.ahead_s = 58
    assert ask("GET", "/short").status == 200
    now.ahead_s = 61
    assert found(ask) == {"long", "never", "none"}
    now.ahead_s = 601
    assert {each["id"] for each in ask("GET").body["Documents"]} == {"never", "none"}


@pytest.mark.parametrize("asked_before", [False, True])
def test_what_has_expired_is_gone_for_reads_and_writes(ask, batch, item, now, asked_before):
    if asked_before:
        assert found(ask) == set()
    for name in "abcdefg":
        ask("POST", "", item(name, ttl=60))
    now.ahead_s = 61
    assert ask("GET", "/a").status == 404
    assert ask("PUT", "/b", item("b")).status == 404
    assert ask("DELETE", "/c").status == 404
    assert [each["statusCode"] for each in batch(("Create", item("d")), ("Upsert", item("e"))).body] == [201, 201]
    assert batch(("Read", "f")).body[0]["statusCode"] == 404
    assert ask("POST", "", item("a")).status == 201
    assert found(ask) == {"a", "d", "e"}


def test_a_write_begins_the_time_again(ask, batch, item, now):
    for name in ("rewritten", "in a batch", "left"):
        ask("POST", "", item(name, ttl=60))
    now.ahead_s = 50
    ask("PUT", "/rewritten", item("rewritten", ttl=60))
    batch(("Upsert", item("in a batch", ttl=60)))
    now.ahead_s = 100
    assert ask("GET", "/rewritten").status == 200
    assert found(ask) == {"rewritten", "in a batch"}
    now.ahead_s = 111
    assert found(ask) == set()


@pytest.mark.parametrize(("default", "expired"), [(None, set()), (-1, {"own"}), (100, {"own", "none"})])
def test_the_containers_default(readings, strict, now, default, expired):
    database = readings.client_connection
    path = f"dbs/{strict.account.database}"
    definition = {"id": "made", "partitionKey": PartitionKey("/city"), "defaultTtl": default}
    database.CreateContainer(path, {name: value for name, value in definition.items() if value is not None})
    told = database.ReadContainer(f"{path}/colls/made")
    assert told.get("defaultTtl") == default
    link = f"{path}/colls/made"
    for name, more in (("none", {}), ("own", {"ttl": 50}), ("never", {"ttl": -1})):
        database.CreateItem(link, {"id": name, "city": "denver", **more})
    now.ahead_s = 200
    assert {each["id"] for each in database.ReadItems(link)} == {"none", "own", "never"} - expired


def test_the_products_containers_have_the_products_default(ask, runs, now):
    run = {"id": "r", "city": "denver"}
    ask("POST", "", run, ["denver"], "runs")
    assert runs.read()["defaultTtl"] == 90 * 86_400
    now.ahead_s = 89 * 86_400
    assert ask("GET", "/r", None, ["denver"], "runs").status == 200
    now.ahead_s = 91 * 86_400
    assert ask("GET", "/r", None, ["denver"], "runs").status == 404
