"""Flags a reading that repeats an earlier one: the same sensor, time and measures under another row id."""

from __future__ import annotations

import polars as pl

from processors.schema import IS_DUPLICATE, MEASURES, OBSERVED_AT, SENSOR_ID

LOOK_BACK_ROWS = 64
"""A repeat is noticed within this many rows of the sensor: a retried write is close, and the state stays small."""

_CONTENT = [SENSOR_ID, OBSERVED_AT, *(field.name for field in MEASURES)]
_ORDINAL = "ordinal"


def flag_duplicates(rows: pl.DataFrame, state: pl.DataFrame | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows with `isDuplicate`, and the state for the rows that follow.

    Exact under any split of the same rows into calls: a row looks at the last `LOOK_BACK_ROWS` rows of its
    sensor before it, whichever call brought them.

    Args:
        rows: Conformed rows in id order.
        state: What the call before returned, None at the start of a generation.
    """
    content = rows.select(_CONTENT)
    seen = content if state is None else pl.concat([state, content])
    seen = seen.with_columns(pl.int_range(pl.len()).over(SENSOR_ID).alias(_ORDINAL))
    age = pl.col(_ORDINAL) - pl.col(_ORDINAL).shift(1).over(_CONTENT)
    repeats = seen.select((age <= LOOK_BACK_ROWS).fill_null(value=False)).to_series().tail(len(rows))
    return (
        rows.with_columns(repeats.alias(IS_DUPLICATE)),
        seen.drop(_ORDINAL).group_by(SENSOR_ID, maintain_order=True).tail(LOOK_BACK_ROWS).select(_CONTENT),
    )
