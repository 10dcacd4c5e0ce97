"""Request units that a run may spend, or an hour: how many rows a batch may have so that they are not exceeded.

A batch is cut to what is left divided by what a row has cost so far, with a reserve: rows differ, and those that
replace a document cost twice as much. So a budget is used up by ever smaller batches, not overrun by a whole one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from processors.charges import Meter

FIRST_ROWS = 10
"""Of the first batch, as long as nothing is known of what a row costs; then batches grow by `GROWTH`."""

KNOWN_ROWS = 100
"""Of the first batch of a pass, at most: what a row has cost in another one may not be what it costs now."""

GROWTH = 4
"""A batch has so many times the rows of the largest before it at most, while a pass learns what rows cost."""

FIRST_SHARE = 0.25
"""Of what is left, for the first batch of a pass, for the same reason."""

SHARE = 0.75
"""Of what is left, for a batch."""

KEPT_SHARE = 0.02
"""Of the budget: what is left for the comparison of sensors when no batch begins any more."""

NOTED_SHARE = 0.01
"""Of the budget: what a run that is killed in the middle of a batch may forget to have spent."""

SPARE_SHARE = 0.25
"""Of the budget: more must be left for what could be left out, such as a preview."""

_HOUR = timedelta(hours=1)
_BUDGET = re.compile(r"(\d+(?:\.\d+)?)(/h)?")


@dataclass(frozen=True)
class Budget:
    """What may be spent.

    Attributes:
        request_units: At most.
        hourly: In an hour; else in a run.
    """

    request_units: float
    hourly: bool


@dataclass(frozen=True)
class Hour:
    """What was spent in an hour.

    Attributes:
        began: UTC.
        spent: Request units.
    """

    began: datetime
    spent: float = 0.0

    def at(self, now: datetime) -> Hour:
        """The hour that is now; the same one, from now on, where the clock was set back."""
        if now - self.began >= _HOUR:
            return Hour(now)
        return self if now >= self.began else replace(self, began=now)


def parse(text: str) -> Budget | None:
    """The budget that `5000` (a run) or `5000/h` (an hour) means; None for nothing.

    Raises:
        ValueError: It is neither.
    """
    if not text:
        return None
    match = _BUDGET.fullmatch(text.strip())
    if match is None or not 0 < float(match[1]) < math.inf:
        raise ValueError("not request units above 0 for a run, such as 5000, or for an hour, such as 5000/h")
    return Budget(float(match[1]), match[2] is not None)


class Purse:
    """What a pass may still spend, by what its meter says.

    Args:
        budget: None where there is no end to it.
        meter: Of the pass.
        now: UTC.
        hour: What was spent before in the hour that was the last one.
        row: Request units that a row has cost before, None where that is not known.
        keep: Is told of the hour whenever something was spent, where the budget is an hour's.

    Attributes:
        rows: Taken in by this pass, without rejects.
        spent: Request units of the batches of this pass.
        closed: Whether a batch was refused for want of budget.
    """

    def __init__(
        self,
        budget: Budget | None,
        meter: Meter,
        now: Callable[[], datetime],
        *,
        hour: Hour | None = None,
        row: float | None = None,
        keep: Callable[[Hour], object] = lambda _: None,
    ) -> None:
        self.budget = budget
        self.rows = 0
        self.spent = 0.0
        self.closed = False
        self._meter = meter
        self._now = now
        self._hour = hour or Hour(now())
        self._row = row
        self._keep = keep
        self._told = self._begun = self._metered()
        self._unkept = 0.0
        self._largest = 0
        self._last_row = 0.0

    @property
    def left(self) -> float:
        """Request units; below 0 when more was spent."""
        if self.budget is None:
            return math.inf
        spent = self._this_hour().spent if self.budget.hourly else 0.0
        return self.budget.request_units - spent - (0.0 if self.budget.hourly else self._metered())

    @property
    def spare(self) -> bool:
        """Whether there is enough for what could be left out."""
        return self.budget is None or self.left > self.budget.request_units * SPARE_SHARE

    def batch(self, most: int, databases: int) -> int:
        """Rows that the next batch may have, 0 for none.

        Args:
            most: Where there is no budget.
            databases: That wait, this one included: each gets its part of what is left.
        """
        self.settle()
        self._begun = self._metered()
        if self.budget is None:
            return most
        left = self.left
        if left <= self.budget.request_units * KEPT_SHARE:
            self.closed = True
            return 0
        row = max(self._last_row, self.spent / self.rows if self.rows else 0.0) or self._row
        grown = GROWTH * self._largest
        if not row:
            return min(most, grown or FIRST_ROWS)
        share = SHARE if self.rows else FIRST_SHARE
        grown = grown or KNOWN_ROWS
        rows = max(share * left / row / databases, min(FIRST_ROWS, left / row))
        return max(1, min(most, int(rows), grown))

    def taken(self, rows: int) -> None:
        """The batch was taken in, what was spent since `batch` is what it cost.

        Args:
            rows: Without rejects, which cost nothing and say nothing of what others cost.
        """
        self.settle()
        cost = self._metered() - self._begun
        self.rows += rows
        self.spent += cost
        self._largest = max(self._largest, rows)
        self._last_row = cost / rows if rows else self._last_row

    def settle(self) -> None:
        """Counts what was spent into the hour, which is kept."""
        self._count()
        if self._unkept:
            self._unkept = 0.0
            self._keep(self._hour)

    def note(self) -> None:
        """The same in the middle of a batch, whenever it is worth a write."""
        self._count()
        if self.budget is not None and self._unkept >= self.budget.request_units * NOTED_SHARE:
            self.settle()

    def _count(self) -> None:
        metered = self._metered()
        cost, self._told = metered - self._told, metered
        if cost and self.budget is not None and self.budget.hourly:
            hour = self._hour.at(self._now())
            self._hour = replace(hour, spent=hour.spent + cost)
            self._unkept += cost

    def _this_hour(self) -> Hour:
        self.settle()
        self._hour = self._hour.at(self._now())
        return self._hour

    def _metered(self) -> float:
        return self._meter.spent.request_units or 0.0
