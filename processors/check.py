"""Whether a run could write: the way to Cosmos, one step after the other, each with its time."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import aiohttp
from azure.cosmos.aio import ContainerProxy, CosmosClient

from processors import cosmos
from processors.containers import RUNS
from processors.containers.definition import MIGRATE, Definition, changeable_differences, differences, wanted
from processors.cosmos import Account
from processors.endpoint import check_endpoint, is_local
from processors.errors import ProcessorError, SinkError
from processors.schema import VERSION

LEFTOVER_S = 60
"""Seconds after which Cosmos removes the check's document, should the check not come to it."""


@dataclass(frozen=True)
class Step:
    """One step of a check.

    Attributes:
        name: What was looked at.
        milliseconds: How long that took; None when it was not tried.
        error: Why it failed; None when it did not.
        notices: What is not as the settings have it, and fails no run.
    """

    name: str
    milliseconds: float | None = None
    error: ProcessorError | None = None
    notices: tuple[str, ...] = ()

    @property
    def outcome(self) -> str:
        """`ok`, `failed` or `not tried`."""
        if self.error is not None:
            return "failed"
        return "not tried" if self.milliseconds is None else "ok"


def check(account: Account, clock: Callable[[], float] = time.monotonic) -> list[Step]:
    """All steps, in order; those after one that failed are not tried, but what was written is deleted.

    Args:
        account: Where a run would write.
        clock: Seconds, never falling.
    """
    return asyncio.run(_check(account, clock))


async def _check(account: Account, clock: Callable[[], float]) -> list[Step]:
    async with AsyncExitStack() as stack:
        way = _Way(account, stack)
        steps: Mapping[str, Callable[[], Awaitable[None]]] = {
            "endpoint": way.endpoint,
            "key" if account.key else "identity": way.identity,
            "database": way.database,
            "containers": way.containers,
            "partition keys": way.partition_keys,
            "write": way.write,
            "read back": way.read_back,
            "delete": way.delete,
        }
        done: list[Step] = []
        for name, go in steps.items():
            failed = any(step.error for step in done)
            if failed and not (name == "delete" and way.written):
                done.append(Step(name))
                continue
            begun = clock()
            error = await _failure_of(go())
            elapsed_ms = (clock() - begun) * 1_000
            done.append(Step(name, elapsed_ms, error, tuple(way.notices)))
            way.notices.clear()
    return done


async def _failure_of(going: Awaitable[None]) -> ProcessorError | None:
    try:
        await going
    except ProcessorError as error:
        return error
    return None


class _Way:
    """The steps, and what one leaves to the next.

    Attributes:
        written: Whether there is a document to delete.
        notices: Of the step that is being tried.
    """

    def __init__(self, account: Account, stack: AsyncExitStack):
        self._account = account
        self._stack = stack
        self.written = False
        self.notices: list[str] = []
        self._client: CosmosClient
        self._runs: ContainerProxy
        self._definitions: Sequence[Definition] = wanted(account)
        self._properties: list[Mapping[str, Any]] = []
        self._document: dict[str, Any] = {
            "id": f"check-{uuid.uuid4()}",
            "city": "bacalhau-cosmos check",
            "schemaVersion": VERSION,
            "ttl": LEFTOVER_S,
        }

    async def endpoint(self) -> None:
        """Something answers, whatever it says: without a key, Azure says 401."""
        check_endpoint(self._account.endpoint)
        # As `cosmos.connect`: on this machine no proxy of the environment may stand between.
        local = is_local(self._account.endpoint)
        try:
            async with (
                asyncio.timeout(cosmos.START_S),
                aiohttp.ClientSession(trust_env=not local) as session,
                session.get(self._account.endpoint, ssl=not local, allow_redirects=False),
            ):
                pass
        except cosmos.TRANSPORT_ERRORS as error:
            raise cosmos.explain(error, self._account, "reach the endpoint") from error

    async def identity(self) -> None:
        self._client = await self._stack.enter_async_context(cosmos.connect(self._account))

    async def database(self) -> None:
        name = self._account.database
        await self._try(self._client.get_database_client(name).read(), "read the database", name)

    async def containers(self) -> None:
        database = self._client.get_database_client(self._account.database)
        for definition in self._definitions:
            proxy = database.get_container_client(definition.name)
            told = await self._try(proxy.read(), "read the container", self._named(definition))
            self._properties.append(told)
            differs = changeable_differences(self._account, told, definition)
            self.notices += [f"{self._named(definition)}: {text}" for text in differs]
        self._runs = database.get_container_client(RUNS)

    async def partition_keys(self) -> None:
        pairs = zip(self._definitions, self._properties, strict=True)
        wrong = {
            self._named(definition): found for definition, told in pairs if (found := differences(told, definition))
        }
        if wrong:
            raise SinkError(
                "use the container",
                ", ".join(wrong),
                why="; ".join(text for found in wrong.values() for text in found),
                hint=MIGRATE,
            )

    async def write(self) -> None:
        await self._try(self._runs.upsert_item(self._document), "write", self._subject)
        self.written = True

    async def read_back(self) -> None:
        reading = self._runs.read_item(self._document["id"], self._document["city"])
        read = await self._try(reading, "read back", self._subject)
        if {name: read.get(name) for name in self._document} != self._document:
            raise SinkError(
                "read back", self._subject, why="it is not what was written", hint="see what else writes there"
            )

    async def delete(self) -> None:
        deleting = self._runs.delete_item(self._document["id"], self._document["city"])
        await self._try(deleting, "delete", self._subject)

    @property
    def _subject(self) -> str:
        return f"{self._account.database}/{RUNS}"

    def _named(self, definition: Definition) -> str:
        return f"{self._account.database}/{definition.name}"

    async def _try(self, call: Awaitable[Any], doing: str, subject: str) -> Any:
        try:
            async with asyncio.timeout(cosmos.START_S):
                return await call
        except cosmos.TRANSPORT_ERRORS as error:
            raise cosmos.explain(error, self._account, doing, subject) from error
