"""Arithmetic that rounds the same whatever the length of the frame, so that no bit depends on where a call ends."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import add

import polars as pl


def in_order(terms: Iterable[pl.Expr]) -> pl.Expr:
    """The sum, added from first to last: `pl.sum_horizontal` has an order of its own, and rounds differently."""
    return reduce(add, terms)


def ratio(dividend: pl.Expr, divisor: pl.Expr | float) -> pl.Expr:
    """Dividend over divisor: Polars multiplies by the reciprocal of a single value, and divides by a column.

    A column of one row is a single value, too.
    """
    return dividend * (pl.lit(1.0) / divisor)
