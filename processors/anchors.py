"""Rows remembered by value, to know a database again."""

from __future__ import annotations

import math

import polars as pl

from processors import schema
from processors.model import Anchor

_REMEMBERED = [field.source for field in (*schema.REQUIRED, *schema.MEASURES)]


def anchor_of(rows: pl.DataFrame, index: int) -> Anchor:
    """The row's id, timestamp, sensor and measures, those that it has; JSON carries them without loss."""
    row = rows.select(_REMEMBERED).row(index, named=True)
    return {
        name: value
        for name, value in row.items()
        if value is not None and (not isinstance(value, float) or math.isfinite(value))
    }


def anchors_of(rows: pl.DataFrame) -> list[Anchor]:
    """Every row, in order."""
    return [anchor_of(rows, index) for index in range(len(rows))]


def matches(one: Anchor, other: Anchor) -> bool:
    """True unless some value that both rows have differs.

    A column that only one of them has proves nothing: a change of column mapping is not another database.
    """
    return all(one[key] == other[key] for key in one.keys() & other.keys())
