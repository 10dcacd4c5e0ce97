"""A run's requests again, against containers of a given throughput, on a clock that only waiting moves."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Iterator, Sequence

from processors.sink.gate import Gate
from processors.sink.pace import Pace
from tests.harness.strict import Exchange
from tests.harness.strict.bucket import Bucket
from tests.throttling.simulation import LATENCY_S, WORKERS, virtual

Batch = list[float]
"""Request units of each document."""


def seconds(requests: Sequence[Exchange], ru_per_s: float, *, seed: int) -> float:
    """How long the batches take that a run sent, with the real pace and so much throughput for each container.

    Args:
        requests: In order; what goes to one container in a row is one write of the sink's.
        ru_per_s: What each container allows.
        seed: Of latencies and jitter.
    """

    async def main() -> float:
        clock = asyncio.get_running_loop().time
        dice = random.Random(seed)
        begun = clock()
        gates: dict[str, Gate] = {}
        buckets: dict[str, Bucket] = {}
        for container, group in itertools.groupby(requests, key=lambda request: request.container):
            gate = gates.setdefault(container, Gate(Pace(), clock=clock, sleep=asyncio.sleep, jitter=dice.random))
            bucket = buckets.setdefault(container, Bucket(ru_per_s, clock))
            batches = iter([[each.charge / len(each.ids)] * len(each.ids) for each in group])
            async with asyncio.TaskGroup() as tasks:
                for _ in range(WORKERS):
                    tasks.create_task(_work(batches, gate, bucket, dice))
        return clock() - begun

    return virtual(main())


async def _work(batches: Iterator[Batch], gate: Gate, bucket: Bucket, dice: random.Random) -> None:
    for batch in batches:
        left = batch
        while left:
            async with gate.turn(len(left)) as turn:
                await asyncio.sleep(dice.uniform(*LATENCY_S) / 2)
                charge = sum(left[: turn.documents])
                wait_ms = bucket.wait_ms()
                if not wait_ms:
                    bucket.spend(charge)
                await asyncio.sleep(dice.uniform(*LATENCY_S) / 2)
                if wait_ms:
                    turn.throttled(wait_ms / 1000)
                else:
                    turn.taken(charge)
                    left = left[turn.documents :]
