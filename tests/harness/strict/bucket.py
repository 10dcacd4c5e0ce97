"""A container's throughput: request units that flow in at a rate and are spent by requests."""

from __future__ import annotations

import math
from collections.abc import Callable

BURST_S = 1.0
"""What has not been spent is kept for so long."""


class Bucket:
    """Request units that may be spent.

    A request is admitted while there are any and is charged afterwards, so one that costs more than a second's
    worth is possible and those that follow wait until its debt is paid.

    Args:
        rate: Request units a second; None admits all.
        clock: Seconds, never falling.
    """

    def __init__(self, rate: float | None, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._rate = rate
        self._level = (rate or 0.0) * BURST_S
        self._at_s = clock()

    @property
    def rate(self) -> float | None:
        """Request units a second; a new rate begins with a second's worth."""
        return self._rate

    @rate.setter
    def rate(self, rate: float | None) -> None:
        if rate != self._rate:
            self._rate = rate
            self._level = (rate or 0.0) * BURST_S
            self._at_s = self._clock()

    def wait_ms(self) -> int:
        """0 when a request is admitted, else milliseconds until one may be."""
        if self._rate is None:
            return 0
        self._flow(self._rate)
        return 0 if self._level > 0 else math.floor(-self._level / self._rate * 1000) + 1

    def spend(self, charge: float) -> None:
        """Take what an admitted request costs."""
        if self._rate is not None:
            self._flow(self._rate)
            self._level -= charge

    def _flow(self, rate: float) -> None:
        now_s = self._clock()
        self._level = min(rate * BURST_S, self._level + (now_s - self._at_s) * rate)
        self._at_s = now_s
