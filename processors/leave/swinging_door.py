"""Where a line from one reading that left can no longer stand for those after it.

Doors hang at the bound above and below each reading, and open from the reading that left last: they are the slopes
of the lines from it to there. A reading may be the end of the line while its own slope is between the doors of all
before it; each of those is then within the bound of the line. The first reading that may not makes the one before
it the end, which leaves.

After E. H. Bristol, "Data compression for display and storage", US patent 4,669,097 (1987). As it is mostly told, a
line ends once the doors are parallel, and passes its readings by up to twice the bound; that the slope of the end
itself is held to the doors is from SAPA-2 of M. Ishijima et al., "Scan-along polygonal approximation for data
compression of electrocardiograms", IEEE Transactions on Biomedical Engineering BME-30 (1983), 723-729,
doi:10.1109/TBME.1983.325186.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import polars as pl

from processors.leave.path import landing

T = TypeVar("T", pl.Series, pl.Expr)

_STEPS = 128
"""Readings that all lines are followed for together; those that last longer are followed one by one."""


@dataclass(frozen=True)
class Doors:
    """One measure of the readings.

    Attributes:
        values: Without nulls.
        bound: Distance from the line, in the unit of the measure.
        high: Least slope of the upper doors that a line from each reading has once it has passed the next one.
        low: Greatest slope of the lower doors, likewise.
    """

    values: pl.Series
    bound: float
    high: pl.Series
    low: pl.Series


def slopes(rise: T, run_us: T, bound: float) -> tuple[T, T]:
    """Slopes of the upper and the lower door of a reading, in units of the measure a microsecond.

    Args:
        rise: Of the reading over the one that left last.
        run_us: Time between the two.
        bound: Distance that is allowed.
    """
    return (rise + bound) / run_us, (rise - bound) / run_us


def following(at_us: pl.Series, doors: Sequence[Doors], stop: pl.Series, last: pl.Series) -> pl.Series:
    """The reading that leaves after each, if that one does; of those that cannot, where row 0 did, any number.

    Args:
        at_us: Times in microseconds, Float64; they rise from each reading to its `last`.
        doors: Of at least one measure.
        stop: Reading that leaves at the latest, after each.
        last: Last reading that a line from each has to be judged by.
    """
    short = _by_steps(at_us, doors, stop, last)
    where = landing(short)
    long: dict[int, int] = {}
    rows = len(short)
    row = where[0]
    while row < rows:
        ends = _one(row, at_us, doors, last[row])
        long[row] = stop[row] if ends is None else ends
        row = where[long[row]]
    known = short.fill_null(rows)
    return known.scatter(list(long), list(long.values())) if long else known


def _by_steps(at_us: pl.Series, doors: Sequence[Doors], stop: pl.Series, last: pl.Series) -> pl.Series:
    """The same for lines of few readings; null for the others."""
    ends = stop.clone()
    rows = pl.select(pl.int_range(len(stop))).to_series()
    left = last - rows
    active = (left >= 2).arg_true()
    left, from_us = left[active], at_us[active]
    state = [(door.values[active], door.high[active], door.low[active]) for door in doors]
    for step in range(2, _STEPS + 1):
        if active.is_empty():
            return ends
        reading = active + step
        run_us = at_us[reading] - from_us
        outside = left < 0
        moved = []
        for door, (origin, high, low) in zip(doors, state, strict=True):
            rise = door.values[reading] - origin
            slope = rise / run_us
            outside = outside | (slope > high) | (slope < low)
            upper, lower = slopes(rise, run_us, door.bound)
            moved.append((origin, high.zip_with(high < upper, upper), low.zip_with(low > lower, lower)))
        state = moved
        goes_on = ~outside & (left > step)
        if not goes_on.all():
            ended = active.filter(outside)
            ends.scatter(ended, ended.cast(pl.Int64) + (step - 1))
            active, left, from_us = active.filter(goes_on), left.filter(goes_on), from_us.filter(goes_on)
            state = [(one.filter(goes_on), two.filter(goes_on), three.filter(goes_on)) for one, two, three in state]
    return ends.scatter(active, None) if len(active) else ends


def _one(row: int, at_us: pl.Series, doors: Sequence[Doors], last: int) -> int | None:
    """End of the line from one reading; None when it can go on to the last."""
    count = last - row - 1
    run_us = pl.col("at") - at_us[row]
    outside = []
    for number, door in enumerate(doors):
        rise = pl.col(str(number)) - door.values[row]
        slope = rise / run_us
        upper, lower = slopes(rise, run_us, door.bound)
        high = pl.min_horizontal(upper.cum_min().shift(1), door.high[row])
        low = pl.max_horizontal(lower.cum_max().shift(1), door.low[row])
        outside += [slope > high, slope < low]
    readings = pl.DataFrame(
        [at_us.slice(row + 2, count).alias("at")]
        + [door.values.slice(row + 2, count).alias(str(number)) for number, door in enumerate(doors)]
    )
    found = readings.select(pl.any_horizontal(outside).arg_true().first()).item()
    return None if found is None else row + 1 + int(found)
