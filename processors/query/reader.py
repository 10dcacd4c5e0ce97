"""A reader that sends queries, and adds up what they cost."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from typing import Any, TypeVar

from azure.core.async_paging import AsyncItemPaged
from azure.cosmos.aio import ContainerProxy

from processors import cosmos
from processors.containers import looking
from processors.cosmos import Account
from processors.errors import ProcessorError, SinkError
from processors.query.selection import Query
from processors.stopping import until_stopped

T = TypeVar("T")

PAGE_ROWS = 1_000
"""Documents that are held at a time, where the service pages; the emulator answers in one piece."""

_BAD_REQUEST = 400
_NOT_INDEXED = "order-by item is excluded"


class Reader:
    """Sends queries to one container; see `open_reader` and `open_readers`.

    Attributes:
        request_units: Charge of all queries; None where no answer stated one.
        answers: How many it came with.
        default_ttl_s: Seconds after which documents expire unless they say otherwise; None: they do not, or the
            service does not tell.
    """

    def __init__(
        self,
        account: Account,
        container: ContainerProxy,
        runner: asyncio.Runner,
        stop: threading.Event | None = None,
        default_ttl_s: int | None = None,
    ):
        self.request_units: float | None = None
        self.answers = 0
        self.default_ttl_s = default_ttl_s
        self._account = account
        self._container = container
        self._runner = runner
        self._stop = stop

    def rows(self, query: Query) -> Iterator[Any]:
        """What the query selects, as it arrives.

        Raises:
            EndpointError: The account cannot be reached, or refuses us.
            SinkError: The service refuses the query.
            Stopped: The reader was asked to end, and an answer took longer.
        """
        parameters: list[dict[str, object]] = [
            {"name": name, "value": value} for name, value in query.parameters.items()
        ]
        where: dict[str, Any] = {} if query.partition is None else {"partition_key": list(query.partition)}
        arriving = self._container.query_items(
            query.sql, parameters=parameters, max_item_count=PAGE_ROWS, response_hook=self._note, **where
        )
        while block := self._runner.run(_until(self._stop, self._next(arriving))):
            yield from block

    def _note(self, headers: Mapping[str, Any], _page: object) -> None:
        charged = cosmos.stated_charge(headers)
        if charged is not None:
            self.request_units = (self.request_units or 0.0) + charged
        self.answers += 1

    async def _next(self, arriving: AsyncItemPaged[dict[str, Any]]) -> list[Any]:
        block: list[Any] = []
        try:
            async for row in arriving:
                block.append(row)
                if len(block) == PAGE_ROWS:
                    break
        except cosmos.TRANSPORT_ERRORS as error:
            raise _explain(error, self._account, self._container.id) from error
        return block


@contextmanager
def open_reader(account: Account, container: str) -> Iterator[Reader]:
    """A reader of a container that is there. It has an event loop of its own.

    Raises:
        SettingsError: The endpoint or the key is malformed.
        EndpointError: The account cannot be reached, or refuses us.
        SinkError: The database or the container is missing.
    """
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        try:
            proxy, ttl_s = runner.run(_enter(account, container, stack))
            yield Reader(account, proxy, runner, default_ttl_s=ttl_s)
        finally:
            runner.run(stack.aclose())


@contextmanager
def open_readers(account: Account, *, stop: threading.Event | None = None) -> Iterator[Mapping[str, Reader]]:
    """A reader of each container, by name; that all are as they should be has been verified.

    Args:
        account: Where they are.
        stop: Set when reading should end: what is in hand then has `stopping.GRACE_S`.

    Raises:
        SettingsError: The endpoint or the key is malformed.
        EndpointError: The account cannot be reached, or refuses us.
        SinkError: The database or a container is missing, or has another partition key.
        Stopped: Before the account answered.
    """
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()

        async def enter() -> dict[str, ContainerProxy]:
            client = await stack.enter_async_context(cosmos.connect(account, sdk_retries=True))
            return await looking.verify(client, account)

        try:
            found = runner.run(_until(stop, enter()))
            yield {name: Reader(account, proxy, runner, stop) for name, proxy in found.items()}
        finally:
            runner.run(stack.aclose())


async def _until(stop: threading.Event | None, work: Coroutine[Any, Any, T]) -> T:
    return await (work if stop is None else until_stopped(work, stop))


async def _enter(account: Account, container: str, stack: AsyncExitStack) -> tuple[ContainerProxy, int | None]:
    client = await stack.enter_async_context(cosmos.connect(account, sdk_retries=True))
    proxy = client.get_database_client(account.database).get_container_client(container)
    try:
        properties = await proxy.read()
    except cosmos.TRANSPORT_ERRORS as error:
        subject = f"{account.database}/{container}"
        raise cosmos.explain(error, account, "read the container", subject) from error
    ttl_s = properties.get("defaultTtl")
    return proxy, ttl_s if isinstance(ttl_s, int) and ttl_s > 0 else None


def _explain(error: BaseException, account: Account, container: str) -> ProcessorError:
    subject = f"{account.database}/{container}"
    if cosmos.status_of(error) == _BAD_REQUEST:
        why = cosmos.reason(error)
        if _NOT_INDEXED in why:
            return SinkError(
                "run the query",
                subject,
                why=f"400: {why}",
                hint="sort by what is indexed; `bacalhau-cosmos cosmos create --update` adds indexes that are newer",
            )
        return SinkError(
            "run the query",
            subject,
            why=f"400: {why}",
            hint="correct the query; across partitions this SDK takes aggregates only as SELECT VALUE, and no GROUP BY",
        )
    return cosmos.explain(error, account, "run the query", subject)
