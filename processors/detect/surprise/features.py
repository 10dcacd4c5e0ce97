"""What is looked at in each step: its mean, and the least, greatest and mean of the last ten."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from processors.detect.exact import ratio
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

    @property
    def distance(self) -> str:
        """Name of the column with its distance from the middle of the grid (`grid.distance`)."""
        return f"distance.{self.name}"

    @property
    def place(self) -> str:
        """Name of the column with its place on the grid (`grid.on_grid`)."""
        return f"place.{self.name}"

    @property
    def bits(self) -> str:
        """Name of the column with its surprise."""
        return f"bits.{self.name}"


LEVEL = Feature("level", (0.0, 1 / 3), hourly=True)

FEATURES = (
    Feature("mean", (0.0, 1 / 3, 2 / 3)),
    Feature("least", (0.0, 1 / 3, 2 / 3)),
    Feature("greatest", (0.0, 1 / 3, 2 / 3)),
    LEVEL,
)

HOUR = "hour"


def hour_of_week(slot: pl.Expr) -> pl.Expr:
    """Hour of the week in UTC, from 0; weeks begin with Thursdays, as 1970 did."""
    return slot * STEP_S // _HOUR_S % HOURS_OF_WEEK


def with_features(points: pl.LazyFrame) -> pl.LazyFrame:
    """The steps of `series`, in order, with the columns of `FEATURES` and the hour of the week.

    Args:
        points: With the `place` of each step among those of its series.

    The level is made of sums of the same steps in the same order wherever it is asked for: a running sum would keep the
    rounding of steps that have left it.
    """
    steps_there = pl.min_horizontal(pl.col("place") + 1, LOOK_BACK_STEPS)
    return _last_ten(
        points.with_columns(pl.col("mean").alias(LEVEL.name), least="min", greatest="max"),
        {"least": pl.min_horizontal, "greatest": pl.max_horizontal, LEVEL.name: _sum},
    ).with_columns(ratio(pl.col(LEVEL.name), steps_there), hour_of_week(pl.col("slot")).alias(HOUR))


def _last_ten(points: pl.LazyFrame, together: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]]) -> pl.LazyFrame:
    """Columns to what they are over the last ten steps, by doubling: of 2, 4, 8 and, with the first two, 10."""
    pairs = [f"!{name}" for name in together]
    for back in (1, 2, 4):
        points = points.with_columns(
            both(pl.col(name), _before(name, back)).alias(name) for name, both in together.items()
        )
        if back == 1:
            points = points.with_columns(pl.col(name).alias(pair) for name, pair in zip(together, pairs, strict=True))
    return points.with_columns(
        both(pl.col(name), _before(pair, 8)).alias(name)
        for (name, both), pair in zip(together.items(), pairs, strict=True)
    ).drop(pairs)


def _before(name: str, back: int) -> pl.Expr:
    """The column so many steps before, null where its series had not begun."""
    return pl.when(pl.col("place") >= back).then(pl.col(name).shift(back))


def _sum(one: pl.Expr, other: pl.Expr) -> pl.Expr:
    return one + other.fill_null(0.0)
