"""How often each step's cells were met before it, of all series at once.

Steps in a row are often in one cell, so what is sorted are runs of steps: by cell, the counts that are carried first
and then the runs as they came. In that order a running sum is the count, and generations follow one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import polars as pl

from processors.detect.surprise.counts import TABLES, Table, cell_of, generation_of, table_of

COUNTS: dict[str, pl.DataType] = {"cell": pl.Int64(), "generation": pl.Int64(), "count": pl.Int64()}
"""Columns of counts."""

_GREATEST = 2**63 - 1

STEPS_OF_A_THREAD = 5_000
"""Fewer are counted sooner in one thread."""


def counted(steps: pl.DataFrame, carried: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """How often each step's cells were met before it, in its generation and in the one before.

    Args:
        steps: Of `counts.placed`, in order of series and number.
        carried: Counts of before (`COUNTS`), those of one cell in order of generation.

    Returns:
        Int64 columns, one a table, named by its number; and the counts as of now (`COUNTS`), in order of cell and
        generation.
    """
    threads = min(pl.thread_pool_size(), 1 + len(steps) // STEPS_OF_A_THREAD)
    with ThreadPoolExecutor(threads) as pool:
        parts = pool.map(lambda at: _counted(steps, carried, TABLES[at::threads]), range(min(threads, len(TABLES))))
        met, counts = zip(*parts, strict=True)
    return pl.concat(met, how="horizontal"), pl.concat(counts).sort("cell", maintain_order=True)


def _counted(steps: pl.DataFrame, carried: pl.DataFrame, tables: Sequence[Table]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """See `counted`; of some tables."""
    before = carried.filter(table_of(pl.col("cell")).is_in([table.number for table in tables]))
    runs, run_of = _runs(steps, tables)
    placed = _placed(before, runs)
    cells = _cells(placed)
    earlier = cells["since"].gather(placed["of"])
    met = placed.select(pl.col("at") - len(before), met=pl.col("before") - earlier).filter(pl.col("at") >= 0)
    # Less the position of a run's first step: with its own position added, each step counts those before it in its run.
    ahead = pl.zeros(len(runs), pl.Int64, eager=True).scatter(met["at"], met["met"]) - runs["first"]
    every = ahead.gather(run_of) + pl.int_range(len(run_of), eager=True)
    count = len(steps)
    wide = {str(table.number): every.slice(at * count, count) for at, table in enumerate(tables)}
    return pl.DataFrame(wide), cells.select(*COUNTS)


def _runs(steps: pl.DataFrame, tables: Sequence[Table]) -> tuple[pl.DataFrame, pl.Series]:
    """Steps in a row that are in one cell, and the run of each step.

    Returns:
        `cell`, `generation`, `count` and position of the `first`, where positions go through all steps of the first
        table, then of the next one; and the number of the run at each position.
    """
    generation = steps.select(generation_of(pl.col("number"))).to_series()
    # Odd and even tell one generation from the next.
    none = steps.select(none=cell_of(pl.col("series"), pl.lit(0)) * 2 + generation % 2).to_series()
    wide = steps.select((none + table.place() * 2).alias(str(table.number)) for table in tables)
    keys = pl.concat(wide.get_columns(), rechunk=True)
    runs = (
        keys.rle()
        .struct.unnest()
        .select(cell=pl.col("value") // 2, count=pl.col("len").cast(pl.Int64))
        .with_columns(first=pl.col("count").cum_sum() - pl.col("count"))
    )
    return runs.with_columns(generation=generation.gather(runs["first"] % len(steps))), keys.rle_id()


def _placed(carried: pl.DataFrame, runs: pl.DataFrame) -> pl.DataFrame:
    """What is carried and the runs, in order of cell.

    Returns:
        `cell`, `generation`, `count`; `at`, its number among what is carried and the runs; `before`, the running sum
        without its own count; whether a cell of a generation `begins` with it, and the number of that cell.
    """
    counts = pl.concat([carried.select(*COUNTS), runs.select(*COUNTS)], rechunk=True)
    places = 1 << len(counts).bit_length()
    if len(counts) and counts["cell"].max() >= _GREATEST // places:  # type: ignore[operator]
        raise ValueError(f"{len(counts):,} counts of so many series do not fit into one call: read smaller pages")
    cell, generation = pl.col("cell"), pl.col("generation")
    # One integer of both sorts much faster than two columns.
    order = counts.select(order=cell * places + pl.int_range(pl.len())).to_series().sort()
    return (
        pl.select(cell=order // places, at=order % places)
        .with_columns(counts.select("generation", "count")[order % places].get_columns())
        .with_columns(
            before=pl.col("count").cum_sum() - pl.col("count"),
            begins=cell.ne_missing(cell.shift(1)) | generation.ne_missing(generation.shift(1)),
        )
        .with_columns(of=pl.col("begins").cast(pl.UInt32).cum_sum() - 1)
    )


def _cells(placed: pl.DataFrame) -> pl.DataFrame:
    """Each cell of each generation with its `count`, and `since`: the running sum where what counts for it begins."""
    before, cell, generation = pl.col("before"), pl.col("cell"), pl.col("generation")
    follows = (cell == cell.shift(1)) & (generation == generation.shift(1) + 1)
    return placed.filter("begins").select(
        "cell",
        "generation",
        count=before.shift(-1, fill_value=placed["count"].sum()) - before,
        since=pl.when(follows).then(before.shift(1)).otherwise(before),
    )
