"""Documents into Cosmos DB: batches of one partition key, several in flight, each document settled for good."""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import CosmosBatchOperationError

from processors import containers, cosmos
from processors.cosmos import Account
from processors.errors import SinkError
from processors.model import Documents, Refusal, Written
from processors.retry import THROTTLED, decide
from processors.sink import batches
from processors.sink.concurrency import Limiter
from processors.sink.stopping import until_stopped

REQUEST_TIMEOUT_S = 30.0

_TOO_LARGE = 413
_PERMANENT = frozenset({400, _TOO_LARGE})


@dataclass(frozen=True)
class _Answer:
    """What one request came to.

    Attributes:
        status: 200 when all was taken, None when there was no answer, else why it was not taken.
        request_units: Charge, 0 when the service states none.
        advice_s: How long the service asks us to wait, None when it does not.
        refused: Documents that will never be taken, by index in the batch.
        error: What the SDK raised, None when all was taken.
    """

    status: int | None
    request_units: float = 0.0
    advice_s: float | None = None
    refused: Mapping[int, Refusal] = field(default_factory=dict)
    error: Exception | None = None


@contextmanager
def open_sink(
    account: Account,
    *,
    budget_s: float = 60.0,
    request_timeout_s: float = REQUEST_TIMEOUT_S,
    stop: threading.Event | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    jitter: Callable[[], float] = random.random,
) -> Iterator[Sink]:
    """A sink whose account, database, containers and partition keys have been verified.

    It has an event loop of its own, so it cannot be used from within another one.

    Args:
        account: Where documents go.
        budget_s: Seconds for which a batch is tried again, from its first attempt.
        request_timeout_s: Seconds after which a request counts as unanswered.
        stop: Set when the run should end: what is in hand then has `stopping.GRACE_S`, here and in each `write`.
        clock: Seconds, never falling.
        sleep: Waits between attempts.
        jitter: Numbers from 0 to 1.

    Raises:
        SettingsError: The endpoint or the key is malformed.
        EndpointError: The account cannot be reached, or refuses us.
        SinkError: The database or a container is missing, or has another partition key.
        Stopped: Before the account answered.
    """
    ending = stop or threading.Event()
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()

        async def enter() -> Sink:
            client = await stack.enter_async_context(cosmos.connect(account))
            return Sink(
                account,
                runner,
                await containers.verify(client, account),
                budget_s=budget_s,
                request_timeout_s=request_timeout_s,
                stop=ending,
                clock=clock,
                sleep=sleep,
                jitter=jitter,
            )

        try:
            yield runner.run(until_stopped(enter(), ending))
        finally:
            runner.run(stack.aclose())


class Sink:
    """Writes documents and says what became of each; made by `open_sink`."""

    def __init__(
        self,
        account: Account,
        runner: asyncio.Runner,
        found: Mapping[str, ContainerProxy],
        *,
        budget_s: float,
        request_timeout_s: float,
        stop: threading.Event,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]],
        jitter: Callable[[], float],
    ) -> None:
        self._account = account
        self._runner = runner
        self._containers = found
        self._budget_s = budget_s
        self._request_timeout_s = request_timeout_s
        self._stop = stop
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._limiter = Limiter()

    def write(self, container: str, documents: Iterable[Documents]) -> Written:
        """Upsert all documents; each is either taken or refused when this returns.

        The iterable is pulled from as batches are settled, so it may build its documents lazily. Batches of one
        partition key may arrive in any order.

        Args:
            container: Name of a container of the account (`containers.definitions`).
            documents: Items of any number, in groups of one partition key.

        Raises:
            SinkError: The service takes no more for now (`retryable`), or answers what we do not know. Some
                documents may have been taken; nothing is in flight any longer. To write all again does no harm.
            EndpointError: The connection is lost for longer than the budget, or the account refuses us; the same
                holds for the documents.
            Stopped: The run was asked to end, and this took longer; the same holds for the documents.
        """
        return self._runner.run(until_stopped(self._write(container, documents), self._stop))

    def put_run(self, document: dict[str, Any]) -> None:
        """Upsert the report of a run, an item with `id` and `city`.

        Raises:
            SinkError: As for `write`, or the service refuses the document.
            EndpointError: As for `write`.
        """
        encoded = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        run = Documents((document["city"],), [document], [len(encoded)])
        for refusal in self.write(containers.RUNS, [run]).refused:
            raise SinkError(
                "write the run",
                refusal.document_id,
                why=f"{refusal.status}: {refusal.why}",
                hint="shorten the report; the readings themselves are written",
            )

    async def _write(self, container: str, documents: Iterable[Documents]) -> Written:
        waiting = (batch for one_key in documents for batch in batches.cut(one_key))
        try:
            async with asyncio.TaskGroup() as group:
                workers = [group.create_task(self._work(container, waiting)) for _ in range(self._limiter.most)]
        except BaseExceptionGroup as failed:
            first = failed.exceptions[0]
            raise first from first.__cause__
        total = sum((worker.result() for worker in workers), Written())
        return replace(total, request_units=total.request_units or None)

    async def _work(self, container: str, waiting: Iterator[Documents]) -> Written:
        written = Written()
        for batch in waiting:
            written += await self._deliver(container, batch)
        return written

    async def _deliver(self, container: str, batch: Documents) -> Written:
        """Send a batch, without its refused items or in halves if need be, until each item is taken or refused."""
        written = Written()
        pending = [batch]
        while pending:
            part = pending.pop()
            if not batches.is_sendable(part):
                written += _refused(part, _TOO_LARGE, f"{sum(part.sizes):,} bytes, and an item may have 2 MB")
                continue
            answer = await self._settle(container, part)
            written += Written(request_units=answer.request_units)
            if answer.error is None:
                written += Written(len(part.items))
            elif answer.refused:
                written += Written(refused=tuple(answer.refused.values()))
                rest = batches.without(part, answer.refused)
                pending += [rest] if rest.items else []
            elif len(part.items) > 1:
                pending += reversed(batches.halves(part))
            else:
                written += _refused(part, answer.status or 0, cosmos.reason(answer.error))
        return written

    async def _settle(self, container: str, batch: Documents) -> _Answer:
        """The first answer that trying again would not change; its charge is that of all attempts."""
        started_s = self._clock()
        request_units, attempt = 0.0, 0
        while True:
            attempt += 1
            async with self._limiter.place() as place:
                answer = await self._send(container, batch)
                if answer.status == THROTTLED:
                    place.throttled()
                elif answer.error is None:
                    place.taken()
            request_units += answer.request_units
            if answer.error is None or answer.refused or answer.status in _PERMANENT:
                return replace(answer, request_units=request_units)
            wait_s = decide(
                answer.status,
                attempt,
                self._clock() - started_s,
                answer.advice_s,
                budget_s=self._budget_s,
                jitter=self._jitter(),
            )
            if wait_s is None:
                subject = f"{self._account.database}/{container}"
                raise cosmos.explain(answer.error, self._account, "write documents", subject) from answer.error
            await self._sleep(wait_s)

    async def _send(self, container: str, batch: Documents) -> _Answer:
        key = list(batch.key) if len(batch.key) > 1 else batch.key[0]
        try:
            async with asyncio.timeout(self._request_timeout_s):
                results = await self._containers[container].execute_item_batch(
                    [("upsert", (item,)) for item in batch.items], partition_key=key
                )
        except CosmosBatchOperationError as error:
            return _read_results(error, batch)
        except cosmos.TRANSPORT_ERRORS as error:
            headers = getattr(error, "headers", None) or {}
            return _Answer(cosmos.status_of(error), _charge(headers), _advice_s(headers), error=error)
        if len(results) != len(batch.items):
            raise SinkError(
                "write documents",
                f"{self._account.database}/{container}",
                why=f"{len(batch.items)} operations were answered by {len(results)} results",
                hint="look for a proxy that changes answers, then try `bacalhau-cosmos cosmos check`",
            )
        return _Answer(200, _charge(results.get_response_headers()))


def _read_results(error: CosmosBatchOperationError, batch: Documents) -> _Answer:
    """Which operations failed the batch; those that answer 424 only went down with them."""
    results = dict(enumerate(error.operation_responses or ()))
    refused = {
        index: Refusal(str(batch.items[index]["id"]), int(result["statusCode"]), _why(result))
        for index, result in results.items()
        if int(result["statusCode"]) in _PERMANENT
    }
    headers = error.headers or {}
    advised_ms = results.get(error.error_index or 0, {}).get("retryAfterMilliseconds")
    advice_s = _advice_s(headers) if advised_ms is None else float(advised_ms) / 1000
    return _Answer(error.status_code, _charge(headers), advice_s, refused, error)


def _why(result: Mapping[str, Any]) -> str:
    if message := str(result.get("message") or "").strip():
        return message.splitlines()[0]
    return "too large" if int(result["statusCode"]) == _TOO_LARGE else "the service does not take this document"


def _charge(headers: Mapping[str, Any]) -> float:
    return float(headers.get("x-ms-request-charge") or 0)


def _advice_s(headers: Mapping[str, Any]) -> float | None:
    advised_ms = headers.get("x-ms-retry-after-ms")
    return None if advised_ms is None else float(advised_ms) / 1000


def _refused(batch: Documents, status: int, why: str) -> Written:
    return Written(refused=tuple(Refusal(str(item["id"]), status, why) for item in batch.items))
