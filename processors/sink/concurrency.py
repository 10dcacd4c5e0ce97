"""How many requests may be in flight: additive increase, multiplicative decrease (AIMD), as TCP does it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Place:
    """The right to have one request in flight, and the way to say how it went."""

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter
        self._cuts_before = limiter.cuts

    def throttled(self) -> None:
        """Halve the limit, once for all requests that were in flight together."""
        if self._cuts_before == self._limiter.cuts:
            self._limiter.cut()

    def taken(self) -> None:
        """Count a success towards the next rise."""
        self._limiter.count_success()


class Limiter:
    """A bound on requests in flight that follows what the server can take.

    It halves when a request is throttled and rises by one when a full round of requests has succeeded, between
    `least` and `most`. Requests that were in flight when it fell do not cut it again: they tell of the same
    moment. A cut interrupts nobody; places that are given back are withheld until the limit holds.

    Attributes:
        limit: Places there are now.
        cuts: How often the limit was halved.
        most: Upper bound of the limit.
    """

    def __init__(self, *, start: int = 8, least: int = 1, most: int = 16) -> None:
        if not 1 <= least <= start <= most:
            raise ValueError(f"expected 1 <= least <= start <= most, got {least}, {start}, {most}")
        self.limit = start
        self.most = most
        self.cuts = 0
        self._least = least
        self._successes = 0
        self._withheld = 0
        self._free = asyncio.Semaphore(start)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[Place]:
        """Wait for a place, in order of arrival, and hold it until the block ends."""
        await self._free.acquire()
        try:
            yield Place(self)
        finally:
            self._release()

    def cut(self) -> None:
        """Halve the limit."""
        lower = max(self._least, self.limit // 2)
        self._withheld += self.limit - lower
        self.limit = lower
        self.cuts += 1
        self._successes = 0

    def count_success(self) -> None:
        """Raise the limit by one when as many requests succeeded as there are places."""
        self._successes += 1
        if self._successes >= self.limit < self.most:
            self._successes = 0
            self.limit += 1
            self._release()

    def _release(self) -> None:
        if self._withheld:
            self._withheld -= 1
        else:
            self._free.release()
