"""Whether the containers are there and are those that are wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from azure.cosmos.aio import ContainerProxy, CosmosClient, DatabaseProxy

from processors import cosmos
from processors.containers.definition import require_same, wanted
from processors.cosmos import Account


@dataclass(frozen=True)
class Found:
    """A container that is there and has the partition key that it should have.

    Attributes:
        proxy: Leads to its items.
        properties: As the service tells them.
    """

    proxy: ContainerProxy
    properties: Mapping[str, Any]


async def verify(client: CosmosClient, account: Account) -> dict[str, ContainerProxy]:
    """All containers by name, see `find`."""
    return {name: found.proxy for name, found in (await find(client, account)).items()}


async def find(client: CosmosClient, account: Account) -> dict[str, Found]:
    """All containers by name, after one metadata read of each.

    Raises:
        SinkError: The database or a container is missing, or has another partition key.
        EndpointError: They cannot be read within `cosmos.START_S`.
    """
    database = client.get_database_client(account.database)
    expected = wanted(account)
    proxies = {definition.name: database.get_container_client(definition.name) for definition in expected}
    found: dict[str, Found] = {}
    try:
        async with asyncio.timeout(cosmos.START_S):
            database_told, *told = await asyncio.gather(_read(database), *map(_read, proxies.values()))
    except TimeoutError as error:
        raise cosmos.explain(error, account, "read the containers") from error
    if isinstance(database_told, Exception):
        raise cosmos.explain(database_told, account, "read the database", account.database) from database_told
    for definition, answer in zip(expected, told, strict=True):
        if isinstance(answer, Exception):
            subject = f"{account.database}/{definition.name}"
            raise cosmos.explain(answer, account, "read the container", subject) from answer
        require_same(account, answer, definition)
        found[definition.name] = Found(proxies[definition.name], answer)
    return found


async def _read(resource: DatabaseProxy | ContainerProxy) -> Mapping[str, Any] | Exception:
    """Its properties, or what went wrong, so that the first of several errors is chosen by order, not by time."""
    try:
        return await resource.read()
    except cosmos.TRANSPORT_ERRORS as error:
        return error
