"""Documents into Cosmos DB, or out of it: batches of one partition key, several in flight, each settled for good."""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import AsyncExitStack, contextmanager
from typing import Any

from azure.cosmos.exceptions import CosmosBatchOperationError

from processors import containers, cosmos
from processors.charges import Meter, Spent, policy_of
from processors.charges.spent import of_query
from processors.containers import looking
from processors.containers.looking import Found
from processors.cosmos import Account
from processors.errors import SinkError
from processors.model import Documents, Refusal, Written
from processors.retry import THROTTLED, decide
from processors.sink import answer as answers
from processors.sink import batches, held
from processors.sink.answer import Answer
from processors.sink.gate import Gate
from processors.sink.pace import Pace
from processors.sink.task import Settled, Task, ask, delete, put
from processors.stopping import until_stopped

REQUEST_TIMEOUT_S = 30.0

Paces = MutableMapping[str, Pace]
"""Name of a container -> how fast it takes documents, as far as that is known."""

_WORKERS = 16
"""Requests in flight at most."""


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
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()

        async def enter() -> Sink:
            client = await stack.enter_async_context(cosmos.connect(account))
            return Sink(
                account,
                runner,
                await looking.find(client, account),
                budget_s=budget_s,
                request_timeout_s=request_timeout_s,
                stop=ending,
                paces={} if paces is None else paces,
                meter=Meter() if meter is None else meter,
                clock=clock,
                sleep=sleep,
                jitter=jitter,
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
        account: Account,
        runner: asyncio.Runner,
        found: Mapping[str, Found],
        *,
        budget_s: float,
        request_timeout_s: float,
        stop: threading.Event,
        paces: Paces,
        meter: Meter,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]],
        jitter: Callable[[], float],
    ) -> None:
        self._account = account
        self._runner = runner
        self.policies = {name: policy_of(each.properties) for name, each in found.items()}
        self._containers = {name: each.proxy for name, each in found.items()}
        self._budget_s = budget_s
        self._request_timeout_s = request_timeout_s
        self._stop = stop
        self._meter = meter
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._gates = {
            name: Gate(paces.setdefault(name, Pace()), clock=clock, sleep=sleep, jitter=jitter) for name in found
        }
        self._progress_s = clock()
        self._throttled = 0

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
        return self._runner.run(until_stopped(self._held(container, documents), self._stop))

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
        return self._runner.run(until_stopped(self._do(task, documents), self._stop))

    async def _do(self, task: Task, documents: Iterable[Documents]) -> Written:
        self._progress_s, self._throttled = self._clock(), 0
        waiting = (batch for one_key in documents for batch in batches.cut(one_key))
        try:
            async with asyncio.TaskGroup() as group:
                workers = [group.create_task(self._work(task, waiting)) for _ in range(_WORKERS)]
        except BaseExceptionGroup as failed:
            first = failed.exceptions[0]
            raise first from first.__cause__
        return sum((worker.result() for worker in workers), Written())

    async def _work(self, task: Task, waiting: Iterator[Documents]) -> Written:
        written = Written()
        for batch in waiting:
            written += await self._deliver(task, batch)
        return written

    async def _deliver(self, task: Task, batch: Documents) -> Written:
        """Send a batch, in parts as small as the pace wants them, until each item is taken or refused."""
        written = Written()
        pending = [batch]
        while pending:
            part = pending.pop()
            if not batches.is_sendable(part):
                written += _refused(part, answers.TOO_LARGE, f"{sum(part.sizes):,} bytes, and an item may have 2 MB")
                continue
            answer, spent, part, rest = await self._settle(task, part)
            pending += [rest] if rest.items else []
            came = Written(spent=spent)
            if answer.error is None:
                came += Written(len(part.items))
            elif answer.refused:
                came += task.outcome(answer.refused.values())
                others = batches.without(part, answer.refused)
                pending += [others] if others.items else []
            elif answer.status == THROTTLED:
                pending.append(part)
            elif len(part.items) > 1:
                pending += reversed(batches.halves(part))
            else:
                came += _refused(part, answer.status or 0, cosmos.reason(answer.error))
            task.settled(came)
            written += came
        return written

    async def _settle(self, task: Task, batch: Documents) -> tuple[Answer, Spent, Documents, Documents]:
        """Sends a batch, or as much from its beginning as the pace allows.

        Returns:
            The first answer that sending the same again would not change, or that it was throttled; what all attempts
            were charged; what was sent; and what was not.
        """
        started_s: float | None = None
        spent, attempt = Spent(), 0
        rest = batches.part(batch, 0, 0)
        while True:
            attempt += 1
            async with self._gates[task.container].turn(len(batch.items)) as turn:
                started_s = self._clock() if started_s is None else started_s
                rest = batches.joined(batches.part(batch, turn.documents, len(batch.items)), rest)
                batch = batches.part(batch, 0, turn.documents)
                answer = await self._send(task, batch)
                charged = answer.spent(task.container, batch)
                self._meter.add(charged)
                spent += charged
                if answer.error is None:
                    turn.taken(answer.request_units)
                    self._progress_s, self._throttled = self._clock(), 0
                throttled = answer.status == THROTTLED and not answer.refused
                if throttled:
                    turn.throttled(self._wait_s(task, answer, self._progress_s, self._next_throttling()))
            if answer.error is None or throttled or answer.refused or answer.status in answers.PERMANENT:
                return answer, spent, batch, rest
            await self._sleep(self._wait_s(task, answer, started_s, attempt))

    def _next_throttling(self) -> int:
        """How often in a row requests were throttled, with this time."""
        self._throttled += 1
        return self._throttled

    def _wait_s(self, task: Task, answer: Answer, since_s: float, attempt: int) -> float:
        """Seconds until it is worth trying again.

        Raises:
            SinkError: It is not, or not within the budget, which began at `since_s`.
            EndpointError: Likewise.
        """
        wait_s = decide(
            answer.status,
            attempt,
            self._clock() - since_s,
            answer.advice_s,
            budget_s=self._budget_s,
            jitter=self._jitter(),
        )
        if wait_s is None:
            assert answer.error is not None
            subject = f"{self._account.database}/{task.container}"
            raise cosmos.explain(answer.error, self._account, task.doing, subject) from answer.error
        return wait_s

    async def _held(self, container: str, documents: Iterable[Documents]) -> frozenset[str]:
        return frozenset(
            [
                name
                for one_key in documents
                for text, parameters, items in held.questions(one_key)
                for name in held.same(items, await self._ask(container, one_key.key, text, parameters))
            ]
        )

    async def _ask(
        self, container: str, key: tuple[str, ...], text: str, parameters: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Rows of a query of one full partition key."""
        task, started_s, attempt = ask(container), self._clock(), 0
        found: list[dict[str, Any]] = []

        def note(headers: Mapping[str, Any], _page: object) -> None:
            self._meter.add(of_query(container, cosmos.charge(headers)))

        while True:
            attempt += 1
            arriving = self._containers[container].query_items(
                text, parameters=parameters, partition_key=list(key), response_hook=note
            )
            try:
                async with asyncio.timeout(self._request_timeout_s):
                    found = [row async for row in arriving]
            except cosmos.TRANSPORT_ERRORS as error:
                answer = answers.of_failure(error)
            else:
                return found
            self._meter.add(of_query(container, answer.request_units))
            await self._sleep(self._wait_s(task, answer, started_s, attempt))

    async def _send(self, task: Task, batch: Documents) -> Answer:
        key = list(batch.key) if len(batch.key) > 1 else batch.key[0]
        try:
            async with asyncio.timeout(self._request_timeout_s):
                results = await self._containers[task.container].execute_item_batch(
                    [(task.operation, (task.argument(item),)) for item in batch.items], partition_key=key
                )
        except CosmosBatchOperationError as error:
            return answers.of_failed_operation(error, batch, task.final)
        except cosmos.TRANSPORT_ERRORS as error:
            return answers.of_failure(error)
        if len(results) != len(batch.items):
            raise SinkError(
                task.doing,
                f"{self._account.database}/{task.container}",
                why=f"{len(batch.items)} operations were answered by {len(results)} results",
                hint="look for a proxy that changes answers, then try `bacalhau-cosmos cosmos check`",
            )
        return answers.of_taken(results, results.get_response_headers())


def _refused(batch: Documents, status: int, why: str) -> Written:
    return Written(refused=tuple(Refusal(str(item["id"]), status, why) for item in batch.items))
