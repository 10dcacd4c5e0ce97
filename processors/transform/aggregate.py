"""One-minute windows for each sensor, exact whatever the order and the batches that rows come in.

A window in the making is a row of an accumulator frame. Sums are integers of `QUANTUM`, so that merging is
associative and commutative to the last bit: floats would give another mean for another page size.
"""

from __future__ import annotations

import polars as pl

from processors.schema import ACCUMULATOR, IS_ANOMALY, MEASURE_NAMES, OBSERVED_AT, ROW_ID, SENSOR_ID, WINDOW_START

WINDOW_S = 60
KEY = [SENSOR_ID, WINDOW_START]

QUANTUM = 1e-6
"""Values are summed in steps of this, far below what the sensors resolve.

With |value| < 1e7 (`schema.MEASURES`), n times the sum of squares stays below 2^127 up to a million rows a window.
"""


def accumulate(rows: pl.DataFrame) -> pl.DataFrame:
    """Windows of these rows alone, in no particular order.

    Args:
        rows: Conformed rows with `isAnomaly`.
    """
    steps = [(pl.col(name) / QUANTUM).round().cast(pl.Int128).alias(f"{name}.steps") for name in MEASURE_NAMES]
    return (
        rows.sort(OBSERVED_AT, ROW_ID)
        .with_columns(pl.col(OBSERVED_AT).dt.truncate(f"{WINDOW_S}s").alias(WINDOW_START), *steps)
        .group_by(KEY)
        .agg(
            pl.len().cast(pl.Int64).alias("count"),
            pl.col(IS_ANOMALY).sum().cast(pl.Int64).alias("anomalies"),
            pl.col(OBSERVED_AT).last().alias("lastAt"),
            pl.col(ROW_ID).last().alias("lastId"),
            *(pl.col(name).count().cast(pl.Int64).alias(f"{name}.n") for name in MEASURE_NAMES),
            *(pl.col(name).min().alias(f"{name}.min") for name in MEASURE_NAMES),
            *(pl.col(name).max().alias(f"{name}.max") for name in MEASURE_NAMES),
            *(pl.col(name).last().alias(f"{name}.last") for name in MEASURE_NAMES),
            *(pl.col(f"{name}.steps").sum().alias(f"{name}.sum") for name in MEASURE_NAMES),
            *((pl.col(f"{name}.steps") ** 2).sum().alias(f"{name}.squares") for name in MEASURE_NAMES),
        )
        .cast(ACCUMULATOR)  # type: ignore[arg-type]
    )


def merge(one: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    """Windows of the rows of both, in no particular order."""
    summed = ["count", "anomalies", *(f"{name}.{part}" for name in MEASURE_NAMES for part in ("n", "sum", "squares"))]
    latest = ["lastAt", "lastId", *(f"{name}.last" for name in MEASURE_NAMES)]
    return (
        pl.concat([one, other])
        .sort("lastAt", "lastId")
        .group_by(KEY)
        .agg(
            pl.col(summed).sum(),
            pl.col(latest).last(),
            pl.col([f"{name}.min" for name in MEASURE_NAMES]).min(),
            pl.col([f"{name}.max" for name in MEASURE_NAMES]).max(),
        )
        .select(*ACCUMULATOR)
    )


def summarize(windows: pl.DataFrame) -> pl.DataFrame:
    """What leaves of a window: `sensorId`, `windowStart`, `count`, `anomalies` and a struct for each measure.

    The struct has `count`, `min`, `max`, `mean`, `last` and `std` (of the sample, null for one value), and is
    null when the measure had no value. Mean and deviation have six decimals.
    """
    return windows.select(*KEY, "count", "anomalies", *(_summary(name) for name in MEASURE_NAMES)).sort(KEY)


def means(sums: pl.DataFrame) -> pl.DataFrame:
    """`sensorId`, `windowStart` and the mean of each measure, null where it had no value; in order of time.

    Args:
        sums: `n` and `sum` of windows, perhaps several of one sensor and minute, from databases of their own.
    """
    total = [pl.col(f"{name}.{part}").sum() for name in MEASURE_NAMES for part in ("n", "sum")]
    mean = [pl.when(pl.col(f"{name}.n") > 0).then(_mean(name)).alias(name) for name in MEASURE_NAMES]
    return sums.group_by(KEY).agg(total).select(*KEY, *mean).sort(WINDOW_START, SENSOR_ID)


def _mean(name: str) -> pl.Expr:
    return pl.col(f"{name}.sum").cast(pl.Float64) / pl.col(f"{name}.n") * QUANTUM


def _summary(name: str) -> pl.Expr:
    n, total, squares = (pl.col(f"{name}.{part}") for part in ("n", "sum", "squares"))
    scatter = n.cast(pl.Int128) * squares - total * total
    std = (scatter.cast(pl.Float64) / (n * (n - 1))).sqrt() * QUANTUM
    summary = pl.struct(
        n.alias("count"),
        pl.col(f"{name}.min").alias("min"),
        pl.col(f"{name}.max").alias("max"),
        _mean(name).round(6).alias("mean"),
        pl.col(f"{name}.last").alias("last"),
        pl.when(n > 1).then(std.round(6)).alias("std"),
    )
    return pl.when(n > 0).then(summary).alias(name)
