"""A month's documents by the day they were observed, as texts compare."""

from __future__ import annotations

import calendar
import re
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

NO_TIME = -1
"""Number of the part whose documents have no text as their time."""

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
_SHORTEST = timedelta(microseconds=1)


@dataclass(frozen=True)
class Range:
    """Times from `low` on and below `high`, as texts; None is no bound. With both, instants lie between them."""

    low: str | None
    high: str | None
    begin: datetime | None = None
    end: datetime | None = None

    def halves(self) -> tuple[Range, Range] | None:
        """Two ranges that make up this one, None when it cannot be cut."""
        if self.begin is None or self.end is None or self.end - self.begin <= _SHORTEST:
            return None
        middle = self.begin + (self.end - self.begin) / 2
        text = middle.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return Range(self.low, text, self.begin, middle), Range(text, self.high, middle, self.end)


class Days:
    """The days of a month and what lies outside of it, numbered; together they are every text.

    A month that is none has one part for all texts.
    """

    def __init__(self, month: str) -> None:
        match = _MONTH.fullmatch(month)
        self._starts: list[datetime] = []
        if match and int(match[1]) >= 1_000:
            year, number = int(match[1]), int(match[2])
            first = datetime(year, number, 1, tzinfo=UTC)
            days = calendar.monthrange(year, number)[1]
            self._starts = [first + timedelta(days=day) for day in range(days + (year < 9999 or number < 12))]
        self._texts = [start.strftime("%Y-%m-%d") for start in self._starts]

    def number(self, observed_at: object) -> int:
        """The part that a document belongs to."""
        return bisect_right(self._texts, observed_at) if isinstance(observed_at, str) else NO_TIME

    def ranges(self) -> list[Range]:
        """The parts for texts, by number from 0."""
        low = [None, *self._texts]
        high = [*self._texts, None]
        begin = [None, *self._starts]
        end = [*self._starts, None]
        return [Range(*bounds) for bounds in zip(low, high, begin, end, strict=True)]
