"""Text without the accidents of how it was written."""

from __future__ import annotations

import polars as pl

from processors.schema import DESCRIPTIONS


def clean(rows: pl.DataFrame) -> pl.DataFrame:
    """The same rows; descriptions lose white space around them, and an empty one is null.

    The sensor's id stays as it is: it is identity, and two spellings are two sensors.
    """
    return rows.with_columns(
        pl.col(field.name).str.strip_chars().replace("", None) for field in DESCRIPTIONS if field.kind == "text"
    )
