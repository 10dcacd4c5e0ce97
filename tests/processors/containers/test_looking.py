"""What is missing or has another key is named before anything is done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from azure.cosmos import CosmosClient, DatabaseProxy, PartitionKey

from processors.containers.making import create
from processors.cosmos import Account
from processors.errors import SinkError
from tests.harness.strict import StrictCosmos
from tests.processors.containers.conftest import EVERYTHING, verify


@contextmanager
def plainly(account: Account) -> Iterator[DatabaseProxy]:
    """The database through a plain client that shares no code with ours."""
    with CosmosClient(account.endpoint, "eA==", enable_endpoint_discovery=False) as client:
        yield client.get_database_client(account.database)


def test_an_existing_container_with_another_key_is_not_touched(account: Account) -> None:
    with plainly(account) as database:
        database.create_container("telemetry", PartitionKey("/id"))
    other = replace(account, container="telemetry")
    for use in (create, verify):
        with pytest.raises(SinkError, match="telemetry") as caught:
            use(other)
        assert "partition key is /id, expected /city, /sensorId, /month" in str(caught.value)
        assert caught.value.hint.startswith("a partition key cannot be changed. To move: (1) COSMOS_DATABASE=")


def test_a_missing_database_is_named_before_its_containers(account: Account) -> None:
    with pytest.raises(SinkError, match="read the database: nowhere: 404") as caught:
        verify(replace(account, database="nowhere"))
    assert "bacalhau-cosmos cosmos create" in caught.value.hint


def test_a_missing_container_is_named(account: Account) -> None:
    with plainly(account) as database:
        database.delete_container("anomalies")
    with pytest.raises(SinkError, match=f"read the container: {account.database}/anomalies: 404"):
        verify(account)


def test_reads_each_once(strict: StrictCosmos) -> None:
    assert verify(strict.account) == EVERYTHING
    assert [request.method for request in strict.exchanges if "/dbs/" in request.path] == ["GET"] * 5
