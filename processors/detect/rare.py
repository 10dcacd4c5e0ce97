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
    left = candidates.join(memory.select(*key, *MEMORY), on=key, maintain_order="left")
    found = [candidates.clear()]
    while len(left):
        waiting = left.filter(at.is_null() | (no - at > silence))
        first = (
            waiting.lazy()
            .with_columns(faded.alias("alerts"))
            .filter(pl.col("excess") >= RISE_BITS * pl.col("alerts"))
            .group_by(key, maintain_order=True)
            .first()
            .collect(engine="in-memory")
        )
        found.append(first.select(candidates.columns))
        now = first.select(*key, alertAt="no", alerts=pl.col("alerts") + 1)
        left = waiting.drop(MEMORY).join(now, on=key, maintain_order="left")
        memory = memory.update(now, on=key, how="left")
    return pl.concat(found), memory
