"""What a series has learned, and what its next steps teach it: grid, counts, and when to begin anew."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from processors.detect.exact import in_order, ratio
from processors.detect.surprise import counts
from processors.detect.surprise.counts import GENERATION_STEPS
from processors.detect.surprise.features import FEATURES, LOOK_BACK_STEPS, with_features
from processors.detect.surprise.grid import HIGH, LOW, bounds, half_ranges

WARM_UP_STEPS = 100
"""The first steps of a series: they fix the grid and are counted, but say nothing."""

REGIME_STEPS = 1_000
"""Steps on end far outside the grid after which the series is another one (a new unit, a new place) and begins anew."""

FAR = 2.0
"""Half ranges of the grid from its middle."""

SCORE = "score"

_RECENT: dict[str, pl.DataType] = {"slot": pl.Int64(), "mean": pl.Float64(), "min": pl.Float64(), "max": pl.Float64()}

LEARNED: dict[str, pl.DataType] = {
    "steps": pl.Int64(),
    "outside": pl.Int64(),
    LOW: pl.Float64(),
    HIGH: pl.Float64(),
    "recent": pl.List(pl.Struct(_RECENT)),
    "places": pl.List(pl.UInt32()),
    "met": pl.List(pl.UInt16()),
}
"""What a series carries: its steps since it began, how many of the last are on end far outside, the
range of the grid (null in the warm-up), the last steps, and its counts: `places` are tables, hours and bins of the
generation before and, `ONE_GENERATION` higher, of this one, in order and each as its distance from the one before it,
which packs to a third."""

NOTHING = {"steps": 0, "outside": 0, "recent": [], "places": [], "met": []}


@dataclass(frozen=True)
class Lesson:
    """Steps with what is known of them, and the series as of after them.

    Attributes:
        steps: Those judged, in order within a series: with their `number` since it began, features, grid, a column
            `bits.<feature>` for each feature, and `score`, null in the warm-up.
        cells: Of the steps (`counts.cells_of`).
        carried: Counts of before (`counts.CELLS`).
        series: `series` and `LEARNED`, one row each.
        rest: Steps that are still to be judged, because their series began anew.
    """

    steps: pl.DataFrame
    cells: pl.DataFrame
    carried: pl.DataFrame
    series: pl.DataFrame
    rest: pl.DataFrame


def learn(new: pl.DataFrame, series: pl.DataFrame) -> Lesson:
    """Judges steps by what their series learned before each, which they then teach.

    Args:
        new: See `steps.steps`.
        series: `series` and `LEARNED`, one row for each series.
    """
    points = with_features(_numbered(new, series))
    ready = _with_grid(points, series)
    fresh = ready.filter(pl.col(LOW).is_not_null() & (pl.col("row").is_not_null() | pl.col("begins")))
    runs = _outside(fresh, series)
    ends = runs.filter(pl.col("outside") >= REGIME_STEPS).group_by("series").agg(ends=pl.col("number").first())
    runs = runs.join(ends, on="series", how="left", maintain_order="left")
    judged = counts.placed(runs.filter(pl.col("ends").is_null() | (pl.col("number") <= pl.col("ends"))))
    rest = runs.filter(pl.col("number") > pl.col("ends")).select(new.columns)
    cells, carried = counts.cells_of(judged), _cells(series)
    met, totals = counts.counted(cells, carried)
    surprise = counts.bits(met, judged["number"])
    score = surprise.select(ratio(in_order(map(pl.col, surprise.columns)), len(FEATURES))).to_series()
    scored = judged.hstack(surprise.rename(lambda name: f"bits.{name}")).with_columns(
        pl.when(pl.col("number") >= WARM_UP_STEPS).then(score).alias(SCORE)
    )
    following = _following(points, ready, judged, series, totals)
    return Lesson(scored, cells, carried, _restarted(following, ends), rest)


def _numbered(new: pl.DataFrame, series: pl.DataFrame) -> pl.DataFrame:
    """The last steps of before and the new ones, in order within a series: `number` in it, `place` among these."""
    recent = (
        series.filter(pl.col("recent").list.len() > 0)
        .select("series", "recent")
        .explode("recent")
        .unnest("recent")
        .with_columns(row=pl.lit(None, pl.UInt32))
    )
    first = series.select("series", first=pl.col("steps") - pl.col("recent").list.len())
    return (
        pl.concat([recent.select(new.columns), new])
        .sort("series", maintain_order=True)
        .join(first, on="series", maintain_order="left")
        .with_columns(place=pl.int_range(pl.len()).over("series"))
        .with_columns(number=pl.col("first") + pl.col("place"))
        .drop("first")
    )


def _with_grid(points: pl.DataFrame, series: pl.DataFrame) -> pl.DataFrame:
    """The steps with the range of their grid, null in a warm-up that goes on, and whether it `begins` here."""
    warm = points.filter(pl.col("number") < WARM_UP_STEPS)
    least, greatest = bounds(pl.col("min").min(), pl.col("max").max())
    ready = warm.group_by("series").agg(least, greatest, pl.len()).filter(pl.col("len") == WARM_UP_STEPS)
    begins = series.filter(pl.col(LOW).is_null()).select("series").join(ready, on="series")
    known = series.filter(pl.col(LOW).is_not_null()).select("series", LOW, HIGH, begins=pl.lit(value=False))
    grids = pl.concat([known, begins.select("series", LOW, HIGH, begins=pl.lit(value=True))])
    return points.join(grids, on="series", how="left", maintain_order="left")


def _outside(fresh: pl.DataFrame, series: pl.DataFrame) -> pl.DataFrame:
    """The steps with how many up to each are on end far `outside` the grid."""
    place = pl.int_range(pl.len()).over("series")
    inside = pl.when(half_ranges(pl.col("level")).abs() <= FAR).then(place).forward_fill().over("series")
    carried = series.select("series", "outside")
    return fresh.join(carried, on="series", maintain_order="left").with_columns(
        outside=pl.when(inside.is_null()).then(pl.col("outside") + place + 1).otherwise(place - inside)
    )


def _cells(series: pl.DataFrame) -> pl.DataFrame:
    """The counts that series carry (`counts.CELLS`)."""
    code = pl.col("places").cast(pl.Int64).cum_sum().over("series")
    generation = (pl.col("steps") - 1) // GENERATION_STEPS - 1 + counts.generation_of(code)
    return (
        series.filter(pl.col("places").list.len() > 0)
        .select("series", "places", "met", "steps")
        .explode("places", "met")
        .select(
            cell=counts.whole(pl.col("series"), generation, counts.place_of(code)), count=pl.col("met").cast(pl.Int64)
        )
    )


def _following(
    points: pl.DataFrame, ready: pl.DataFrame, judged: pl.DataFrame, series: pl.DataFrame, totals: pl.DataFrame
) -> pl.DataFrame:
    """The series after the steps: `series` and `LEARNED`."""
    grids = ready.group_by("series").agg(pl.col(LOW).first(), pl.col(HIGH).first())
    last = judged.group_by("series").agg(pl.col("outside").last())
    kept = pl.when(pl.col(LOW).is_null()).then(WARM_UP_STEPS).otherwise(LOOK_BACK_STEPS - 1)
    recent = (
        ready.filter(pl.int_range(pl.len()).reverse().over("series") < kept)
        .group_by("series", maintain_order=True)
        .agg(recent=pl.struct(*_RECENT))
    )
    steps = points.group_by("series").agg(steps=pl.col("number").last() + 1)
    following = series.select("series", *LEARNED)
    for part in (grids, last, recent, steps):
        following = following.update(part, on="series", how="left")
    return (
        following.drop("places", "met")
        .join(_packed(totals, following), on="series", how="left", maintain_order="left")
        .with_columns(
            pl.col("places").fill_null([]).cast(LEARNED["places"]), pl.col("met").fill_null([]).cast(LEARNED["met"])
        )
        .select("series", *LEARNED)
    )


def _packed(totals: pl.DataFrame, series: pl.DataFrame) -> pl.DataFrame:
    """The counts of the last generation of each series and of the one before it: `series`, `places`, `met`."""
    cell = pl.col("cell")
    generation = (pl.col("steps") - 1) // GENERATION_STEPS
    since = counts.generation_of(cell) - pl.col("generation") + 1
    code = since * counts.ONE_GENERATION + counts.place_of(cell)
    apart = pl.col("code") - pl.when(pl.col("series") == pl.col("series").shift(1)).then(pl.col("code").shift(1))
    return (
        totals.with_columns(series=counts.series_of(cell).cast(pl.UInt32))
        .join(series.select("series", generation=generation), on="series")
        .filter(since >= 0)
        .sort("cell")
        .select("series", "count", code=code)
        .select("series", places=pl.coalesce(apart, "code").cast(pl.UInt32), met=pl.col("count").cast(pl.UInt16))
        .group_by("series", maintain_order=True)
        .agg("places", "met")
    )


def _restarted(following: pl.DataFrame, ends: pl.DataFrame) -> pl.DataFrame:
    """The series, those whose lives end with nothing learned; `ends` has the number of the last step of each life."""
    if ends.is_empty():
        return following
    blank = {name: pl.lit(NOTHING.get(name), dtype) for name, dtype in LEARNED.items()}
    return (
        following.join(ends, on="series", how="left", maintain_order="left")
        .with_columns(
            pl.when(pl.col("ends").is_not_null()).then(value).otherwise(name).alias(name)
            for name, value in blank.items()
        )
        .drop("ends")
    )
