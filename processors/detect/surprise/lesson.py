"""What a series has learned, and what its next steps teach it: grid, counts, and when to begin anew."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from processors.detect.exact import in_order
from processors.detect.surprise.counts import GENERATION_STEPS, bits, cell_of, place_of, placed, series_of
from processors.detect.surprise.features import FEATURES, LEVEL, LOOK_BACK_STEPS, with_features
from processors.detect.surprise.grid import HALF, MIDDLE, bounds, distance
from processors.detect.surprise.running import counted

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
    MIDDLE: pl.Float64(),
    HALF: pl.Float64(),
    "recent": pl.List(pl.Struct(_RECENT)),
    "places": pl.List(pl.UInt32()),
    "met": pl.List(pl.UInt16()),
}
"""What a series carries: its steps since it began, how many of the last are on end far outside, the
range of the grid (null in the warm-up), the last steps, and its counts: `places` are tables, hours and bins, doubled
and one more for this generation than for the one before, in order and each as its distance from the one before it,
which packs to a third."""

NOTHING = {"steps": 0, "outside": 0, "recent": [], "places": [], "met": []}


@dataclass(frozen=True)
class Lesson:
    """Steps with what is known of them, and the series as of after them.

    Attributes:
        steps: Those judged, in order within a series: with their `number` since it began, features, grid, a column of
            bits for each feature, and `score`, null in the warm-up.
        carried: Counts of before (`running.COUNTS`).
        series: `series` and `LEARNED`, one row each.
        rest: Steps that are still to be judged, because their series began anew.
    """

    steps: pl.DataFrame
    carried: pl.DataFrame
    series: pl.DataFrame
    rest: pl.DataFrame


def learn(new: pl.DataFrame, series: pl.DataFrame) -> Lesson:
    """Judges steps by what their series learned before each, which they then teach.

    Args:
        new: See `steps.steps`.
        series: `series` and `LEARNED`, one row for each series of the steps.
    """
    points = with_features(_numbered(new, series)).collect(engine="in-memory")
    grids = _grids(points, series)
    fresh = _fresh(points, grids)
    ends = fresh.filter(pl.col("outside") >= REGIME_STEPS).group_by("series").agg(ends=pl.col("number").first())
    lives, rest = _lives(fresh, ends)
    judged, carried = placed(lives.lazy()).collect(engine="in-memory"), _counts(series)
    met, counts = counted(judged, carried)
    surprise = bits(met.lazy().with_columns(judged["number"])).collect(engine="in-memory")
    score = in_order(pl.col(feature.bits) for feature in FEATURES) * (1 / len(FEATURES))
    scored = judged.hstack(surprise).with_columns(pl.when(pl.col("number") >= WARM_UP_STEPS).then(score).alias(SCORE))
    following = _following(points, grids, judged, series, counts)
    return Lesson(scored, carried, _restarted(following, ends), rest.select(new.columns))


def _lives(fresh: pl.DataFrame, ends: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The steps up to the end of each life, and those after it."""
    if ends.is_empty():
        return fresh, fresh.clear()
    steps = fresh.join(ends, on="series", how="left", maintain_order="left")
    after = (pl.col("number") > pl.col("ends")).fill_null(value=False)
    return steps.filter(~after), steps.filter(after)


def _numbered(new: pl.DataFrame, series: pl.DataFrame) -> pl.LazyFrame:
    """The last steps of before and the new ones, in order within a series: `number` in it, `place` among these."""
    recent = (
        series.lazy()
        .filter(pl.col("recent").list.len() > 0)
        .select("series", "recent")
        .explode("recent")
        .unnest("recent")
        .with_columns(row=pl.lit(None, pl.UInt32))
    )
    first = series.lazy().select("series", first=pl.col("steps") - pl.col("recent").list.len())
    return (
        pl.concat([recent.select(new.columns), new.lazy()])
        .sort("series", maintain_order=True)
        .join(first, on="series", maintain_order="left")
        .with_columns(place=_place())
        .with_columns(number=pl.col("first") + pl.col("place"))
        .drop("first")
    )


def _place() -> pl.Expr:
    """Of each step among those of its series, which are together, from 0."""
    at = pl.int_range(pl.len())
    return at - pl.when(pl.col("series").ne_missing(pl.col("series").shift(1))).then(at).forward_fill()


def _grids(points: pl.DataFrame, series: pl.DataFrame) -> pl.DataFrame:
    """`series`, `MIDDLE`, `HALF` and `outside` of those that have a grid, and whether it `begins` with these steps."""
    known = series.lazy().filter(pl.col(MIDDLE).is_not_null())
    least, greatest = pl.col("min").min(), pl.col("max").max()
    begins = (
        points.lazy()
        .filter(pl.col("number") < WARM_UP_STEPS)
        .join(series.lazy().filter(pl.col(MIDDLE).is_null()), on="series", how="semi")
        .group_by("series")
        .agg(*bounds(least, greatest), pl.len())
        .filter(pl.col("len") == WARM_UP_STEPS)
    )
    columns = ["series", MIDDLE, HALF]
    return pl.concat(
        [
            known.select(*columns, "outside", begins=pl.lit(value=False)),
            begins.select(*columns, outside=pl.lit(0, pl.Int64), begins=pl.lit(value=True)),
        ]
    ).collect(engine="in-memory")


def _fresh(points: pl.DataFrame, grids: pl.DataFrame) -> pl.DataFrame:
    """The steps that a grid judges for the first time: their distances, and how many on end are far `outside`."""
    at, place = pl.int_range(pl.len()), _place()
    inside = pl.when(pl.col(LEVEL.distance).abs() <= FAR).then(at).forward_fill()
    return (
        points.lazy()
        .join(grids.lazy(), on="series", maintain_order="left")
        .filter(pl.col("row").is_not_null() | pl.col("begins"))
        .with_columns(distance(pl.col(feature.name)).alias(feature.distance) for feature in FEATURES)
        .with_columns(outside=pl.when(inside >= at - place).then(at - inside).otherwise(pl.col("outside") + place + 1))
        .collect(engine="in-memory")
    )


def _counts(series: pl.DataFrame) -> pl.DataFrame:
    """What the series carry (`running.COUNTS`)."""
    apart = pl.col("places").cast(pl.Int64)
    upto = apart.cum_sum()
    first = pl.col("series").ne_missing(pl.col("series").shift(1))
    return (
        series.lazy()
        .filter(pl.col("places").list.len() > 0)
        .select("series", "places", "met", generation=_generation())
        .explode("places", "met")
        .select("series", "generation", "met", code=upto - pl.when(first).then(upto - apart).forward_fill())
        .select(
            cell=cell_of(pl.col("series"), pl.col("code") // 2),
            generation=pl.col("generation") - 1 + pl.col("code") % 2,
            count=pl.col("met").cast(pl.Int64),
        )
        .collect(engine="in-memory")
    )


def _generation() -> pl.Expr:
    """Of the last step of a series."""
    return (pl.col("steps") - 1) // GENERATION_STEPS


def _following(
    points: pl.DataFrame, grids: pl.DataFrame, judged: pl.DataFrame, series: pl.DataFrame, counts: pl.DataFrame
) -> pl.DataFrame:
    """The series after the steps: `series` and `LEARNED`."""
    kept = pl.when(pl.col(MIDDLE).is_null()).then(WARM_UP_STEPS).otherwise(LOOK_BACK_STEPS - 1)
    now = (
        points.lazy()
        .group_by("series")
        .agg(steps=pl.col("number").last() + 1)
        .join(grids.lazy().select("series", MIDDLE, HALF), on="series", how="left")
        .join(judged.lazy().group_by("series").agg(pl.col("outside").last()), on="series", how="left")
        .with_columns(pl.col("outside").fill_null(0), first=pl.col("steps") - kept)
        .collect(engine="in-memory")
    )
    recent = (
        points.lazy()
        .join(now.lazy().select("series", "first"), on="series", maintain_order="left")
        .filter(pl.col("number") >= pl.col("first"))
        .group_by("series", maintain_order=True)
        .agg(recent=pl.struct(*_RECENT))
    )
    return (
        series.lazy()
        .select("series")
        .join(now.lazy(), on="series", maintain_order="left")
        .join(recent, on="series", maintain_order="left")
        .join(_packed(counts, now), on="series", how="left", maintain_order="left")
        .with_columns(pl.col(name).fill_null([]).cast(LEARNED[name]) for name in ("places", "met"))
        .select("series", *LEARNED)
        .collect(engine="in-memory")
    )


def _packed(counts: pl.DataFrame, series: pl.DataFrame) -> pl.LazyFrame:
    """The counts of the last generation of each series and of the one before it: `series`, `places`, `met`."""
    since = pl.col("generation") - pl.col("last") + 1
    apart = pl.col("code") - pl.when(pl.col("series") == pl.col("series").shift(1)).then(pl.col("code").shift(1))
    return (
        counts.lazy()
        .with_columns(series=series_of(pl.col("cell")))
        .join(series.lazy().select("series", last=_generation()), on="series", maintain_order="left")
        .filter(since >= 0)
        .select("series", "count", code=place_of(pl.col("cell")) * 2 + since)
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
