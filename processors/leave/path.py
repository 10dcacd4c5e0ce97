"""Rows that lead to rows: which are come by, from the first on, without a step for each."""

from __future__ import annotations

import polars as pl


def path(following: pl.Series) -> pl.Series:
    """Rows that are come by from row 0 on, in order.

    The first rows of it, and where each leads after as many steps, are twice as many first rows.

    Args:
        following: Where each row leads: to a later one, or to their number, which ends it. Int64.
    """
    rows = len(following)
    jump = following.extend_constant(rows, 1)
    found = pl.Series([0] if rows else [], dtype=pl.Int64)
    while True:
        beyond = jump.gather(found)
        beyond = beyond.filter(beyond < rows)
        if beyond.is_empty():
            return found
        found, jump = pl.concat([found, beyond]), jump.gather(jump)


def landing(following: pl.Series) -> pl.Series:
    """Where each row leads in the end: to a row of which nothing is known, itself perhaps, or to their number.

    Args:
        following: As for `path`; null where nothing is known.
    """
    rows = len(following)
    jump = following.fill_null(pl.Series(range(rows), dtype=pl.Int64) if rows else 0).extend_constant(rows, 1)
    while True:
        further = jump.gather(jump)
        if further.equals(jump):
            return jump
        jump = further
