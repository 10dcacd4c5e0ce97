"""How far each sensor's time has surely come, so that a window can leave."""

from __future__ import annotations

import polars as pl

from processors.schema import OBSERVED_AT, SENSOR_ID, TIMESTAMP_TYPE

WATERMARK = "watermark"

WITNESSES = 3
"""The watermark is the time that this many readings have reached: one in the far future closes nothing.

It depends on the set of readings alone, not on their order or batches, and never goes back.
"""


def witness(rows: pl.DataFrame, state: pl.DataFrame | None) -> pl.DataFrame:
    """The latest `WITNESSES` times of each sensor (`sensorId`, `observedAt`), with these rows seen.

    Args:
        rows: Conformed rows.
        state: What the call before returned; None at the start of a generation.
    """
    times = rows.select(SENSOR_ID, OBSERVED_AT)
    seen = times if state is None else pl.concat([state, times])
    return seen.group_by(SENSOR_ID, maintain_order=True).agg(pl.col(OBSERVED_AT).top_k(WITNESSES)).explode(OBSERVED_AT)


def watermarks(state: pl.DataFrame | None) -> pl.DataFrame:
    """`sensorId` and `watermark`, for the sensors that have one."""
    if state is None:
        state = pl.DataFrame(schema={SENSOR_ID: pl.String, OBSERVED_AT: TIMESTAMP_TYPE})
    return (
        state.group_by(SENSOR_ID, maintain_order=True)
        .agg(pl.len(), pl.col(OBSERVED_AT).min().alias(WATERMARK))
        .filter(pl.col("len") == WITNESSES)
        .select(SENSOR_ID, WATERMARK)
    )
