"""Few alerts of many candidates: silence after each, and a threshold that rises with each alert of late.

An alert is of late by halves, every `HALF_LIFE` rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

HALF_LIFE = 10_000
"""Rows, or steps."""

RISE_BITS = 0.5
"""By which a candidate must exceed its threshold more for each alert of late."""

MEMORY: dict[str, pl.DataType] = {"alertAt": pl.Int64(), "alerts": pl.Float64()}
"""What is carried: number of the last alert's row (null: none), and alerts of late as of then."""


def rare(
    candidates: pl.DataFrame, memory: pl.DataFrame, *, by: Sequence[str], silence: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The candidates that are alerts, and the memory after them.

    Args:
        candidates: `by`, the number `no` of each one's row, and by how many bits it is in `excess`; rows of one key
            with rising numbers.
        memory: `by` and `MEMORY`, one row for each key.
        by: What has alerts of its own.
        silence: Rows after an alert that are part of it.
    """
    key, no, at = list(by), pl.col("no"), pl.col("alertAt")
    faded = (pl.col("alerts") * pl.lit(0.5).pow((no - at) / HALF_LIFE)).fill_null(0.0)
    heard = at.is_null() | (no - at > silence)
    counts = {"alertAt": no, "alerts": faded + 1}
    left = candidates.join(memory.select(*key, *MEMORY), on=key, maintain_order="left")
    found = [left.clear()]
    while len(left):
        first = (
            left.lazy()
            .filter(heard & (pl.col("excess") >= RISE_BITS * faded))
            .unique(key, keep="first", maintain_order=True)
            .with_columns(**counts)
            .collect(engine="in-memory")
        )
        found.append(first)
        left = (
            left.lazy()
            .drop(MEMORY)
            .join(first.lazy().select(*key, *MEMORY), on=key, maintain_order="left")
            .filter(heard)
            .collect(engine="in-memory")
        )
    alerts = pl.concat(found)
    last = alerts.unique(key, keep="last").select(*key, *MEMORY)
    return alerts.select(candidates.columns), memory.update(last, on=key, how="left")
