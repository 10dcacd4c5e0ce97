"""The database and its containers: what they are, whether they are there, and how they are made."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, CosmosClient, DatabaseProxy
from azure.cosmos.exceptions import CosmosResourceExistsError

from processors import cosmos
from processors.cosmos import Account
from processors.errors import SinkError

AGGREGATES = "aggregates"
ANOMALIES = "anomalies"
RUNS = "runs"

LABEL = "label"
"""`kind` of those documents in `anomalies` that are no alarm, but what a person said of one (`feedback.labels`)."""

SENSOR_KEY = ("/city", "/sensorId", "/month")
"""No logical partition of it reaches the 20 GB limit, and a query for a city stays a prefix query."""

NEVER = -1
"""Items expire only where they carry a `ttl` of their own."""

DAY_S = 86_400


@dataclass(frozen=True)
class Definition:
    """A container as we want it.

    Attributes:
        name: Container name.
        partition_key: Paths, one for each level.
        indexed: Paths of scalar properties that queries filter or sort by. All else stays without index: each
            indexed path adds to the charge of each write.
        default_ttl_s: Seconds until an item expires; `NEVER` unless it says so itself.
    """

    name: str
    partition_key: tuple[str, ...]
    indexed: tuple[str, ...]
    default_ttl_s: int = NEVER

    @property
    def indexing_policy(self) -> dict[str, Any]:
        """Indexing policy as the service takes it; `id` and `_ts` are always indexed."""
        return {
            "indexingMode": "consistent",
            "automatic": True,
            "includedPaths": [{"path": f"{path}/?"} for path in self.indexed],
            "excludedPaths": [{"path": "/*"}],
        }


@dataclass(frozen=True)
class Creation:
    """What `create` did; names are `database` and `database/container`, in the order of the definitions."""

    created: tuple[str, ...]
    existed: tuple[str, ...]


def definitions(readings: str = "readings") -> tuple[Definition, ...]:
    """All containers; `readings` is the configured name of the first."""
    return (
        Definition(readings, SENSOR_KEY, (*SENSOR_KEY, "/observedAt", "/isAnomaly")),
        Definition(AGGREGATES, SENSOR_KEY, (*SENSOR_KEY, "/windowStart")),
        Definition(ANOMALIES, SENSOR_KEY, (*SENSOR_KEY, "/observedAt", "/kind", "/measure")),
        Definition(RUNS, ("/city",), ("/city", "/startedAt", "/outcome"), default_ttl_s=90 * DAY_S),
    )


def differences(existing: Mapping[str, Any], definition: Definition) -> list[str]:
    """How an existing container differs in what can never be changed, its partition key; empty when it does not."""
    paths = tuple(existing.get("partitionKey", {}).get("paths", ()))
    if paths == definition.partition_key:
        return []
    found, expected = (", ".join(key) or "none" for key in (paths, definition.partition_key))
    return [f"partition key is {found}, expected {expected}"]


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
    wanted = definitions(account.container)
    proxies = {definition.name: database.get_container_client(definition.name) for definition in wanted}
    found: dict[str, Found] = {}
    try:
        async with asyncio.timeout(cosmos.START_S):
            database_told, *told = await asyncio.gather(_read(database), *map(_read, proxies.values()))
    except TimeoutError as error:
        raise cosmos.explain(error, account, "read the containers") from error
    if isinstance(database_told, Exception):
        raise cosmos.explain(database_told, account, "read the database", account.database) from database_told
    for definition, answer in zip(wanted, told, strict=True):
        if isinstance(answer, Exception):
            subject = f"{account.database}/{definition.name}"
            raise cosmos.explain(answer, account, "read the container", subject) from answer
        _require_same(account, answer, definition)
        found[definition.name] = Found(proxies[definition.name], answer)
    return found


def create(account: Account, wanted: Sequence[Definition] | None = None) -> Creation:
    """Create the database and the containers that are missing; those that exist are left as they are.

    Raises:
        SinkError: A container exists with another partition key.
        EndpointError: The account cannot be reached, or this identity may not create.
    """
    return asyncio.run(_create(account, definitions(account.container) if wanted is None else wanted))


def ensure(account: Account) -> Creation:
    """All containers are there: read first, so that an identity that may not create can use what others created.

    Raises:
        SinkError: A container has another partition key.
        EndpointError: The account cannot be reached, or something is missing and this identity may not create it.
    """
    wanted = definitions(account.container)
    try:
        asyncio.run(_verify(account))
    except SinkError as error:
        if error.retryable:
            raise
        return create(account, wanted)
    return Creation((), (account.database, *(f"{account.database}/{definition.name}" for definition in wanted)))


async def _verify(account: Account) -> None:
    async with cosmos.connect(account) as client:
        await verify(client, account)


async def _create(account: Account, wanted: Sequence[Definition]) -> Creation:
    created: list[str] = []
    existed: list[str] = []
    name = account.database
    async with cosmos.connect(account) as client:
        try:
            database = client.get_database_client(account.database)
            (created if await _create_database(client, account) else existed).append(name)
            for definition in wanted:
                name = f"{account.database}/{definition.name}"
                made = await _create_container(database, account, definition)
                (created if made else existed).append(name)
        except cosmos.TRANSPORT_ERRORS as error:
            raise cosmos.explain(error, account, "create the database or container", name) from error
    return Creation(tuple(created), tuple(existed))


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


async def _create_container(database: DatabaseProxy, account: Account, definition: Definition) -> bool:
    try:
        await database.create_container(
            definition.name,
            _partition_key(definition.partition_key),
            indexing_policy=definition.indexing_policy,
            default_ttl=definition.default_ttl_s,
        )
    except CosmosResourceExistsError:
        _require_same(account, await database.get_container_client(definition.name).read(), definition)
        return False
    return True


def _partition_key(paths: tuple[str, ...]) -> PartitionKey:
    return PartitionKey(list(paths), kind="MultiHash") if len(paths) > 1 else PartitionKey(paths[0])


def _require_same(account: Account, properties: Mapping[str, Any], definition: Definition) -> None:
    if found := differences(properties, definition):
        raise SinkError(
            "use the container",
            f"{account.database}/{definition.name}",
            why="; ".join(found),
            hint="a partition key cannot be changed: choose another database or container name",
        )
