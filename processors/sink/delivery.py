"""Documents on their way: in batches, as fast as their container takes them, until each is settled for good."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, MutableMapping

from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import CosmosBatchOperationError

from processors import cosmos
from processors.charges import Meter, Spent
from processors.errors import SinkError
from processors.model import Documents, Refusal, Written
from processors.retry import THROTTLED
from processors.sink import answer as answers
from processors.sink import batches
from processors.sink.answer import Answer
from processors.sink.gate import Gate
from processors.sink.pace import Pace
from processors.sink.patience import Patience
from processors.sink.task import Task

Paces = MutableMapping[str, Pace]
"""Name of a container -> how fast it takes documents, as far as that is known."""

_WORKERS = 16
"""Requests in flight at most."""


class Delivery:
    """Does tasks.

    Args:
        containers: By name.
        patience: Of each request; a batch that is only throttled is tried again for its budget from the last time that
            anything was taken, any other from its first attempt.
        paces: Of containers; what is learned is added.
        meter: Is told of each answer what it charged.
    """

    def __init__(
        self, containers: Mapping[str, ContainerProxy], patience: Patience, paces: Paces, meter: Meter
    ) -> None:
        self._containers = containers
        self._patience = patience
        self._meter = meter
        self._gates = {
            name: Gate(
                paces.setdefault(name, Pace()), clock=patience.clock, sleep=patience.sleep, jitter=patience.jitter
            )
            for name in containers
        }
        self._progress_s = patience.clock()
        self._throttled = 0

    async def settle(self, task: Task, documents: Iterable[Documents]) -> Written:
        """Does it to all documents; see `Sink.write`."""
        self._progress_s, self._throttled = self._patience.clock(), 0
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
            answer, spent, part, rest = await self._attempt(task, part)
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

    async def _attempt(self, task: Task, batch: Documents) -> tuple[Answer, Spent, Documents, Documents]:
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
                started_s = self._patience.clock() if started_s is None else started_s
                rest = batches.joined(batches.part(batch, turn.documents, len(batch.items)), rest)
                batch = batches.part(batch, 0, turn.documents)
                answer = await self._send(task, batch)
                charged = answer.spent(task.container, batch)
                self._meter.add(charged)
                spent += charged
                if answer.error is None:
                    turn.taken(answer.request_units)
                    self._progress_s, self._throttled = self._patience.clock(), 0
                throttled = answer.status == THROTTLED and not answer.refused
                if throttled:
                    turn.throttled(self._patience.wait_s(task, answer, self._progress_s, self._next_throttling()))
            if answer.error is None or throttled or answer.refused or answer.status in answers.PERMANENT:
                return answer, spent, batch, rest
            await self._patience.sleep(self._patience.wait_s(task, answer, started_s, attempt))

    def _next_throttling(self) -> int:
        """How often in a row requests were throttled, with this time."""
        self._throttled += 1
        return self._throttled

    async def _send(self, task: Task, batch: Documents) -> Answer:
        key = list(batch.key) if len(batch.key) > 1 else batch.key[0]
        try:
            async with asyncio.timeout(self._patience.request_timeout_s):
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
                f"{self._patience.account.database}/{task.container}",
                why=f"{len(batch.items)} operations were answered by {len(results)} results",
                hint="look for a proxy that changes answers, then try `bacalhau-cosmos cosmos check`",
            )
        return answers.of_taken(results, results.get_response_headers())


def _refused(batch: Documents, status: int, why: str) -> Written:
    return Written(refused=tuple(Refusal(str(item["id"]), status, why) for item in batch.items))
