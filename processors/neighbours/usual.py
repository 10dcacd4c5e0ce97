"""How a sensor usually deviates from its city: what its past hours say.

Of each hour (a block) only sums are kept, in whole steps, so that any order and any split gives the same. The usual
deviation is the median of the last `BLOCKS` hours' means, and the spread the median of how far the minutes of each of
these hours were from it (root of the mean square): less than half of the hours can be wrong without a trace, and an
offset that stays is the usual one once it has lasted for more than half of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import polars as pl

from processors.neighbours.state import BLOCKS as SCHEMA
from processors.schema import SENSOR_ID

HOUR = "hour"

BLOCKS = 24
"""Hours with values, however far apart, that say what is usual: a day of a sensor that is never silent."""

WARM_UP_MINUTES = 120
"""Fewer known minutes than this in these hours say nothing."""

FORGET_DAYS = 30
"""An hour that is so old says nothing any more."""

SMALLEST_SPREAD: Mapping[str, float] = {
    "temperatureC": 0.05,
    "humidityPct": 0.2,
    "pressurePa": 5.0,
    "vibrationMmS": 0.02,
    "voltageV": 0.005,
}
"""Floor of the spread, about a sensor's resolution: one that is always close must not be blamed for a digit."""

STEPS = 16
"""Steps to a smallest spread: deviations are summed in whole ones."""

_MOST_STEPS = 2**27
"""A deviation counts for no more: the squares of an hour stay below 2^60. It is some 8 million smallest spreads."""

_KEY = [SENSOR_ID, "measure"]


def step(measure: str = "measure") -> pl.Expr:
    """Size of a step in the unit of the row's measure."""
    return pl.col(measure).replace_strict(SMALLEST_SPREAD, return_dtype=pl.Float64) / STEPS


def usual(blocks: pl.DataFrame, hour: datetime) -> pl.DataFrame:
    """`sensorId`, `measure`, the usual deviation `offset` and its `spread`; no row where they are not known.

    Args:
        blocks: Of the sensors (`state.BLOCKS`).
        hour: Those before it count.
    """
    last = blocks.filter(_since(hour) & (pl.col(HOUR) < hour)).group_by(_KEY).tail(BLOCKS)
    mean = pl.col("sum") / pl.col("n")
    offset = mean.median().over(_KEY)
    square = pl.col("squares") / pl.col("n") - 2 * mean * offset + offset**2
    return (
        last.with_columns(offset.alias("offset"), square.clip(lower_bound=0).sqrt().alias("far"))
        .group_by(_KEY, maintain_order=True)
        .agg(pl.col("n").sum(), pl.col("offset").first(), pl.col("far").median())
        .filter(pl.col("n") >= WARM_UP_MINUTES)
        .select(
            *_KEY,
            offset=pl.col("offset") * step(),
            spread=pl.col("far").clip(lower_bound=STEPS) * step(),
        )
    )


def learned(blocks: pl.DataFrame, compared: pl.DataFrame, hour: datetime) -> pl.DataFrame:
    """The blocks with what was seen in an hour, in order.

    Args:
        blocks: Of before, perhaps with a part of the hour.
        compared: Minutes of the hour, with `deviation` from the city's level, null where that is unknown.
        hour: Which.
    """
    steps = (pl.col("deviation") / step()).clip(-_MOST_STEPS, _MOST_STEPS).round().cast(pl.Int64)
    own = (
        compared.filter(pl.col("deviation").is_not_null())
        .with_columns(steps.alias("steps"))
        .group_by(*_KEY, HOUR)
        .agg(
            n=pl.len().cast(pl.Int64),
            sum=pl.col("steps").sum(),
            squares=(pl.col("steps") ** 2).sum(),
        )
        .select(*SCHEMA)
    )
    if own.is_empty():
        return blocks
    at = pl.lit(hour, SCHEMA[HOUR])
    closed, opened = blocks.filter(pl.col(HOUR) != at), blocks.filter(pl.col(HOUR) == at)
    opened = pl.concat([opened, own]).group_by(*_KEY, HOUR).agg(pl.col("n", "sum", "squares").sum()).select(*SCHEMA)
    kept = closed.filter(_since(hour)).group_by(_KEY).tail(BLOCKS)
    return pl.concat([kept.select(*SCHEMA), opened]).sort(*_KEY, HOUR)


def _since(hour: datetime) -> pl.Expr:
    return pl.col(HOUR) >= hour - timedelta(days=FORGET_DAYS)
