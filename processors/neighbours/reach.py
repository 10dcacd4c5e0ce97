"""Up to when the sensors of a city can be compared."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from processors.neighbours.level import FEWEST
from processors.schema import SENSOR_ID

WAITED_FOR = timedelta(hours=1)
"""A sensor further behind is silent, or lost: the others do not wait, and what it brings later is not compared."""

DATABASE = "database"
WATERMARK = "watermark"
BEHIND = "behind"


def reach(watermarks: pl.DataFrame, now: datetime) -> datetime | None:
    """Windows that end by then are judged; None when there are too few sensors.

    It is the least watermark of the sensors that are waited for: those no more than `WAITED_FOR` behind the third
    furthest, for beyond that nothing could be told; so two clocks that run ahead do not matter, and more of them do
    not carry it beyond the present. Where rows of a database still wait to be taken in, its sensors are waited for
    unless they are behind in their own database.

    Args:
        watermarks: `database`, `sensorId`, `watermark`, and whether the database is `behind`.
        now: UTC.
    """
    furthest = watermarks.group_by(SENSOR_ID).agg(pl.col(WATERMARK).max())[WATERMARK].top_k(FEWEST)
    if len(furthest) < FEWEST:
        return None
    common = pl.lit(furthest.append(pl.Series([now], dtype=furthest.dtype)).min())
    own = pl.when(BEHIND).then(pl.min_horizontal(common, pl.col(WATERMARK).max().over(DATABASE))).otherwise(common)
    least = watermarks.filter(pl.col(WATERMARK) >= own - WAITED_FOR).select(
        pl.min_horizontal(pl.col(WATERMARK).min(), common).dt.truncate("1m")
    )
    reached: datetime = least.item()
    return reached
