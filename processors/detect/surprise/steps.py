"""Rows to steps: at most one every five minutes for each series, so that rare means the same for slow and fast sensors.

A series is a measure of a sensor. A row ends a step when it is the series' first row of another five minutes than the
row before it; the step is all known rows since the step before. A sensor that writes every five minutes or slower has
a step for each row, and one that writes every second has one for about 300 rows.
"""

from __future__ import annotations

import polars as pl

from processors.detect.exact import ratio
from processors.schema import MEASURE_NAMES, OBSERVED_AT, SENSOR_ID

STEP_S = 300

SERIES = [SENSOR_ID, "measure"]

OPEN: dict[str, pl.DataType] = {
    "slot": pl.Int64(),
    "openRows": pl.Int64(),
    "openSum": pl.Float64(),
    "openMin": pl.Float64(),
    "openMax": pl.Float64(),
}
"""What a series carries of the step that is not over: five minutes of its last row, and what came since the last step.

All null before the first row; `openMin` and `openMax` are null where nothing came since.
"""


def known(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The values that are known, and their series.

    Returns:
        `series`, `row`, `slot` (five minutes since 1970) and `value`, in order within a series; then `series`,
        `sensorId` and `measure` of each series that has a value.
    """
    sensors = rows.select(SENSOR_ID).unique(maintain_order=True).with_row_index("series")
    numbered = rows.join(sensors, on=SENSOR_ID, how="left", maintain_order="left").select(
        pl.col("series") * len(MEASURE_NAMES),
        *MEASURE_NAMES,
        row=pl.int_range(pl.len(), dtype=pl.UInt32),
        slot=pl.col(OBSERVED_AT).dt.epoch("s") // STEP_S,
    )
    values, numbers = [], []
    for at, name in enumerate(MEASURE_NAMES):
        own = numbered.select(pl.col("series") + at, "row", "slot", value=name).drop_nulls("value")
        there = own["series"].unique()
        values.append(own)
        numbers.append(
            sensors.select(pl.col("series") * len(MEASURE_NAMES) + at, SENSOR_ID, measure=pl.lit(name)).filter(
                pl.col("series").is_in(there.implode())
            )
        )
    return pl.concat(values), pl.concat(numbers)


def steps(values: pl.DataFrame, before: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The steps that the values end, in order, and what is open after them.

    Args:
        values: Of `known`.
        before: `series` and `OPEN`, one row for each series of the values.

    Returns:
        `series`, `row` that ended it, `slot`, `mean`, `min` and `max` of each step, in order within a series; then
        `series` and `OPEN` as of now.
    """
    carried = before.select(
        "series",
        "slot",
        row=pl.lit(None, pl.UInt32),
        rows=pl.col("openRows").fill_null(0),
        sum=pl.col("openSum").fill_null(0.0),
        min="openMin",
        max="openMax",
    )
    value = pl.col("value")
    own = values.select("series", "slot", "row", rows=pl.lit(1, pl.Int64), sum=value, min=value, max=value)
    seen = pl.concat([carried, own])
    ends = (pl.col("row").is_not_null() & pl.col("slot").ne_missing(pl.col("slot").shift(1))).over("series")
    seen = seen.with_columns(ends.alias("ends"))
    nothing_open = (pl.col("ends") | (pl.col("rows") == 0)).shift(1, fill_value=True).over("series")
    alone = pl.col("ends") & nothing_open
    seen = seen.with_columns(alone.alias("alone"))
    one = seen.filter("alone")
    many = _together(seen.filter(~pl.col("alone")))
    columns = ["series", "row", "slot", "rows", "sum", "min", "max"]
    ended = pl.concat([one.select(columns), many.filter("ends").select(columns)])
    if len(one) and len(many):
        ended = ended.sort("series", "row")
    ended = ended.select("series", "row", "slot", ratio(pl.col("sum"), pl.col("rows")), "min", "max").rename(
        {"sum": "mean"}
    )
    rest = many.filter(~pl.col("ends")).select("series", openRows="rows", openSum="sum", openMin="min", openMax="max")
    last = seen.group_by("series", maintain_order=True).agg(pl.col("slot").last())
    nothing = {"openRows": 0, "openSum": 0.0}
    following = last.join(rest, on="series", how="left", maintain_order="left").with_columns(
        pl.col(name).fill_null(zero) for name, zero in nothing.items()
    )
    return ended, following.select("series", *OPEN)


def _together(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of one step, in order, as one row."""
    number = pl.col("ends").cum_sum().over("series") - pl.col("ends").cast(pl.UInt32)
    return (
        rows.with_columns(number.alias("number"))
        .group_by("series", "number", maintain_order=True)
        .agg(
            pl.col("row").last(),
            pl.col("slot").last(),
            pl.col("rows").sum(),
            # In the order of the rows and from what is carried on, so that no bit depends on where a call ends.
            pl.col("sum").cum_sum().last(),
            pl.col("min").min(),
            pl.col("max").max(),
            pl.col("ends").last(),
        )
    )
