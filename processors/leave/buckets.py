"""Readings that share a document: so many of one sensor and month, in the order of their row ids."""

from __future__ import annotations

import polars as pl

from processors.schema import BUCKET, MONTH, OBSERVED_AT, ROW_ID, SENSOR_ID

_SECTION = "!section"
_PART = "!part"


def gather(
    rows: pl.DataFrame, still_open: pl.DataFrame | None, size: int, span_s: float | None, *, close: bool = False
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The readings of buckets that are full, with `BUCKET`, and those of the bucket of each sensor that is open.

    A bucket ends when it has `size` readings, and before a reading of another month or another span of time.

    Args:
        rows: In id order.
        still_open: What the call before returned as open.
        size: Readings of a bucket.
        span_s: Seconds of a span, counted from 1970; None for no spans.
        close: Whether open buckets are taken for full.
    """
    seen = rows if still_open is None else pl.concat([still_open, rows])
    place = [pl.col(MONTH)]
    if span_s is not None:
        place.append(pl.col(OBSERVED_AT).dt.epoch("us") // round(span_s * 1_000_000))
    moves = pl.any_horizontal(each.ne_missing(each.shift(1)).over(SENSOR_ID) for each in place)
    parted = seen.with_columns(moves.cum_sum().over(SENSOR_ID).alias(_SECTION)).with_columns(
        (pl.int_range(pl.len()).over(SENSOR_ID, _SECTION) // size).alias(_PART)
    )
    key = [SENSOR_ID, _SECTION, _PART]
    bucketed = parted.with_columns(pl.col(ROW_ID).first().over(key).alias(BUCKET))
    is_last = pl.struct(_SECTION, _PART) == pl.struct(_SECTION, _PART).last().over(SENSOR_ID)
    is_open = bucketed.select(is_last & (pl.len().over(key) < size) & (not close)).to_series()
    return (
        bucketed.filter(~is_open).drop(_SECTION, _PART),
        bucketed.filter(is_open).drop(_SECTION, _PART, BUCKET),
    )
