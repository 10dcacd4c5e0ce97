"""Documents into Cosmos DB, or out of it: batches of one partition key, several in flight, each settled for good."""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from typing import Any

from processors import containers, cosmos
from processors.charges import Meter, policy_of
from processors.containers import looking
from processors.containers.looking import Found
from processors.cosmos import Account
from processors.errors import SinkError
from processors.model import Documents, Written
from processors.sink.asking import Asking
from processors.sink.delivery import Delivery, Paces
from processors.sink.patience import Patience
from processors.sink.task import Settled, Task, delete, put
from processors.stopping import until_stopped

REQUEST_TIMEOUT_S = 30.0


@contextmanager
def open_sink(
    account: Account,
    *,
    budget_s: float = 60.0,
    request_timeout_s: float = REQUEST_TIMEOUT_S,
    stop: threading.Event | None = None,
    paces: Paces | None = None,
    meter: Meter | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    jitter: Callable[[], float] = random.random,
) -> Iterator[Sink]:
    """A sink whose account, database, containers and partition keys have been verified.

    It has an event loop of its own, so it cannot be used from within another one.

    Args:
        account: Where documents go.
        budget_s: Seconds for which a batch is tried again, from its first attempt; where it is only throttled, from
            the last time that anything was taken.
        request_timeout_s: Seconds after which a request counts as unanswered.
        stop: Set when the run should end: what is in hand then has `stopping.GRACE_S`, here and in each `write`
            and `delete`.
        paces: What was learned before of how fast containers take documents; what is learned now is added.
        meter: Is told of each answer what it charged.
        clock: Seconds, never falling.
        sleep: Waits between attempts, and for a turn.
        jitter: Numbers from 0 to 1.

    Raises:
        SettingsError: The endpoint or the key is malformed.
        EndpointError: The account cannot be reached, or refuses us.
        SinkError: The database or a container is missing, or has another partition key.
        Stopped: Before the account answered.
    """
    ending = stop or threading.Event()
    patience = Patience(account, budget_s, request_timeout_s, clock, sleep, jitter)
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()

        async def enter() -> Sink:
            client = await stack.enter_async_context(cosmos.connect(account))
            found = await looking.find(client, account)
            return Sink(
                runner, found, patience, ending, {} if paces is None else paces, Meter() if meter is None else meter
            )

        try:
            yield runner.run(until_stopped(enter(), ending))
        finally:
            runner.run(stack.aclose())


class Sink:
    """Writes and deletes documents, and says what became of each; made by `open_sink`.

    Attributes:
        policies: Container -> name of its indexing policy (`charges.policy_of`).
    """

    def __init__(
        self,
        runner: asyncio.Runner,
        found: Mapping[str, Found],
        patience: Patience,
        stop: threading.Event,
        paces: Paces,
        meter: Meter,
    ) -> None:
        self.policies = {name: policy_of(each.properties) for name, each in found.items()}
        self._runner = runner
        self._stop = stop
        proxies = {name: each.proxy for name, each in found.items()}
        self._delivery = Delivery(proxies, patience, paces, meter)
        self._asking = Asking(proxies, patience, meter)

    def write(self, container: str, documents: Iterable[Documents]) -> Written:
        """Upsert all documents; each is either taken or refused when this returns.

        The iterable is pulled from as batches are settled, so it may build its documents lazily. Batches of one
        partition key may arrive in any order.

        Args:
            container: Name of a container of the account (`containers.definition.definitions`).
            documents: Items of any number, in groups of one partition key.

        Raises:
            SinkError: The service takes no more for now (`retryable`), or answers what we do not know. Some
                documents may have been taken; nothing is in flight any longer. To write all again does no harm.
            EndpointError: The connection is lost for longer than the budget, or the account refuses us; the same
                holds for the documents.
            Stopped: The run was asked to end, and this took longer; the same holds for the documents.
        """
        return self._run(put(container), documents)

    def delete(self, container: str, documents: Iterable[Documents], settled: Settled) -> Written:
        """Delete all documents; each is gone or refused when this returns.

        One that is not there any longer counts as deleted: somebody else has deleted it, or an attempt of ours whose
        answer was lost.

        Args:
            container: As for `write`.
            documents: As for `write`; of an item only its `id` is used.
            settled: Is told of each request what it came to, so that a caller who is stopped knows what was done.

        Raises:
            SinkError: As for `write`.
            EndpointError: As for `write`.
            Stopped: As for `write`.
        """
        return self._run(delete(container, settled), documents)

    def held(self, container: str, documents: Iterable[Documents]) -> frozenset[str]:
        """Ids of those documents that the container has as they are.

        A document of one reading is known by its id and row id, one of many readings also by how many: nothing else
        of them is looked at.

        Args:
            container: One that is partitioned by sensor and month.
            documents: As for `write`.

        Raises:
            SinkError: As for `write`.
            EndpointError: As for `write`; also where this identity may write and not query.
            Stopped: As for `write`.
        """
        return self._runner.run(until_stopped(self._asking.held(container, documents), self._stop))

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

    def _run(self, task: Task, documents: Iterable[Documents]) -> Written:
        return self._runner.run(until_stopped(self._delivery.settle(task, documents), self._stop))
