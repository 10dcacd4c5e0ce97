from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from azure.cosmos import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import CosmosBatchOperationError, CosmosHttpResponseError

from bench.discard import DATABASE, Counts, Endpoint, serving

KEY = ["denver", "s1", "2026-11"]


def item(name: str, **others: Any) -> dict[str, Any]:
    return {"id": name, "city": "denver", "sensorId": "s1", "month": "2026-11", **others}


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with serving() as endpoint:
        yield endpoint


@pytest.fixture
def readings(endpoint: Endpoint) -> Iterator[ContainerProxy]:
    with CosmosClient(endpoint.url, "eA==", enable_endpoint_discovery=False, retry_total=0) as client:
        yield client.get_database_client(DATABASE).get_container_client("readings")


def write(container: ContainerProxy, *items: dict[str, Any]) -> None:
    container.execute_item_batch([("upsert", (one,)) for one in items], partition_key=KEY)


def test_the_plain_client_writes_a_batch_and_it_is_counted(endpoint: Endpoint, readings: ContainerProxy) -> None:
    assert readings.read()["partitionKey"]["paths"] == ["/city", "/sensorId", "/month"]
    write(readings, *(item(f"a-{number}") for number in range(100)))
    write(readings, item("a-99"), item("ü" * 511))
    assert endpoint.counts()["readings"] == Counts(documents=102, distinct=101, batches=2, refused=0)


@pytest.mark.parametrize(
    "wrong",
    [
        item("a", sensorId="s2"),
        item("a/b"),
        item("ü" * 512),
        {"id": "a", "city": "denver", "sensorId": "s1"},
        item(""),
    ],
)
def test_one_wrong_item_fails_its_batch(endpoint: Endpoint, readings: ContainerProxy, wrong: dict[str, Any]) -> None:
    with pytest.raises(CosmosBatchOperationError) as refused:
        write(readings, item("good"), wrong)
    assert [answer["statusCode"] for answer in refused.value.operation_responses] == [424, 400]
    assert endpoint.counts()["readings"] == Counts(documents=0, distinct=0, batches=0, refused=1)


@pytest.mark.parametrize(
    ("items", "status"),
    [
        ([item(f"a-{number}") for number in range(101)], 400),
        ([item("a"), item("a")], 400),
        ([item("a", text="x" * 2_100_000)], 413),
    ],
)
def test_a_batch_beyond_the_limits_is_refused(
    endpoint: Endpoint, readings: ContainerProxy, items: list[dict[str, Any]], status: int
) -> None:
    with pytest.raises(CosmosHttpResponseError) as refused:
        write(readings, *items)
    assert refused.value.status_code == status
    assert endpoint.counts()["readings"].documents == 0
