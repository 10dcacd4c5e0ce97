"""What is usual for a sensor, learned from blocks of its rows; and means over its last rows, exact under any split.

A block is `BLOCK_ROWS` consecutive rows of one sensor, counted from its first. Whole blocks are summed up by order
statistics, in which the order of summation has no part, and rows are measured against the blocks before their own.
Means over rows are made of integers for the same reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import polars as pl

from processors.detect.exact import ratio
from processors.schema import MEASURE_NAMES, OBSERVED_AT, SENSOR_ID

BLOCK_ROWS = 30

MEMORY_BLOCKS = 48
"""Blocks that are remembered: 24 minutes at a reading a second, a day at one a minute."""

KNOWN_ROWS = 10
"""A block with fewer known values tells nothing."""

LONGEST_S = 1_800.0
"""A block that takes longer tells nothing: rules look within the minutes that are one step to `surprise`, and a sensor
with a reading in a minute or less often is left to it."""

NO = "no"
IS_BLOCK = "isBlock"
USUAL = "!usual"
RATIO = "!ratio"
LEVEL = "!level"

_ROW = "!row"
_UNIT = float(2**20)

CARRIES: dict[str, pl.DataType] = {
    SENSOR_ID: pl.String(),
    IS_BLOCK: pl.Boolean(),
    NO: pl.Int64(),
    OBSERVED_AT: pl.Datetime("us", "UTC"),
    **{name: pl.Float64() for name in MEASURE_NAMES},
    **{name + USUAL: pl.Float64() for name in MEASURE_NAMES},
    **{name + RATIO: pl.Int64() for name in MEASURE_NAMES},
}
"""The last rows of each sensor by number, with their ratios; and its last blocks by number, with what sums them up and
what a rule learned from each."""


def seen(rows: pl.DataFrame, state: pl.DataFrame) -> pl.DataFrame:
    """The rows carried and the rows judged, sensor by sensor, each with its number."""
    new = rows.select(SENSOR_ID, OBSERVED_AT, *MEASURE_NAMES).with_row_index(_ROW)
    carried = state.filter(~pl.col(IS_BLOCK)).drop(IS_BLOCK, *(name + USUAL for name in MEASURE_NAMES), strict=False)
    both = pl.concat([carried, new], how="diagonal").sort(SENSOR_ID, maintain_order=True)
    return both.with_columns(
        (pl.col(NO).first().fill_null(0) + pl.int_range(pl.len())).over(SENSOR_ID).alias(NO),
        (pl.col(SENSOR_ID) == pl.col(SENSOR_ID).shift(1)).fill_null(value=False).alias("!follows"),
    )


def changes(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of `seen` with how far each value is from that of the sensor's row before, null where either is."""
    steps = [(pl.col(name) - pl.col(name).shift(1)).abs() for name in MEASURE_NAMES]
    return rows.with_columns(pl.when("!follows").then(step) for step in steps)


def blocks(
    rows: pl.DataFrame, state: pl.DataFrame, told: Callable[[pl.Expr], pl.Expr] = pl.Expr.median
) -> pl.DataFrame:
    """The blocks carried, and those that the rows of `seen` complete.

    Args:
        rows: Of `seen`.
        state: That was carried.
        told: Sums up the known values of a block that is brief enough.
    """
    carried = state.filter(IS_BLOCK).drop(
        IS_BLOCK, OBSERVED_AT, *(name + RATIO for name in MEASURE_NAMES), strict=False
    )
    block = (pl.col(NO) // BLOCK_ROWS).alias(NO)
    at = pl.col(OBSERVED_AT)
    brief = at.max() - at.min() <= pl.duration(seconds=LONGEST_S)
    complete = (
        rows.lazy()
        .group_by(SENSOR_ID, block, maintain_order=True)
        .agg(
            pl.len().alias("!rows"),
            pl.col(_ROW).last().alias(_ROW),
            *(
                pl.when(brief & (pl.col(name).count() >= KNOWN_ROWS)).then(told(pl.col(name))).alias(name)
                for name in MEASURE_NAMES
            ),
        )
        .filter((pl.col("!rows") == BLOCK_ROWS) & pl.col(_ROW).is_not_null())
        .drop("!rows", _ROW)
        .collect()
    )
    return pl.concat([carried, complete], how="diagonal").sort(SENSOR_ID, maintain_order=True)


def beside(rows: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """The rows of `seen`, each with what was known after the block before its own: `!level` and `!usual`."""
    before = known.with_columns(pl.col(NO) + 1).rename({name: name + LEVEL for name in MEASURE_NAMES})
    return rows.with_columns((pl.col(NO) // BLOCK_ROWS).alias("!block")).join(
        before, left_on=[SENSOR_ID, "!block"], right_on=[SENSOR_ID, NO], how="left", maintain_order="left"
    )


def measured(rows: pl.DataFrame, ratios: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """The rows with their ratios: those carried as they were, the others computed.

    Args:
        rows: Of `beside`.
        ratios: Measure -> its ratio to what was usual, of a magnitude below a million.
    """
    return rows.with_columns(
        pl.coalesce(name + RATIO, (ratios[name] * _UNIT).round().cast(pl.Int64)).alias(name + RATIO)
        for name in MEASURE_NAMES
    )


def means(rows: pl.DataFrame, over_rows: int) -> pl.DataFrame:
    """Of the ratios of the sensor's last rows: for each of the rows judged in their order, one column a measure.

    Null where the row's ratio is, or where fewer than half of the ratios are known.
    """
    whole = pl.col(SENSOR_ID) == pl.col(SENSOR_ID).shift(over_rows - 1)
    sums = {name: pl.col(name + RATIO).fill_null(0).cum_sum() for name in MEASURE_NAMES}
    counts = {name: pl.col(name + RATIO).is_not_null().cum_sum().cast(pl.Int64) for name in MEASURE_NAMES}
    told = rows.with_columns(
        *(_last(each, over_rows).alias(name + "!sum") for name, each in sums.items()),
        *(_last(each, over_rows).alias(name + "!count") for name, each in counts.items()),
        whole.fill_null(value=False).alias("!whole"),
    )
    known = {
        name: pl.col(name + RATIO).is_not_null() & pl.col("!whole") & (pl.col(name + "!count") * 2 >= over_rows)
        for name in MEASURE_NAMES
    }
    return (
        told.select(
            _ROW,
            *(
                pl.when(known[name]).then(ratio(pl.col(name + "!sum"), pl.col(name + "!count") * _UNIT)).alias(name)
                for name in MEASURE_NAMES
            ),
        )
        .filter(pl.col(_ROW).is_not_null())
        .sort(_ROW)
        .drop(_ROW)
    )


def in_order(rows: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Columns of the rows judged, in their order."""
    return rows.filter(pl.col(_ROW).is_not_null()).sort(_ROW).select(columns)


def following(
    rows: pl.DataFrame, learned: pl.DataFrame, keep_rows: int, carries: Mapping[str, pl.DataType] = CARRIES
) -> pl.DataFrame:
    """The state for the rows that follow."""
    last = rows.group_by(SENSOR_ID, maintain_order=True).tail(keep_rows)
    kept = learned.group_by(SENSOR_ID, maintain_order=True).tail(MEMORY_BLOCKS)
    parts = [
        last.with_columns(pl.lit(value=False).alias(IS_BLOCK)),
        kept.with_columns(pl.lit(value=True).alias(IS_BLOCK)),
    ]
    carried = [part.select(name for name in carries if name in part.columns) for part in parts]
    return pl.concat([pl.DataFrame(schema=carries), *carried], how="diagonal").select(*carries)


def _last(total: pl.Expr, rows: int) -> pl.Expr:
    return total - total.shift(rows, fill_value=0)


def rolling_share(column: str, share: float, warm_up_blocks: int) -> pl.Expr:
    """What a share of the blocks remembered stay below, after each block; null during the warm-up."""
    return (
        pl.col(column)
        .rolling_quantile(share, interpolation="nearest", window_size=MEMORY_BLOCKS, min_samples=warm_up_blocks)
        .over(SENSOR_ID)
    )
