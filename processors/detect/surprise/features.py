"""What is looked at in each step: its mean, and the least, greatest and mean of the last ten."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from processors.detect.exact import in_order, ratio
from processors.detect.surprise.steps import STEP_S

LOOK_BACK_STEPS = 10

HOURS_OF_WEEK = 168
_HOUR_S = 3_600


@dataclass(frozen=True)
class Feature:
    """One feature of a step.

    Attributes:
        name: Of its column.
        shifts: Of the grids on which it is counted, in bins.
        hourly: Also counted for each hour of the week, so that what is usual at noon is not usual at night.
    """

    name: str
    shifts: tuple[float, ...]
    hourly: bool = False


FEATURES = (
    Feature("mean", (0.0, 1 / 3, 2 / 3)),
    Feature("least", (0.0, 1 / 3, 2 / 3)),
    Feature("greatest", (0.0, 1 / 3, 2 / 3)),
    Feature("level", (0.0, 1 / 3), hourly=True),
)

HOUR = "hour"


def hour_of_week(slot: pl.Expr) -> pl.Expr:
    """Hour of the week in UTC, from 0; weeks begin with Thursdays, as 1970 did."""
    return slot * STEP_S // _HOUR_S % HOURS_OF_WEEK


def with_features(points: pl.DataFrame) -> pl.DataFrame:
    """The steps of `series`, in order, with the columns of `FEATURES` and the hour of the week.

    Args:
        points: With the `place` of each step among those of its series.

    The level is a sum of shifted means: a running sum would keep the rounding of steps that have left it.
    """

    def last_ten(name: str, otherwise: pl.Expr) -> list[pl.Expr]:
        there = (pl.col("place") >= back for back in range(LOOK_BACK_STEPS))
        return [pl.when(known).then(pl.col(name).shift(back)).otherwise(otherwise) for back, known in enumerate(there)]

    total = in_order(reversed(last_ten("mean", pl.lit(0.0))))
    return points.with_columns(
        pl.min_horizontal(last_ten("min", pl.col("min"))).alias("least"),
        pl.max_horizontal(last_ten("max", pl.col("max"))).alias("greatest"),
        ratio(total, pl.min_horizontal(pl.col("place") + 1, LOOK_BACK_STEPS)).alias("level"),
        hour_of_week(pl.col("slot")).alias(HOUR),
    )
