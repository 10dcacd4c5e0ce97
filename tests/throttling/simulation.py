"""Processes that share one container's request units, on a clock that only waiting moves."""

from __future__ import annotations

import asyncio
import random
import selectors
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from processors.sink.gate import Gate
from processors.sink.pace import Pace
from tests.harness.strict.bucket import Bucket

T = TypeVar("T")

WORKERS = 16
BATCH = 100
CHARGES = (3.0, 12.0)
"""Request units of a document, at least and at most."""

LATENCY_S = (0.005, 0.05)


class _NoWaiting(selectors.DefaultSelector):
    """Nothing is waited for: the clock is put forward instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "nobody will ever go on"
        self.now_s += max(0.0, timeout)
        return []


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._virtual = _NoWaiting()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now_s


@dataclass
class Simulated:
    """What happened.

    Attributes:
        answers: Time, process, and the charge, or None for a request that was throttled.
    """

    answers: list[tuple[float, int, float | None]] = field(default_factory=list)

    def within(self, start_s: float, end_s: float) -> Simulated:
        """The same, of a part of the time."""
        return Simulated([answer for answer in self.answers if start_s <= answer[0] < end_s])

    @property
    def spent(self) -> dict[int, float]:
        """Process -> request units."""
        totals: dict[int, float] = {}
        for _, process, charge in self.answers:
            totals[process] = totals.get(process, 0.0) + (charge or 0.0)
        return totals

    @property
    def throttled_share(self) -> float:
        """Of all requests."""
        return sum(charge is None for _, _, charge in self.answers) / len(self.answers)


def simulate(
    processes: int, ru_per_s: float, seconds: float, *, seed: int = 0, changes: Mapping[float, float] | None = None
) -> Simulated:
    """Each process has more to write than it ever can.

    Args:
        processes: They begin within the first second.
        ru_per_s: What the container allows.
        seconds: To simulate.
        seed: Of charges, latencies and jitter.
        changes: Time -> what the container allows from then on.
    """
    happened = Simulated()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        dice = random.Random(seed)
        bucket = Bucket(ru_per_s, loop.time)
        tasks = [
            asyncio.create_task(_process(number, random.Random(dice.random()), bucket, happened, loop.time))
            for number in range(processes)
        ]
        for at, allowed in sorted((changes or {}).items()):
            await asyncio.sleep(at - loop.time())
            bucket.rate = allowed
        await asyncio.sleep(seconds - loop.time())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    virtual(main())
    return happened


def virtual(work: Coroutine[Any, Any, T]) -> T:
    """What the work returns, on such a clock."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(work)


async def _process(
    number: int, dice: random.Random, bucket: Bucket, happened: Simulated, clock: Callable[[], float]
) -> None:
    await asyncio.sleep(dice.random())
    gate = Gate(Pace(), clock=clock, sleep=asyncio.sleep, jitter=dice.random)

    async def work() -> None:
        while True:
            left = BATCH
            while left:
                async with gate.turn(left) as turn:
                    await asyncio.sleep(dice.uniform(*LATENCY_S) / 2)
                    charge = sum(dice.uniform(*CHARGES) for _ in range(turn.documents))
                    wait_ms = bucket.wait_ms()
                    if not wait_ms:
                        bucket.spend(charge)
                    await asyncio.sleep(dice.uniform(*LATENCY_S) / 2)
                    if wait_ms:
                        turn.throttled(wait_ms / 1000)
                    else:
                        turn.taken(charge)
                        left -= turn.documents
                    happened.answers.append((clock(), number, None if wait_ms else charge))

    async with asyncio.TaskGroup() as group:
        for _ in range(WORKERS):
            group.create_task(work())
