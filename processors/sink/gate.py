"""When the next request may be sent: a bound on documents in flight, and the pace that the container allows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from processors.sink.pace import Pace, Sent

FIRST = 100
"""Documents in flight at the beginning, one full batch; they double with each round of answers."""

FEW = 10
"""Documents in flight after a request was throttled while no rate is known."""

MOST = 1_600
"""Documents in flight, sixteen full batches."""


class Turn:
    """The right to send one request, and the way to say how it went.

    Attributes:
        documents: That it may have.
    """

    def __init__(self, gate: Gate, sent: Sent) -> None:
        self.documents = sent.documents
        self._gate = gate
        self._sent = sent

    def taken(self, charge: float) -> None:
        """The service took it, for so many request units."""
        self._gate.taken(self._sent, charge)

    def throttled(self, wait_s: float) -> None:
        """The service takes nothing for so many seconds."""
        self._gate.throttled(self._sent, wait_s)


class Gate:
    """Gives turns in order of arrival.

    Args:
        pace: What is known of the container.
        clock: Seconds, never falling.
        sleep: Waits.
        jitter: Numbers from 0 to 1, by which processes on one budget fall out of step.
    """

    def __init__(
        self,
        pace: Pace,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]],
        jitter: Callable[[], float],
    ) -> None:
        self._pace = pace
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._next_s = clock()
        self._window = FIRST
        self._in_flight = 0
        self._order = asyncio.Lock()
        self._room = asyncio.Event()

    @asynccontextmanager
    async def turn(self, most: int) -> AsyncIterator[Turn]:
        """Waits until a request of up to so many documents may be sent; it is in flight until the block ends."""
        async with self._order:
            limited = False
            while True:
                documents = min(self._pace.size(most), self._window)
                if self._in_flight and self._in_flight + documents > self._window:
                    self._room.clear()
                    await self._room.wait()
                elif (wait_s := self._next_s - self._clock()) > 0:
                    limited = True
                    await self._sleep(wait_s)
                else:
                    break
            sent = Sent(documents, self._pace.expected(documents), self._pace.cuts, limited)
            self._pace.begins(self._clock())
            self._space(sent.expected, spread=0.5 + self._jitter())
            self._in_flight += documents
        try:
            yield Turn(self, sent)
        finally:
            self._in_flight -= documents
            self._room.set()

    def taken(self, sent: Sent, charge: float) -> None:
        """See `Turn.taken`."""
        self._window = min(MOST, self._window + sent.documents)
        self._pace.taken(sent, charge, self._clock())
        if charge:
            self._space(charge - sent.expected)

    def throttled(self, sent: Sent, wait_s: float) -> None:
        """See `Turn.throttled`."""
        until_s = self._clock() + wait_s
        self._pace.throttled(sent, until_s)
        if self._pace.rate is None:
            self._window = FEW
        self._next_s = max(self._next_s, until_s)
        again = self._pace.expected(self._pace.size(sent.documents))  # as much as is sent from now on
        self._space(min(sent.expected, again), spread=self._jitter())

    def _space(self, charge: float, spread: float = 1.0) -> None:
        """The next request comes later by what a charge takes at the present rate; earlier for one that is negative."""
        if self._pace.rate is not None:
            self._next_s = max(self._next_s, self._clock() - self._step_s(charge)) + self._step_s(charge) * spread

    def _step_s(self, charge: float) -> float:
        assert self._pace.rate is not None
        return charge / self._pace.rate
