"""How often each bin was met before: the histograms of all series in one sparse frame.

Counts are of this generation of `GENERATION_STEPS` steps and of the one before it, so what a sensor did longer ago is
forgotten, and what is carried is bounded. A cell is a series, a generation, a table (a feature on one of its grids,
over all hours or by hour) and a bin, in one integer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from processors.detect.exact import in_order, ratio
from processors.detect.surprise.features import FEATURES, HOUR, Feature
from processors.detect.surprise.grid import BINS, bin_of, on_grid

GENERATION_STEPS = 4_096
"""Two weeks of steps."""

CELLS: dict[str, pl.DataType] = {"cell": pl.Int64(), "count": pl.Int64()}
"""Columns of counts."""

PRIOR = 0.5
"""Steps' worth of belief that all bins are alike."""

HOURLY_PRIOR = 10.0
"""Steps' worth of belief that an hour of the week is like all hours."""

_BIN_BITS, _HOUR_BITS, _TABLE_BITS, _GENERATION_BITS = 7, 8, 4, 20
_HOUR_AT = _BIN_BITS
_TABLE_AT = _HOUR_AT + _HOUR_BITS
_GENERATION_AT = _TABLE_AT + _TABLE_BITS
_SERIES_AT = _GENERATION_AT + _GENERATION_BITS

ONE_GENERATION = 1 << _GENERATION_AT


def whole(series: pl.Expr, generation: pl.Expr, place: pl.Expr) -> pl.Expr:
    """The cell of a place, which is a table, an hour and a bin, in a generation of a series; Int64."""
    return series.cast(pl.Int64) * (1 << _SERIES_AT) + generation * ONE_GENERATION + place


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

    def cell(self) -> pl.Expr:
        """The cell of each step in this table; steps have the column `on_grid` of the feature (`placed`)."""
        hour = pl.col(HOUR).cast(pl.Int64) * (1 << _HOUR_AT) if self.hourly else pl.lit(0, pl.Int64)
        place = pl.lit(0, pl.Int64) if self.totals else bin_of(pl.col(_on_grid(self.feature)), self.shift)
        inside = self.number * (1 << _TABLE_AT) + hour + place
        return whole(pl.col("series"), pl.col("number") // GENERATION_STEPS, inside)


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
    return cell // (1 << _SERIES_AT)


def generation_of(cell: pl.Expr) -> pl.Expr:
    """Number of the generation of a cell."""
    return cell // ONE_GENERATION % (1 << _GENERATION_BITS)


def place_of(cell: pl.Expr) -> pl.Expr:
    """Table, hour and bin of a cell: what is carried beside its generation."""
    return cell % ONE_GENERATION


def bin_in(cell: pl.Expr) -> pl.Expr:
    """Number of the bin of a cell."""
    return cell % (1 << _BIN_BITS)


def _on_grid(feature: Feature) -> str:
    return f"grid.{feature.name}"


def placed(points: pl.DataFrame) -> pl.DataFrame:
    """The steps with the place of each feature on the grid of their series."""
    return points.with_columns(on_grid(pl.col(feature.name)).alias(_on_grid(feature)) for feature in FEATURES)


def cells_of(points: pl.DataFrame) -> pl.DataFrame:
    """The cell of each step in each table, one column a table, named by its number; see `placed`."""
    return points.select(table.cell().alias(str(table.number)) for table in TABLES)


def counted(cells: pl.DataFrame, carried: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """How often each step's cells were met before it, and all counts as of now.

    Args:
        cells: Of `cells_of`, steps in order.
        carried: Counts of before (`CELLS`).

    Returns:
        Int64 columns like `cells`; `CELLS`.
    """
    long = pl.concat([cells.select(cell=name) for name in cells.columns])
    own = long.with_row_index("at").group_by("cell").agg("at")
    counts = own.select("cell", count=pl.col("at").list.len().cast(pl.Int64))
    totals = pl.concat([carried, counts]).group_by("cell").sum()
    before = (
        own.join(carried, on="cell", how="left", maintain_order="left")
        .join(
            totals.select(pl.col("cell") + ONE_GENERATION, earlier="count"),
            on="cell",
            how="left",
            maintain_order="left",
        )
        .select(
            "at",
            before=pl.col("count").fill_null(0)
            + pl.col("earlier").fill_null(0)
            - (pl.col("at").list.len().cast(pl.Int64).cum_sum() - pl.col("at").list.len()),
        )
        .explode("at")
        .select("at", met=pl.col("before") + pl.int_range(pl.len()))
    )
    met = pl.zeros(len(long), pl.Int64, eager=True).scatter(before["at"], before["met"])
    rows = len(cells)
    return pl.DataFrame({name: met.slice(at * rows, rows) for at, name in enumerate(cells.columns)}), totals


def bits(met: pl.DataFrame, number: pl.Series) -> pl.DataFrame:
    """Surprise of each step by each feature, -log2 of the share of its bin: Float64 columns named as the features.

    Of several grids the mean is taken.

    Args:
        met: See `counted`.
        number: Of each step in its series, from 0.
    """
    seen = pl.lit(number % GENERATION_STEPS + (number >= GENERATION_STEPS).cast(pl.Int64) * GENERATION_STEPS)
    return met.select(_mean_bits(feature, seen).alias(feature.name) for feature in FEATURES)


def _mean_bits(feature: Feature, seen: pl.Expr) -> pl.Expr:
    own = [table for table in TABLES if table.feature is feature]
    shares = [ratio(pl.col(str(t.number)) + PRIOR / BINS, seen + PRIOR) for t in own if not t.hourly]
    if feature.hourly:
        by_hour = [pl.col(str(table.number)) for table in own if table.hourly and not table.totals]
        (in_hour,) = (pl.col(str(table.number)) for table in own if table.totals)
        shares = _shrunk(by_hour, in_hour, shares)
    return ratio(in_order(-share.log(2) for share in shares), len(shares))


def _shrunk(by_hour: Sequence[pl.Expr], in_hour: pl.Expr, overall: Sequence[pl.Expr]) -> list[pl.Expr]:
    """Shares in the hour of the week, which with few steps are like those of all hours."""
    return [
        ratio(met + HOURLY_PRIOR * share, in_hour + HOURLY_PRIOR) for met, share in zip(by_hour, overall, strict=True)
    ]
