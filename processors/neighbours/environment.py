"""Whether the city itself left its recent range, and which sensors did so with it.

A minute's departure is how far the level is from the median of the hour before. What is usual of departures is the
second largest of the largest ones of the last days: a front of one day is not, the rush hour of each workday is.
"""

from __future__ import annotations

from datetime import datetime

import polars as pl

from processors.neighbours.state import DAYS
from processors.neighbours.usual import SMALLEST_SPREAD
from processors.schema import TIMESTAMP_TYPE, WINDOW_START

RECENT_MINUTES = 60
LEAST_RECENT = 30
"""Fewer known minutes than this in the hour before say nothing."""

USUAL_DAYS = 7
LEAST_DAYS = 4
"""Days in a row hold two workdays, whichever weekday comes first."""

WHOLE_DAY_MINUTES = 720
"""A day of which less is known does not count."""

SHARE = 2 / 3
"""Of the sensors that must have moved at least half as far as the level; and there must be at least three."""

_MINUTE = ["measure", WINDOW_START]


def departures(
    compared: pl.DataFrame, course: pl.DataFrame, days: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """What is known of the level in each minute; and the course and the days for the minutes that follow.

    Args:
        compared: See `level.compare`.
        course: See `state.COURSE`.
        days: See `state.DAYS`.

    Returns:
        First: `measure`, `windowStart`, `day`, `level`, how many sensors it is `of`, the median `recent` of the hour
        before, and the departure that is `usual`; minutes of which one of them is not known are left out.
    """
    levels = compared.filter(pl.col("of").is_not_null()).select(*_MINUTE, "level", "of").unique(_MINUTE)
    seen = pl.concat([course, levels], how="diagonal").sort(_MINUTE)
    recent = pl.col("level").rolling_median_by(
        WINDOW_START, f"{RECENT_MINUTES}m", min_samples=LEAST_RECENT, closed="left"
    )
    now = (
        seen.with_columns(recent.over("measure").alias("recent"), pl.col(WINDOW_START).dt.truncate("1d").alias("day"))
        .filter(pl.col("of").is_not_null() & pl.col("recent").is_not_null())
        .sort(_MINUTE)
    )
    # The time that is left out lies before all that may follow, however the minutes are split.
    newest = pl.col(WINDOW_START).max().over("measure")
    following = seen.filter(pl.col(WINDOW_START) > newest - pl.duration(minutes=RECENT_MINUTES)).select(course.columns)
    days = _with(days, now)
    none = pl.DataFrame(schema={"measure": pl.String, "day": TIMESTAMP_TYPE, "usual": pl.Float64})
    limits = pl.concat([none, *(_usual(days, day) for day in now["day"].unique())])
    return now.join(limits, on=["measure", "day"]).sort(_MINUTE), following, _latest(days)


def moves(compared: pl.DataFrame, departed: pl.DataFrame, threshold: float) -> pl.DataFrame:
    """The minutes with `score`, `moved` and `over`: whether the level and most of the sensors left their range.

    Args:
        compared: See `level.compare`.
        departed: See `departures`.
        threshold: Usual departures from which on a level has left its range.
    """
    departure = pl.col("level") - pl.col("recent")
    scored = departed.with_columns((departure.abs() / pl.col("usual")).alias("score"))
    far = scored.filter(pl.col("score") >= threshold).select(*_MINUTE, "recent", departure.alias("departure"))
    own = (pl.col("value") - pl.col("offset") - pl.col("recent")) * pl.col("departure").sign()
    moved = (
        compared.filter(pl.col("offset").is_not_null())
        .join(far, on=_MINUTE)
        .group_by(_MINUTE)
        .agg((own >= pl.col("departure").abs() / 2).sum().cast(pl.Int64).alias("moved"))
    )
    enough = (pl.col("moved") >= 3) & (pl.col("moved") >= SHARE * pl.col("of"))
    return scored.join(moved, on=_MINUTE, how="left", maintain_order="left").with_columns(
        enough.fill_null(value=False).alias("over")
    )


def _with(days: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    own = now.group_by("measure", "day").agg(
        minutes=pl.len().cast(pl.Int64), most=(pl.col("level") - pl.col("recent")).abs().max()
    )
    return (
        pl.concat([days, own.select(*DAYS)])
        .group_by("measure", "day")
        .agg(pl.col("minutes").sum(), pl.col("most").max())
        .select(*DAYS)
        .sort("measure", "day")
    )


def _usual(days: pl.DataFrame, day: datetime) -> pl.DataFrame:
    """The usual departure of each measure as the days before one tell; no row where they are too few."""
    floor = pl.col("measure").replace_strict(SMALLEST_SPREAD, return_dtype=pl.Float64)
    return (
        days.filter((pl.col("day") < day) & (pl.col("minutes") >= WHOLE_DAY_MINUTES))
        .group_by("measure", maintain_order=True)
        .tail(USUAL_DAYS)
        .group_by("measure", maintain_order=True)
        .agg(pl.len(), pl.col("most").top_k(2).min())
        .filter(pl.col("len") >= LEAST_DAYS)
        .select("measure", pl.lit(day, DAYS["day"]).alias("day"), pl.max_horizontal("most", floor).alias("usual"))
    )


def _latest(days: pl.DataFrame) -> pl.DataFrame:
    """The last whole days, and the last one whole or not: it may not be over."""
    last = pl.col("day") == pl.col("day").max().over("measure")
    whole = days.filter((pl.col("minutes") >= WHOLE_DAY_MINUTES) | last)
    return whole.group_by("measure", maintain_order=True).tail(USUAL_DAYS + 1).select(*DAYS)
