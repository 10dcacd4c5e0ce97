"""How far each measure is from what it usually is just now.

What is usual is one of two averages of the rows before, whichever has been nearer of late: a slow one, which hardly
moves by noise, or a fast one that follows a slope (Brown's double exponential smoothing, one step ahead: Hyndman and
Athanasopoulos, "Forecasting: Principles and Practice", 2nd edition, section 7.2). So readings a second apart are
held to the last minutes, and readings minutes apart to where the day is going. Both are fed with medians of three rows,
so that a spike does not become usual.

All averages are recursions `y + (x - y) / 2**k` that Polars computes in the order of the rows, so they go on from a
carried `y` without a difference in any bit. What a sensor carried stands before its rows, so no row sees another sensor
when it looks at the row above.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from processors.schema import MEASURE_NAMES

SLOW = 1 / 64
FAST = 1 / 4
"""Weights of the latest row."""

NUMBER = "!number"
"""Column: rows of the sensor before this one."""

KEY = "!sensor"
"""Column: the sensor's place among those that are looked at."""

BY_SLOW = "!bySlow"
BY_FAST = "!byFast"
"""Suffixes of the distances from the two averages."""

_BEFORE, _SLOW, _FAST, _TWICE = "!before", "!slow", "!fast", "!twice"

CARRIED: Mapping[str, pl.DataType] = {
    name + suffix: pl.Float64() for name in MEASURE_NAMES for suffix in ("", _BEFORE, _SLOW, _FAST, _TWICE)
}
"""The last two known values of each measure and its averages; null before any."""


def distances(seen: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows with their distances from both averages, null where unknown; and what is carried for the rows to come.

    Args:
        seen: Sorted by sensor; first of each sensor what it carried (`CARRIED`, and true in `!carried`), then its rows.
    """
    carried, names = pl.col("!carried"), MEASURE_NAMES
    seen = seen.with_columns(pl.col(name).forward_fill().over(KEY).alias(name + "!last") for name in names)
    seen = seen.with_columns(
        pl.when(carried).then(name + _BEFORE).otherwise(pl.col(name + "!last").shift(1)).alias(name + _BEFORE)
        for name in names
    )
    seen = seen.with_columns(_median_of_three(name).alias(name + "!median") for name in names)
    for column, source, weight in ((_SLOW, "!median", SLOW), (_FAST, "!median", FAST), (_TWICE, _FAST, FAST)):
        seen = seen.with_columns(
            pl.when(carried)
            .then(name + column)
            .when(pl.col(name + "!median").is_not_null())
            .then(name + source)
            .ewm_mean(alpha=weight, adjust=False, ignore_nulls=True)
            .forward_fill()
            .over(KEY)
            .alias(name + column)
            for name in names
        )
    following = seen.group_by(KEY, maintain_order=True).last()
    following = following.select(
        pl.col(name + "!last").alias(name) if name in names else pl.col(name) for name in CARRIED
    )
    ahead = [
        (
            (pl.col(name) - pl.col(name + _SLOW).shift(1)).alias(name + BY_SLOW),
            (pl.col(name) - _one_step_ahead(name).shift(1)).alias(name + BY_FAST),
        )
        for name in names
    ]
    kept = seen.select(KEY, NUMBER, "!row", "!carried", *(column for pair in ahead for column in pair))
    return kept.filter(~carried).drop("!carried"), following


def _median_of_three(name: str) -> pl.Expr:
    """Median of a known value and the two known ones before it; null where the value is unknown."""
    value, before = pl.col(name), pl.col(name + _BEFORE)
    earlier = before.shift(1)
    low, high = pl.min_horizontal(value, before), pl.max_horizontal(value, before)
    return pl.when(value.is_not_null() & ~pl.col("!carried")).then(
        pl.max_horizontal(low, pl.min_horizontal(high, earlier))
    )


def _one_step_ahead(name: str) -> pl.Expr:
    once, twice = pl.col(name + _FAST), pl.col(name + _TWICE)
    return 2 * once - twice + FAST / (1 - FAST) * (once - twice)
