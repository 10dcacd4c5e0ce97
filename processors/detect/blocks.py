"""What is usual for a sensor, learned from blocks of its rows; and means over its last rows, exact under any split.

A block is `BLOCK_ROWS` consecutive rows of one sensor, counted from its first. Whole blocks are summed up by medians, in
which the order of summation has no part, and rows are measured against the blocks before their own. Means over rows are
made of integers for the same reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from processors.schema import MEASURE_NAMES, SENSOR_ID

BLOCK_ROWS = 30

MEMORY_BLOCKS = 48
"""Blocks that are remembered: 24 minutes at a reading a second, five days at one in five minutes."""

KNOWN_ROWS = 10
"""A block with fewer known values tells nothing."""

NO = "no"
IS_BLOCK = "isBlock"
USUAL = "!usual"
RATIO = "!ratio"

_ROW = "!row"
_UNIT = float(2**20)

CARRIES: dict[str, pl.DataType] = {
    SENSOR_ID: pl.String(),
    IS_BLOCK: pl.Boolean(),
    NO: pl.Int64(),
    **{name: pl.Float64() for name in MEASURE_NAMES},
    **{name + USUAL: pl.Float64() for name in MEASURE_NAMES},
    **{name + RATIO: pl.Int64() for name in MEASURE_NAMES},
}
"""The last rows of each sensor by number, with their ratios; and its last blocks by number, with their medians and
what a rule learned from each."""


def seen(rows: pl.DataFrame, state: pl.DataFrame) -> pl.DataFrame:
    """The rows carried and the rows judged, sensor by sensor and numbered; `values` are told apart by `is_new`."""
    new = rows.select(SENSOR_ID, *MEASURE_NAMES).with_row_index(_ROW)
    carried = state.filter(~pl.col(IS_BLOCK)).drop(IS_BLOCK, *(name + USUAL for name in MEASURE_NAMES))
    both = pl.concat([carried, new], how="diagonal").sort(SENSOR_ID, maintain_order=True)
    return both.with_columns(
        (pl.col(NO).first().fill_null(0) + pl.int_range(pl.len())).over(SENSOR_ID).alias(NO),
        (pl.col(SENSOR_ID) == pl.col(SENSOR_ID).shift(1)).fill_null(value=False).alias("!follows"),
    )


def changes(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of `seen` with how far each value is from that of the sensor's row before, null where either is."""
    steps = [(pl.col(name) - pl.col(name).shift(1)).abs() for name in MEASURE_NAMES]
    return rows.with_columns(pl.when("!follows").then(step) for step in steps)


def blocks(rows: pl.DataFrame, state: pl.DataFrame) -> pl.DataFrame:
    """The blocks carried, and those that the rows of `seen` complete, with the median of each measure."""
    carried = state.filter(IS_BLOCK).drop(IS_BLOCK, *(name + RATIO for name in MEASURE_NAMES))
    block = (pl.col(NO) // BLOCK_ROWS).alias(NO)
    complete = (
        rows.lazy()
        .group_by(SENSOR_ID, block, maintain_order=True)
        .agg(
            pl.len().alias("!rows"),
            pl.col(_ROW).last().alias(_ROW),
            *(
                pl.when(pl.col(name).count() >= KNOWN_ROWS).then(pl.col(name).median()).alias(name)
                for name in MEASURE_NAMES
            ),
        )
        .filter((pl.col("!rows") == BLOCK_ROWS) & pl.col(_ROW).is_not_null())
        .drop("!rows", _ROW)
        .collect()
    )
    return pl.concat([carried, complete], how="diagonal").sort(SENSOR_ID, maintain_order=True)


def measured(rows: pl.DataFrame, against: pl.DataFrame, ratio: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """The rows of `seen` with their ratios: those carried as they were, the others computed.

    Args:
        rows: Of `seen`.
        against: Blocks, with what the ratios are computed from.
        ratio: Measure -> its ratio to what was usual before the row's block, of magnitudes below a million.
    """
    before = against.with_columns(pl.col(NO) + 1).rename({name: name + "!level" for name in MEASURE_NAMES})
    joined = rows.with_columns((pl.col(NO) // BLOCK_ROWS).alias("!block")).join(
        before, left_on=[SENSOR_ID, "!block"], right_on=[SENSOR_ID, NO], how="left", maintain_order="left"
    )
    return joined.with_columns(
        pl.coalesce(name + RATIO, (ratio[name] * _UNIT).round().cast(pl.Int64)).alias(name + RATIO)
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
                pl.when(known[name]).then(pl.col(name + "!sum") / pl.col(name + "!count") / _UNIT).alias(name)
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


def following(rows: pl.DataFrame, learned: pl.DataFrame, keep_rows: int) -> pl.DataFrame:
    """The state for the rows that follow (`CARRIES`)."""
    last = (
        rows.group_by(SENSOR_ID, maintain_order=True).tail(keep_rows).with_columns(pl.lit(value=False).alias(IS_BLOCK))
    )
    kept = learned.group_by(SENSOR_ID, maintain_order=True).tail(MEMORY_BLOCKS)
    both = [last, kept.with_columns(pl.lit(value=True).alias(IS_BLOCK))]
    carried = [frame.select(name for name in CARRIES if name in frame.columns) for frame in both]
    return pl.concat([pl.DataFrame(schema=CARRIES), *carried], how="diagonal").select(*CARRIES)


def _last(total: pl.Expr, rows: int) -> pl.Expr:
    return total - total.shift(rows, fill_value=0)
