"""The database and its containers: what they are, whether they are there, and how they are made."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, CosmosClient, DatabaseProxy
from azure.cosmos.exceptions import CosmosResourceExistsError, CosmosResourceNotFoundError

from processors import cosmos, policy
from processors.cosmos import Account
from processors.description import NEVER, descriptions
from processors.endpoint import is_local
from processors.errors import SinkError

READINGS = "readings"
AGGREGATES = "aggregates"
ANOMALIES = "anomalies"
RUNS = "runs"

LABEL = "label"
"""`kind` of those documents in `anomalies` that are no alarm, but what a person said of one (`feedback.labels`)."""

MIGRATE = (
    "a partition key cannot be changed. To move: (1) COSMOS_DATABASE=<a new name> and `bacalhau-cosmos cosmos create`; "
    "(2) COSMOS_STATE and COSMOS_ARCHIVE=<new, empty folders> and one run: all that SQLite holds is sent again; "
    "(3) keep these three for all nodes and readers; (4) `bacalhau-cosmos verify`, then delete the old database "
    "(docs/azure.md)"
)
"""What to do with a container of another key. A new name for the readings alone would send windows and anomalies twice
into the containers that stay."""

_NONE: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Definition:
    """A container as we want it.

    Attributes:
        name: Container name.
        partition_key: Paths, one for each level.
        indexed: Paths of scalar properties; all else stays without index.
        default_ttl_s: Seconds until an item expires; `description.NEVER` unless it says so itself.
    """

    name: str
    partition_key: tuple[str, ...]
    indexed: tuple[str, ...]
    default_ttl_s: int = NEVER

    @property
    def indexing_policy(self) -> dict[str, Any]:
        """Indexing policy as the service takes it."""
        return policy.indexing(self.indexed)


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


def definitions(
    readings: str = READINGS, indexed: Mapping[str, tuple[str, ...]] = _NONE, ttl_s: Mapping[str, int] = _NONE
) -> tuple[Definition, ...]:
    """All containers.

    Args:
        readings: Configured name of the first.
        indexed: Role -> paths, for those that are not as `containers.json` has them.
        ttl_s: Role -> seconds, likewise.
    """
    return tuple(
        Definition(
            readings if each.role == READINGS else each.role,
            each.partition_key,
            tuple(indexed.get(each.role, each.indexed)),
            ttl_s.get(each.role, each.ttl_s),
        )
        for each in descriptions()
    )


def wanted(account: Account) -> tuple[Definition, ...]:
    """All containers as this account is to have them."""
    return definitions(account.container, account.indexed, account.ttl_s)


def differences(existing: Mapping[str, Any], definition: Definition) -> list[str]:
    """How an existing container differs in what can never be changed, its partition key; empty when it does not."""
    paths = tuple(existing.get("partitionKey", {}).get("paths", ()))
    if paths == definition.partition_key:
        return []
    found, expected = (", ".join(key) or "none" for key in (paths, definition.partition_key))
    return [f"partition key is {found}, expected {expected}"]


def changeable_differences(account: Account, existing: Mapping[str, Any], definition: Definition) -> list[str]:
    """How an existing container differs in indexing policy and TTL; empty when it does not.

    An emulator on this machine that states no TTL has none to be set: that is no difference.
    """
    if is_local(account.endpoint) and "defaultTtl" not in existing:
        existing = {**existing, "defaultTtl": definition.default_ttl_s}
    return policy.differences(existing, definition.indexed, definition.default_ttl_s)


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
        _require_same(account, answer, definition)
        found[definition.name] = Found(proxies[definition.name], answer)
    return found


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
                _require_same(account, properties, definition)
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


async def _read(resource: DatabaseProxy | ContainerProxy) -> Mapping[str, Any] | Exception:
    """Its properties, or what went wrong, so that the first of several errors is chosen by order, not by time."""
    try:
        return await resource.read()
    except cosmos.TRANSPORT_ERRORS as error:
        return error


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


def _require_same(account: Account, properties: Mapping[str, Any], definition: Definition) -> None:
    if found := differences(properties, definition):
        raise SinkError(
            "use the container",
            f"{account.database}/{definition.name}",
            why="; ".join(found),
            hint=MIGRATE,
        )
