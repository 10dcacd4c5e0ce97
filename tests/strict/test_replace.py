"""A container whose policy and TTL are replaced, which the emulator cannot."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from azure.cosmos import CosmosClient, DatabaseProxy, PartitionKey
from azure.cosmos.exceptions import CosmosHttpResponseError

from tests.harness.strict import StrictCosmos

POLICY = {
    "indexingMode": "consistent",
    "automatic": True,
    "includedPaths": [{"path": "/city/?"}],
    "excludedPaths": [{"path": "/*"}],
}


@pytest.fixture
def database(strict: StrictCosmos) -> Iterator[DatabaseProxy]:
    with CosmosClient(strict.account.endpoint, "eA==", enable_endpoint_discovery=False) as client:
        yield client.get_database_client(strict.account.database)


def test_it_has_what_it_was_given_and_its_writes_cost_less(strict: StrictCosmos, database: DatabaseProxy) -> None:
    runs = database.get_container_client("runs")
    item = {"id": "1", "city": "denver", "startedAt": "2026-11-22T00:00:00Z", "outcome": "complete"}
    runs.create_item(item)
    database.replace_container("runs", PartitionKey("/city"), indexing_policy=POLICY, default_ttl=60)
    told = runs.read()
    assert told["defaultTtl"] == 60
    assert told["indexingPolicy"]["includedPaths"] == POLICY["includedPaths"]
    assert told["indexingPolicy"]["excludedPaths"] == [{"path": "/*"}, {"path": '/"_etag"/?'}]
    runs.create_item({**item, "id": "2"})
    first, second = (exchange.charge for exchange in strict.exchanges if exchange.kind == "create")
    assert second < first


def test_a_partition_key_is_not_replaced(database: DatabaseProxy) -> None:
    with pytest.raises(CosmosHttpResponseError, match="partition key cannot be changed"):
        database.replace_container("runs", PartitionKey("/id"), indexing_policy=POLICY)
    assert database.get_container_client("runs").read()["partitionKey"]["paths"] == ["/city"]


def test_a_container_that_is_not_there_is_not_replaced(database: DatabaseProxy) -> None:
    with pytest.raises(CosmosHttpResponseError) as refused:
        database.replace_container("nothing", PartitionKey("/city"), indexing_policy=POLICY)
    assert refused.value.status_code == 404
