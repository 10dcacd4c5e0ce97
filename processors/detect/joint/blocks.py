"""Blocks of a sensor's rows: whole numbers summed in a block, and what is remembered of the blocks before.

A block is `BLOCK_ROWS` rows of the sensor, known or not. Sums of whole numbers are the same in any order, so a block
may come in any pieces; what is remembered changes only from block to block.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from processors.detect.joint.usual import KEY, NUMBER

BLOCK_ROWS = 128

BLOCK = "!block"
"""Column of rows: the place of its block in the table of blocks."""

OPEN, KEPT = "!open", "!kept"
"""Suffixes of what is carried: the sum in the block that is not complete (Int64), what is remembered (Float64)."""


def blocks(carried: pl.DataFrame, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The blocks that are looked at, in order; and the rows with theirs.

    The last block of each sensor is the one that is open after its rows, also when none of them is in it.

    Args:
        carried: One row a sensor, in the order of `KEY`, with `rows` it had before.
        rows: In order, with `KEY` and `NUMBER`.
    """
    counted = rows.group_by(KEY).len().sort(KEY)["len"].cast(pl.Int64)
    spans = carried.select(
        KEY,
        first=pl.col("rows") // BLOCK_ROWS,
        last=(pl.col("rows") + counted) // BLOCK_ROWS,
    ).with_columns(begin=(pl.col("last") - pl.col("first") + 1).cum_sum() - (pl.col("last") - pl.col("first") + 1))
    table = spans.select(KEY, number=pl.int_ranges("first", pl.col("last") + 1)).explode("number")
    offset = spans.select((pl.col("begin") - pl.col("first")).gather(rows[KEY])).to_series()
    return table, rows.with_columns((offset + pl.col(NUMBER) // BLOCK_ROWS).alias(BLOCK))


def summed(table: pl.DataFrame, carried: pl.DataFrame, rows: pl.DataFrame, sums: Sequence[pl.Expr]) -> pl.DataFrame:
    """The sums in each block of the table, as Int64 and with what is carried of the first one of each sensor."""
    added = rows.lazy().group_by(BLOCK).agg(*sums).cast(pl.Int64).collect(engine="in-memory")
    names = added.columns[1:]
    numbered = table.lazy().with_row_index(BLOCK).with_columns(pl.col(BLOCK).cast(pl.Int64))
    begins = pl.col(KEY).ne_missing(pl.col(KEY).shift(1))
    opened = carried.lazy().select(KEY, *(pl.col(name + OPEN).alias(name) for name in names))
    begun = numbered.filter(begins).join(opened, on=KEY, maintain_order="left")
    whole = pl.concat([numbered.select(BLOCK), begun.select(added.columns), added.lazy()], how="diagonal")
    return whole.group_by(BLOCK).agg(pl.all().sum()).sort(BLOCK).drop(BLOCK).collect(engine="in-memory")


def remembered(table: pl.DataFrame, carried: pl.DataFrame, values: pl.DataFrame, weight: float) -> pl.DataFrame:
    """What is known as of the beginning of each block: averages over the blocks before, the latest with this weight.

    They begin with 0, so only the ratio of two of them means something.

    Args:
        table: See `blocks`.
        carried: With what was remembered of each column of `values`.
        values: One row a block.
        weight: A power of two.
    """
    names = values.columns
    before = carried.select(KEY, *(pl.col(name + KEPT).alias(name) for name in names), number=pl.lit(-1, pl.Int64))
    every = pl.concat([before, table.hstack(values.cast(pl.Float64))], how="diagonal").sort(KEY, "number")
    known = every.with_columns(pl.col(name).ewm_mean(alpha=weight, adjust=False).over(KEY).shift(1) for name in names)
    return known.filter(pl.col("number") >= 0).select(names)
