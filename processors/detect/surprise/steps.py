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
        `series`, `row`, `slot` (five minutes since 1970) and `value`, in order of series and row; then `series`,
        `sensorId` and `measure` of each series that has a value.
    """
    sensors = rows.select(SENSOR_ID).unique(maintain_order=True).with_row_index("sensor")
    numbered = rows.join(sensors, on=SENSOR_ID, how="left", maintain_order="left").select(
        *MEASURE_NAMES,
        first=pl.col("sensor") * len(MEASURE_NAMES),
        row=pl.int_range(pl.len(), dtype=pl.UInt32),
        slot=pl.col(OBSERVED_AT).dt.epoch("s") // STEP_S,
    )
    present = [(at, name) for at, name in enumerate(MEASURE_NAMES) if rows[name].null_count() < len(rows)]
    values = pl.concat(
        [
            numbered.clear().select(series="first", row="row", slot="slot", value=MEASURE_NAMES[0]).lazy(),
            *(
                numbered.lazy().select(pl.col("first").alias("series") + at, "row", "slot", value=name).drop_nulls()
                for at, name in present
            ),
        ]
    )
    own = values.sort("series", maintain_order=True).collect(engine="in-memory")
    measure, sensor = pl.col("series") % len(MEASURE_NAMES), pl.col("series") // len(MEASURE_NAMES)
    numbers = own.select(pl.col("series").unique(maintain_order=True)).select(
        "series",
        pl.lit(sensors[SENSOR_ID]).gather(sensor),
        measure=pl.lit(pl.Series(MEASURE_NAMES)).gather(measure),
    )
    return own, numbers


def steps(values: pl.DataFrame, before: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The steps that the values end, in order, and what is open after them.

    Args:
        values: Of `known`.
        before: `series` and `OPEN`, one row for each series of the values.

    Returns:
        `series`, `row` that ended it, `slot`, `mean`, `min` and `max` of each step, in order of series and row; then
        `series` and `OPEN` as of now.
    """
    value, slot, ends = pl.col("value"), pl.col("slot"), pl.col("ends")
    carried = before.lazy().select(
        "series",
        "slot",
        row=pl.lit(None, pl.UInt32),
        rows=pl.col("openRows").fill_null(0),
        sum=pl.col("openSum").fill_null(0.0),
        min="openMin",
        max="openMax",
    )
    own = values.lazy().select("series", "slot", "row", rows=pl.lit(1, pl.Int64), sum=value, min=value, max=value)
    seen = (
        pl.concat([carried, own])
        .sort("series", maintain_order=True)
        .with_columns(ends=pl.col("row").is_not_null() & slot.ne_missing(slot.shift(1)))
        .with_columns(alone=ends & (ends | (pl.col("rows") == 0)).shift(1, fill_value=True))
        .collect(engine="in-memory")
    )
    columns = ["series", "row", "slot", "rows", "sum", "min", "max"]
    one = seen.lazy().filter("alone").select(columns)
    many = _together(seen.filter(~pl.col("alone")))
    ended = pl.concat([one, many.lazy().filter("ends").select(columns)])
    mean = ratio(pl.col("sum"), pl.col("rows")).alias("mean")
    found = ended.select("series", "row", "slot", mean, "min", "max").sort("series", "row").collect(engine="in-memory")
    rest = many.lazy().filter(~ends).select("series", openRows="rows", openSum="sum", openMin="min", openMax="max")
    following = (
        seen.lazy()
        .group_by("series", maintain_order=True)
        .agg(slot.last())
        .join(rest, on="series", how="left", maintain_order="left")
        .with_columns(pl.col("openRows").fill_null(0), pl.col("openSum").fill_null(0.0))
        .select("series", *OPEN)
    )
    return found, following.collect(engine="in-memory")


def _together(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of one step, in order, as one row."""
    series, ends = pl.col("series"), pl.col("ends")
    begins = ends.shift(1, fill_value=True) | series.ne_missing(series.shift(1))
    return (
        rows.lazy()
        .with_columns(number=begins.cast(pl.UInt32).cum_sum().set_sorted())
        .group_by("number", maintain_order=True)
        .agg(
            series.last(),
            pl.col("row").last(),
            pl.col("slot").last(),
            pl.col("rows").sum(),
            # In the order of the rows and from what is carried on, so that no bit depends on where a call ends.
            pl.col("sum").cum_sum().last(),
            pl.col("min").min(),
            pl.col("max").max(),
            ends.last(),
        )
        .collect(engine="in-memory")
    )
