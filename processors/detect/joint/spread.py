"""How the measures of a sensor spread together, and how far rows are from usual in that.

1. Of each block the mean logarithm of the distances from both averages. It hardly moves by outliers; it says which
   average is nearer, and the scale of the measure.
2. Of each block the products of the distances in units of that scale, clipped, so that what is extreme teaches little
   and a new regime is learned within some blocks.
3. What is remembered of the products is a covariance. A row's distance (Mahalanobis) is that of its known measures.

Nothing is divided by a column but as `exact.ratio` does it.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, log

import polars as pl

from processors.detect.exact import in_order, ratio
from processors.detect.joint.blocks import BLOCK, BLOCK_ROWS
from processors.detect.joint.usual import BY_FAST, BY_SLOW
from processors.detect.spike import SMALLEST_SPREAD
from processors.schema import MEASURE_NAMES

WEIGHT = 1 / 8
"""Of the latest block: about 15 blocks count."""

FEWEST_ROWS = 64.0
"""A measure with fewer known rows than this in what is remembered is left out."""

CLIP = 4.0
"""Standard deviations from which on a distance teaches no more."""

_LOG_PARTS = 2**16
_SCALED_PARTS = 2**12
_HALF_NORMAL = exp((0.5772156649015329 + log(2)) / 2)
"""Standard deviation of a normal distribution whose mean logarithm of absolute values is 0: E ln|Z| is
-(gamma + ln 2) / 2, by the mean of the logarithm of chi-square (Abramowitz and Stegun, 6.3.3)."""

PAIRS = tuple((i, j) for i in range(len(MEASURE_NAMES)) for j in range(i + 1))

SCALE_SUMS = tuple(f"{kind}{i}" for i in range(len(MEASURE_NAMES)) for kind in ("known", "slow", "fast"))
SPREAD_SUMS = (*(f"used{i}" for i in range(len(MEASURE_NAMES))), *(f"product{i}{j}" for i, j in PAIRS))

DISTANCES = tuple(f"!distance{i}" for i in range(len(MEASURE_NAMES)))
"""Columns of rows: how far each measure is from what is usual, null where unknown."""

PARTS = tuple(f"!part{i}" for i in range(len(MEASURE_NAMES)))
"""Columns of rows: the distances as independent ones of variance 1; 0 where unknown."""

PLAIN, SQUARE, DEGREES = "!plain", "!square", "!degrees"
"""Columns of rows: the squared distance, the same for as many rows as are remembered, and of how many measures."""

REMEMBERED: Mapping[str, pl.DataType] = dict.fromkeys((*SCALE_SUMS, *SPREAD_SUMS), pl.Float64())


def scale_sums() -> list[pl.Expr]:
    """Of a block and each measure: its known rows, and their logarithms of distance from both averages."""
    sums = []
    for i, name in enumerate(MEASURE_NAMES):
        finest = SMALLEST_SPREAD[name] / 16
        slow, fast = (
            ((pl.col(name + by).abs() + finest).log() * _LOG_PARTS).round().cast(pl.Int64) for by in (BY_SLOW, BY_FAST)
        )
        sums += [
            slow.is_not_null().sum().cast(pl.Int64).alias(f"known{i}"),
            slow.sum().alias(f"slow{i}"),
            fast.sum().alias(f"fast{i}"),
        ]
    return sums


def scales(kept: pl.DataFrame) -> pl.DataFrame:
    """For each block and measure its `scale`, null where too little is known, and whether the `slow` average is nearer.

    Args:
        kept: What is remembered of `scale_sums`.
    """
    columns = []
    for i, name in enumerate(MEASURE_NAMES):
        nearer = ratio(pl.min_horizontal(f"slow{i}", f"fast{i}"), pl.col(f"known{i}")) / _LOG_PARTS
        scale = pl.max_horizontal(nearer.exp() * _HALF_NORMAL, pl.lit(SMALLEST_SPREAD[name]))
        enough = pl.col(f"known{i}") >= FEWEST_ROWS * WEIGHT
        columns += [
            pl.when(enough).then(scale).alias(f"scale{i}"),
            (pl.col(f"slow{i}") <= pl.col(f"fast{i}")).alias(f"slow{i}"),
        ]
    return kept.select(columns)


def nearer_distances(rows: pl.DataFrame, scale: pl.DataFrame) -> pl.DataFrame:
    """The rows with `DISTANCES`, and these as whole numbers in units of scale, 0 where unknown."""
    block = pl.col(BLOCK)
    rows = rows.with_columns(
        pl.when(pl.lit(scale[f"slow{i}"]).gather(block)).then(name + BY_SLOW).otherwise(name + BY_FAST).alias(there)
        for i, (name, there) in enumerate(zip(MEASURE_NAMES, DISTANCES, strict=True))
    )
    return rows.with_columns(
        (ratio(pl.col(there), pl.lit(scale[f"scale{i}"]).gather(block)).clip(-CLIP, CLIP) * _SCALED_PARTS)
        .round()
        .cast(pl.Int64)
        .alias(f"!whole{i}")
        for i, there in enumerate(DISTANCES)
    )


def furthest(rows: pl.DataFrame, scale: pl.DataFrame) -> pl.Series:
    """The two measures of each row that are furthest from usual in units of their scales, in words."""
    far = rows.select(
        ratio(pl.col(there).abs(), pl.lit(scale[f"scale{i}"]).gather(pl.col(BLOCK))).alias(name)
        for i, (name, there) in enumerate(zip(MEASURE_NAMES, DISTANCES, strict=True))
    )
    names = (
        far.with_row_index("at")
        .unpivot(index="at", variable_name="measure", value_name="far")
        .drop_nulls()
        .sort("at", "far", "measure", descending=[False, True, False])
        .group_by("at", maintain_order=True)
        .agg(pl.format("above all {}", pl.col("measure").head(2).str.join(" and ")).first())
    )
    every = pl.select(at=pl.int_range(len(rows), dtype=pl.UInt32))
    return every.join(names, on="at", how="left", maintain_order="left").select(pl.nth(1)).to_series()


def spread_sums() -> list[pl.Expr]:
    """Of a block: the rows of each measure whose scale is known, and the products of each two."""
    used = [pl.col(f"!whole{i}").is_not_null().sum().cast(pl.Int64).alias(f"used{i}") for i in range(len(DISTANCES))]
    products = [(pl.col(f"!whole{i}") * pl.col(f"!whole{j}")).sum().alias(f"product{i}{j}") for i, j in PAIRS]
    return [*used, *products]


def in_units(sums: pl.DataFrame, scale: pl.DataFrame) -> pl.DataFrame:
    """The sums of blocks with their products in the units of the measures."""
    wide = sums.hstack(scale.select(f"scale{i}" for i in range(len(DISTANCES))))
    return wide.select(
        *(f"used{i}" for i in range(len(DISTANCES))),
        *(
            (pl.col(f"product{i}{j}") * pl.col(f"scale{i}") * pl.col(f"scale{j}") / _SCALED_PARTS**2)
            .fill_null(0.0)
            .alias(f"product{i}{j}")
            for i, j in PAIRS
        ),
    )


def squared(rows: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    """The rows with `DISTANCES` of the measures that count, `PARTS`, `PLAIN`, `SQUARE` and `DEGREES`.

    Rows that follow each other in a block and know the same measures share a factor: column `!run`.

    Args:
        rows: See `nearer_distances`.
        kept: What is remembered of `spread_sums`, one row a block.
    """
    block = pl.col(BLOCK)
    enough = kept.select(pl.col(f"used{i}") >= FEWEST_ROWS * WEIGHT for i in range(len(DISTANCES)))
    rows = rows.with_columns(
        pl.when(pl.lit(enough[f"used{i}"]).gather(block)).then(there).alias(there) for i, there in enumerate(DISTANCES)
    )
    known = pl.sum_horizontal(pl.col(there).is_not_null().cast(pl.Int32) * 2**i for i, there in enumerate(DISTANCES))
    rows = rows.with_columns(known.alias("!mask"))
    changes = (block != block.shift(1)) | (pl.col("!mask") != pl.col("!mask").shift(1))
    rows = rows.with_columns((changes.fill_null(value=True).cum_sum() - 1).alias("!run"))
    runs = rows.group_by("!run", maintain_order=True).agg(pl.col(BLOCK, "!mask").first())
    factors = _factors(runs.select("!mask").hstack(kept.select(pl.all().gather(runs[BLOCK]))))
    told = rows.lazy()
    for i, (there, part) in enumerate(zip(DISTANCES, PARTS, strict=True)):
        rest = pl.col(there).fill_null(0.0)
        for j in range(i):
            rest -= _of(factors, f"l{i}{j}") * pl.col(PARTS[j])
        told = told.with_columns((rest * _of(factors, f"inverse{i}")).alias(part))
    told = told.with_columns(in_order(pl.col(part) * pl.col(part) for part in PARTS).alias(PLAIN))
    remembered = _of(factors, "remembered")
    return told.with_columns(
        (remembered * ratio(pl.col(PLAIN), remembered).log1p()).alias(SQUARE),
        pl.sum_horizontal(pl.col(there).is_not_null().cast(pl.Int32) for there in DISTANCES).alias(DEGREES),
    ).collect(engine="in-memory")


def _of(factors: pl.DataFrame, name: str) -> pl.Expr:
    return pl.lit(factors[name]).gather(pl.col("!run"))


def _factors(runs: pl.DataFrame) -> pl.DataFrame:
    """Cholesky factors of the covariance of the known measures, column by column, with the inverse of the diagonal.

    A measure that is unknown has variance 1 and no covariance. What is left of a variance once the others have told
    theirs is at least the square of the resolution, so that constants and copies divide by no zero. `remembered` is
    how many rows the covariance is of: `squared` takes from a distance what so few rows exaggerate it by (Hotelling's
    T-squared, whose tail is that of (1 + square / rows) ** (-rows / 2)).
    """
    size = len(DISTANCES)
    known = [pl.col("!mask") // 2**i % 2 == 1 for i in range(size)]
    rows = pl.min_horizontal(pl.when(known[i]).then(f"used{i}") for i in range(size)) / WEIGHT
    told = runs.lazy().with_columns(rows.fill_null(BLOCK_ROWS).alias("remembered"))
    told = told.with_columns(
        pl.when(known[i] & known[j])
        .then(ratio(pl.col(f"product{i}{j}"), (pl.col(f"used{i}") * pl.col(f"used{j}")).sqrt()))
        .otherwise(float(i == j))
        .alias(f"c{i}{j}")
        for i, j in PAIRS
    )
    for j in range(size):
        left = pl.col(f"c{j}{j}")
        for k in range(j):
            left -= pl.col(f"l{j}{k}") * pl.col(f"l{j}{k}")
        finest = SMALLEST_SPREAD[MEASURE_NAMES[j]] ** 2
        told = told.with_columns(
            (1 / pl.max_horizontal(left, pl.when(known[j]).then(finest).otherwise(1.0)).sqrt()).alias(f"inverse{j}")
        )
        for i in range(j + 1, size):
            rest = pl.col(f"c{i}{j}")
            for k in range(j):
                rest -= pl.col(f"l{i}{k}") * pl.col(f"l{j}{k}")
            told = told.with_columns((rest * pl.col(f"inverse{j}")).alias(f"l{i}{j}"))
    return told.collect(engine="in-memory")
