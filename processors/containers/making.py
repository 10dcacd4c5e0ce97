"""Makes the database and its containers where they are missing, and brings in line what can be changed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from azure.cosmos import PartitionKey
from azure.cosmos.aio import CosmosClient, DatabaseProxy
from azure.cosmos.exceptions import CosmosResourceExistsError, CosmosResourceNotFoundError

from processors import cosmos
from processors.containers.definition import Definition, changeable_differences, require_same, wanted
from processors.containers.looking import verify
from processors.cosmos import Account
from processors.endpoint import is_local
from processors.errors import SinkError


@dataclass(frozen=True)
class Creation:
    """What `create` did; names are `database` and `database/container`, in the order of the definitions.

    Attributes:
        created: Were missing.
        existed: Were there, and stay as they are.
        updated: Were there, and have another indexing policy or TTL now.
        differing: Of those that existed and differ: how.
    """

    created: tuple[str, ...]
    existed: tuple[str, ...]
    updated: tuple[str, ...] = ()
    differing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def create(account: Account, expected: Sequence[Definition] | None = None, *, update: bool = False) -> Creation:
    """Create the database and the containers that are missing.

    Args:
        account: Where.
        expected: Containers; None means all that the account is to have.
        update: Whether those that exist are given the indexing policy and TTL that they should have, else they are
            left as they are. Azure indexes anew in the background, for request units of its own; a shorter TTL
            deletes what is older.

    Raises:
        SinkError: A container exists with another partition key.
        EndpointError: The account cannot be reached, or this identity may not create or change.
    """
    return asyncio.run(_create(account, wanted(account) if expected is None else expected, update=update))


def ensure(account: Account) -> Creation:
    """All containers are there: read first, so that an identity that may not create can use what others created.

    Raises:
        SinkError: A container has another partition key.
        EndpointError: The account cannot be reached, or something is missing and this identity may not create it.
    """
    expected = wanted(account)
    try:
        asyncio.run(_verify(account))
    except SinkError as error:
        if error.retryable:
            raise
        return create(account, expected)
    return Creation((), (account.database, *(f"{account.database}/{definition.name}" for definition in expected)))


async def _verify(account: Account) -> None:
    async with cosmos.connect(account) as client:
        await verify(client, account)


async def _create(account: Account, expected: Sequence[Definition], *, update: bool) -> Creation:
    created: list[str] = []
    existed: list[str] = []
    updated: list[str] = []
    differing: dict[str, tuple[str, ...]] = {}
    name = account.database
    async with cosmos.connect(account) as client:
        try:
            database = client.get_database_client(account.database)
            (created if await _create_database(client, account) else existed).append(name)
            for definition in expected:
                name = f"{account.database}/{definition.name}"
                if await _create_container(database, definition):
                    created.append(name)
                    continue
                properties = await database.get_container_client(definition.name).read()
                require_same(account, properties, definition)
                differs = tuple(changeable_differences(account, properties, definition))
                if differs and update:
                    await _update(database, account, properties, definition)
                    updated.append(name)
                    continue
                existed.append(name)
                differing |= {name: differs} if differs else {}
        except cosmos.TRANSPORT_ERRORS as error:
            raise cosmos.explain(error, account, "create the database or container", name) from error
    return Creation(tuple(created), tuple(existed), tuple(updated), differing)


async def _create_database(client: CosmosClient, account: Account) -> bool:
    try:
        await client.create_database(account.database)
    except CosmosResourceExistsError:
        return False
    return True


async def _create_container(database: DatabaseProxy, definition: Definition) -> bool:
    try:
        await database.create_container(
            definition.name,
            _partition_key(definition.partition_key),
            indexing_policy=definition.indexing_policy,
            default_ttl=definition.default_ttl_s,
        )
    except CosmosResourceExistsError:
        return False
    return True


async def _update(
    database: DatabaseProxy, account: Account, existing: Mapping[str, Any], definition: Definition
) -> None:
    """Replaces indexing policy and TTL; what else the container has is given again, for a replace resets the rest.

    Raises:
        SinkError: An endpoint on this machine that replaces no containers: it answers 404 for one that was just read.
    """
    try:
        await database.replace_container(
            definition.name,
            _partition_key(definition.partition_key),
            indexing_policy=definition.indexing_policy,
            default_ttl=definition.default_ttl_s,
            conflict_resolution_policy=existing.get("conflictResolutionPolicy"),
            analytical_storage_ttl=existing.get("analyticalStorageTtl"),
            computed_properties=existing.get("computedProperties"),
        )
    except CosmosResourceNotFoundError as error:
        if not is_local(account.endpoint):
            raise
        raise SinkError(
            "change the container",
            f"{account.database}/{definition.name}",
            why="this endpoint does not replace containers, as the emulator",
            hint="delete the database there and create it again",
        ) from error


def _partition_key(paths: tuple[str, ...]) -> PartitionKey:
    return PartitionKey(list(paths), kind="MultiHash") if len(paths) > 1 else PartitionKey(paths[0])
