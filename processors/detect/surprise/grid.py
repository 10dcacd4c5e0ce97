"""Values to bins, on a grid that the warm-up fixes; and bins to values.

Within the range of the warm-up the grid is even; outside, distances are compressed by the inverse hyperbolic sine, so
that far is told from very far with few bins, and all beyond the last bin is in it.
"""

from __future__ import annotations

import polars as pl

from processors.detect.exact import ratio

BINS = 30
"""Of the warm-up's range."""

TAIL = 0.5
"""Half ranges beyond the warm-up's within which distances are about even."""

REACH = 4.0
"""Half ranges to the last bin, compressed: about 100 of them uncompressed."""

SMALLEST_RANGE = 1e-3
"""Of a flat sensor: this part of its level, so that its next digit is not far away."""

LEAST_RANGE = 1e-9
"""Of one that is flat at 0."""

MIDDLE, HALF = "middle", "half"
"""Of the grid's range, and half of that, in the unit of the measure."""

WIDTH = BINS / 2


def bounds(least: pl.Expr, greatest: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """The range of the grid for what the warm-up measured: its middle, and half of it."""
    middle = (least + greatest) / 2
    half = pl.max_horizontal((greatest - least) / 2, middle.abs() * SMALLEST_RANGE / 2, pl.lit(LEAST_RANGE / 2))
    return middle.alias(MIDDLE), half.alias(HALF)


def distance(value: pl.Expr) -> pl.Expr:
    """From the middle of the grid, in halves of its range."""
    return ratio(value - pl.col(MIDDLE), pl.col(HALF))


def on_grid(distance: pl.Expr) -> pl.Expr:
    """Bins from the beginning of the grid, a Float64; all beyond `REACH` is at its ends."""
    beyond = ((distance.abs() - 1) / TAIL).arcsinh() * TAIL + 1
    compressed = pl.when(distance.abs() <= 1).then(distance).otherwise(distance.sign() * beyond)
    return (compressed.clip(-REACH, REACH) + REACH) * WIDTH


def bin_of(place: pl.Expr, shift: float) -> pl.Expr:
    """Number of the bin, from 0, of a place of `on_grid`, on the grid shifted by so many bins (0 to 1); Int64."""
    return (place + shift).cast(pl.Int64)


def edge_of(number: pl.Expr, shift: float) -> pl.Expr:
    """Least value of a bin; see `bin_of`."""
    compressed = (number - shift) / WIDTH - REACH
    beyond = ((compressed.abs() - 1) / TAIL).sinh() * TAIL + 1
    distance = pl.when(compressed.abs() <= 1).then(compressed).otherwise(compressed.sign() * beyond)
    return pl.col(MIDDLE) + distance * pl.col(HALF)
