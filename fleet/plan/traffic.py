"""What there is to write, as plain values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

NEVER = -1
"""Seconds until an item expires: it does not."""

DAY_S = 86_400
MONTH_S = 730 * 3_600
"""Azure reckons a month as 730 hours, a twelfth of a year."""


@dataclass(frozen=True)
class Traffic:
    """What is written to a container.

    Attributes:
        container: Its name.
        bytes: Of the documents that stay: each once, as it is last written; None where it is not known what comes.
        request_units: None where a charge is not known.
        ttl_s: Seconds until an item of it expires; `NEVER`.
    """

    container: str
    bytes: float | None
    request_units: float | None
    ttl_s: int = NEVER

    @property
    def kept_months(self) -> float:
        """Months for which an item is there."""
        return math.inf if self.ttl_s == NEVER else self.ttl_s / MONTH_S


@dataclass(frozen=True)
class Sensor:
    """What one sensor brings: the documents of its logical partitions.

    Attributes:
        name: Sensor id.
        bytes_a_month: Container -> what it gets; empty where it is not known what comes.
        share: Of the documents of the city.
    """

    name: str
    bytes_a_month: Mapping[str, float]
    share: float


@dataclass(frozen=True)
class Load:
    """A city.

    Attributes:
        backlog: What waits now.
        month: What comes in a month at the present rate, for each container.
        pass_s: Seconds from one pass to the next, by which what has come is written in one go.
        sensors: Those that bring most, the largest first.
    """

    backlog: Sequence[Traffic]
    month: Sequence[Traffic]
    pass_s: float
    sensors: Sequence[Sensor] = ()

    @property
    def request_units_a_second(self) -> float | None:
        """In the mean of a month; None where a charge is not known."""
        return total([each.request_units for each in self.month], MONTH_S)


def total(amounts: Sequence[float | None], divided_by: float = 1.0) -> float | None:
    """The sum, None where one of them is."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known) / divided_by if len(known) == len(amounts) else None
