"""The city's level in each minute, and how each sensor stands to it."""

from __future__ import annotations

import polars as pl

from processors.schema import SENSOR_ID, WINDOW_START

FEWEST = 3
"""Of fewer sensors nobody can say which is wrong."""

_MINUTE = ["measure", WINDOW_START]


def compare(values: pl.DataFrame, usual: pl.DataFrame) -> pl.DataFrame:
    """The values with what they are compared with.

    The level is the median of the sensors whose usual deviation is known, each freed of it; of all as they are, while
    it is known of none. Nothing is known of minutes with fewer than `FEWEST` sensors, and nothing but what is to be
    learned where the usual deviation is known of fewer.

    Args:
        values: `sensorId`, `windowStart`, `hour`, `measure` and `value`, of one hour.
        usual: See `usual.usual`.

    Returns:
        Also the sensor's usual deviation `offset` and its `spread`, null where they are not known; `level`, and how
        many sensors `of` the minute can be compared, null when they are too few; the sensor's `deviation` from the
        level, and the `score`: how many spreads that is from the usual deviation, null where that cannot be told.
    """
    known = values.join(usual, on=[SENSOR_ID, "measure"], how="left", maintain_order="left")
    freed = pl.col("value") - pl.col("offset")
    levels = known.group_by(_MINUTE).agg(
        pl.coalesce(freed.median(), pl.col("value").median()).alias("level"),
        pl.len().alias("present"),
        pl.col("offset").count().cast(pl.Int64).alias("of"),
    )
    deviation = pl.col("value") - pl.col("level")
    return (
        known.join(levels.filter(pl.col("present") >= FEWEST), on=_MINUTE, maintain_order="left")
        .drop("present")
        .with_columns(deviation.alias("deviation"), pl.when(pl.col("of") >= FEWEST).then("of").alias("of"))
        .with_columns(
            pl.when(pl.col("of").is_not_null())
            .then((pl.col("deviation") - pl.col("offset")).abs() / pl.col("spread"))
            .alias("score")
        )
    )
