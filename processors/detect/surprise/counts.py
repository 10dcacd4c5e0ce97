"""Histograms of a series: which cells a step is in, and how rare that makes it.

A cell is a bin of one table of a series, and a table a feature on one of its grids, over all hours or by hour. Counts
are of this generation of `GENERATION_STEPS` steps and of the one before it, so what a sensor did longer ago is
forgotten, and what is carried is bounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import mul

import polars as pl

from processors.detect.surprise.features import FEATURES, HOUR, Feature
from processors.detect.surprise.grid import BINS, bin_of, on_grid

GENERATION_STEPS = 4_096
"""Two weeks of steps."""

PRIOR = 0.5
"""Steps' worth of belief that all bins are alike."""

HOURLY_PRIOR = 10.0
"""Steps' worth of belief that an hour of the week is like all hours."""

_BIN_BITS, _HOUR_BITS, _TABLE_BITS = 7, 8, 4
_HOUR_AT = _BIN_BITS
_TABLE_AT = _HOUR_AT + _HOUR_BITS

PLACES = 1 << (_TABLE_AT + _TABLE_BITS)
"""Cells of a series, those that are never met among them."""


def cell_of(series: pl.Expr, place: pl.Expr) -> pl.Expr:
    """The cell of a place, which is a table, an hour and a bin of a series; Int64."""
    return series.cast(pl.Int64) * PLACES + place


@dataclass(frozen=True)
class Table:
    """One histogram of every series.

    Attributes:
        number: Among all tables.
        feature: What is counted.
        shift: Of the grid.
        hourly: One histogram for each hour of the week.
        totals: Of all bins of an hour together.
    """

    number: int
    feature: Feature
    shift: float = 0.0
    hourly: bool = False
    totals: bool = False

    def place(self) -> pl.Expr:
        """Where in this table each step is; see `placed`."""
        inside = pl.lit(self.number << _TABLE_AT, pl.Int64)
        if self.hourly:
            inside += pl.col(HOUR).cast(pl.Int64) * (1 << _HOUR_AT)
        if not self.totals:
            inside += bin_of(pl.col(self.feature.place), self.shift)
        return inside


def _tables() -> tuple[Table, ...]:
    made: list[Table] = []
    for feature in FEATURES:
        made += [Table(len(made) + at, feature, shift) for at, shift in enumerate(feature.shifts)]
        if feature.hourly:
            made += [Table(len(made) + at, feature, shift, hourly=True) for at, shift in enumerate(feature.shifts)]
            made.append(Table(len(made), feature, hourly=True, totals=True))
    return tuple(made)


TABLES = _tables()


def series_of(cell: pl.Expr) -> pl.Expr:
    """Number of the series of a cell."""
    return (cell // PLACES).cast(pl.UInt32)


def place_of(cell: pl.Expr) -> pl.Expr:
    """Table, hour and bin of a cell."""
    return cell % PLACES


def table_of(cell: pl.Expr) -> pl.Expr:
    """Number of the table of a cell."""
    return place_of(cell) // (1 << _TABLE_AT)


def bin_in(cell: pl.Expr) -> pl.Expr:
    """Number of the bin of a cell."""
    return cell % (1 << _BIN_BITS)


def generation_of(number: pl.Expr) -> pl.Expr:
    """Number of the generation of a step, by its number in its series."""
    return number // GENERATION_STEPS


def placed(steps: pl.LazyFrame) -> pl.LazyFrame:
    """The steps with the place of each feature on the grid of their series, by its distance."""
    return steps.with_columns(on_grid(pl.col(feature.distance)).alias(feature.place) for feature in FEATURES)


def bits(met: pl.LazyFrame) -> pl.LazyFrame:
    """Surprise of each step by each feature, -log2 of the share of its bin: Float64 columns named as `Feature.bits`.

    Of several grids the mean is taken.

    Args:
        met: How often each step's cell was met before it, a column a table, named by its number; and `number`, of each
            step in its series.
    """
    number = pl.col("number")
    seen = number % GENERATION_STEPS + (number >= GENERATION_STEPS).cast(pl.Int64) * GENERATION_STEPS
    hours = (pl.col(str(table.number)) for table in TABLES if table.totals)
    return met.with_columns(
        (1.0 / (seen + PRIOR)).alias(_A_STEP), *((1.0 / (hour + HOURLY_PRIOR)).alias(_A_STEP_IN_HOUR) for hour in hours)
    ).select(_mean_bits(feature) for feature in FEATURES)


_A_STEP, _A_STEP_IN_HOUR = "!share of a step", "!share of a step in its hour"


def _mean_bits(feature: Feature) -> pl.Expr:
    own = [table for table in TABLES if table.feature is feature and not table.totals]
    shares = [(_met(table) + PRIOR / BINS) * pl.col(_A_STEP) for table in own if not table.hourly]
    if feature.hourly:
        # With few steps the shares in an hour of the week are like those of all hours.
        by_hour = (_met(table) for table in own if table.hourly)
        shares = [
            (met + HOURLY_PRIOR * share) * pl.col(_A_STEP_IN_HOUR) for met, share in zip(by_hour, shares, strict=True)
        ]
    return (-reduce(mul, shares).log(2) * (1 / len(shares))).alias(feature.bits)


def _met(table: Table) -> pl.Expr:
    return pl.col(str(table.number))
