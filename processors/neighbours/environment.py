"""Whether the city itself left its recent range, and which sensors did so with it.

A minute's departure is how far the level is from the median of the hour before. What is usual of departures is the
second largest of the largest ones of the last days: a front of one day is not, the rush hour of each workday is.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import polars as pl

from processors.neighbours.level import FEWEST
from processors.neighbours.state import APART, DAYS
from processors.neighbours.usual import SMALLEST_SPREAD
from processors.schema import SENSOR_ID, TIMESTAMP_TYPE, WINDOW_START

RECENT_MINUTES = 60
LEAST_RECENT = 30
"""Fewer known minutes than this in the hour before say nothing."""

USUAL_DAYS = 7
LEAST_DAYS = 4
"""Days in a row hold two workdays, whichever weekday comes first."""

WHOLE_DAY_MINUTES = 720
"""A day of which less is known does not count."""

SHARE = 2 / 3
"""Of the sensors that must have moved at least half as far as the level; and there must be at least `FEWEST`."""

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


def moves(
    compared: pl.DataFrame, departed: pl.DataFrame, apart: pl.DataFrame, thresholds: Mapping[str, float]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The minutes with `score`, `moved` and `over`: whether the level and most of the sensors left their range.

    A sensor that was apart from its city in the hour before has not moved with it, wherever it is now: when a part
    of the sensors moves the level and then comes back, the others have stayed where they are.

    Args:
        compared: See `level.compare`.
        departed: See `departures`.
        apart: Minutes in which sensors were apart, of the hour before (`state.APART`).
        thresholds: Usual departures from which on a level has left its range, as `environment`; spreads from which
            on a sensor is apart, as `sensor`.

    Returns:
        Also what is `apart` for the minutes that follow.
    """
    departure = pl.col("level") - pl.col("recent")
    scored = departed.with_columns((departure.abs() / pl.col("usual")).alias("score"))
    far = scored.filter(pl.col("score") >= thresholds["environment"])
    own = (pl.col("value") - pl.col("offset") - pl.col("recent")) * pl.col("departure").sign()
    over = compared.filter(pl.col("score") >= thresholds["sensor"]).select(*APART)
    known = pl.concat([apart, over]).sort(WINDOW_START)
    moved = (
        compared.filter(pl.col("offset").is_not_null())
        .join(far.select(*_MINUTE, "recent", departure.alias("departure")), on=_MINUTE)
        .filter(own >= pl.col("departure").abs() / 2)
        .sort(WINDOW_START)
        .join_asof(
            known.with_columns(pl.col(WINDOW_START).alias("away")),
            on=WINDOW_START,
            by=[SENSOR_ID, "measure"],
            allow_exact_matches=False,
            tolerance=f"{RECENT_MINUTES}m",
            check_sortedness=False,
        )
        .group_by(_MINUTE)
        .agg(pl.col("away").is_null().sum().cast(pl.Int64).alias("moved"))
    )
    enough = (pl.col("moved") >= FEWEST) & (pl.col("moved") >= SHARE * pl.col("of"))
    judged = scored.join(moved, on=_MINUTE, how="left", maintain_order="left").with_columns(
        enough.fill_null(value=False).alias("over")
    )
    recent = pl.lit(compared[WINDOW_START].max(), TIMESTAMP_TYPE) - pl.duration(minutes=RECENT_MINUTES)
    following = known.filter(pl.col(WINDOW_START) > recent).group_by(SENSOR_ID, "measure").agg(pl.all().last())
    return judged, following.select(*APART).sort(SENSOR_ID, "measure")


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
