"""What is usual where an alert is: the feature that surprises most, and the range it had before."""

from __future__ import annotations

import polars as pl

from processors.detect.surprise.counts import TABLES, Table, bin_in, cell_of, generation_of
from processors.detect.surprise.features import FEATURES, Feature
from processors.detect.surprise.grid import HALF, MIDDLE, edge_of
from processors.detect.surprise.lesson import Lesson
from processors.detect.surprise.steps import STEP_S

ODD_PARTS = 40
"""The usual range has all but one in so many of the steps, on each side."""

ENOUGH_STEPS = 20
"""Steps in an hour of the week from which on its own range is told."""

PLAIN = 0.75
"""Of the most surprising feature's bits: the first feature with so many is told, because a value says more to people
than a mean of ten."""

CONTEXTS = {"mean": None, "least": "least of ten steps", "greatest": "most of ten steps", "level": "mean of ten steps"}
"""Feature -> what of the measure it is, null for its value."""


def usual(alerts: pl.DataFrame, lesson: Lesson) -> pl.DataFrame:
    """The alerts with `value`, `expectedLow`, `expectedHigh` and `context` of a feature that surprises most.

    Args:
        alerts: Some of the lesson's steps, one at least.
        lesson: Its steps and counts tell what came before each alert.
    """
    most = pl.max_horizontal(feature.bits for feature in FEATURES)
    plain = [pl.when(pl.col(feature.bits) >= PLAIN * most).then(pl.lit(at)) for at, feature in enumerate(FEATURES)]
    told = alerts.with_columns(top=pl.coalesce(plain))
    parts = told.partition_by("top", as_dict=True, maintain_order=True)
    return pl.concat([_of(part, FEATURES[at], lesson) for (at,), part in sorted(parts.items())])


def _of(alerts: pl.DataFrame, feature: Feature, lesson: Lesson) -> pl.DataFrame:
    own = [table for table in TABLES if table.feature is feature and not table.totals]
    overall = next(table for table in own if not table.hourly)
    hourly = next((table for table in own if table.hourly), None)
    ranges = _range(alerts, overall, lesson)
    context = pl.lit(CONTEXTS[feature.name], pl.String)
    if hourly is not None:
        at_hour = _range(alerts, hourly, lesson)
        enough = at_hour["steps"] >= ENOUGH_STEPS
        ranges = ranges.select(
            pl.when(enough).then(at_hour[column]).otherwise(pl.col(column)).alias(column) for column in ranges.columns
        )
        context = pl.when(enough).then(pl.format("{}, {}", context, _hour())).otherwise(context)
    return alerts.hstack(ranges.drop("steps")).with_columns(value=feature.name, context=context)


def _hour() -> pl.Expr:
    """The hour of the week of a step: "Mondays 9 to 10 h UTC"."""
    at = pl.from_epoch(pl.col("slot") * STEP_S)
    return pl.format("{}s {} to {} h UTC", at.dt.strftime("%A"), at.dt.hour(), at.dt.hour() + 1)


def _range(alerts: pl.DataFrame, table: Table, lesson: Lesson) -> pl.DataFrame:
    """`steps` counted in the table before each alert, and the range that they had; one row an alert."""
    number = pl.col("number")
    cell = cell_of(pl.col("series"), table.place())
    wanted = alerts.select(
        number, MIDDLE, HALF, head=cell - bin_in(cell), generation=generation_of(number), at=pl.int_range(pl.len())
    )
    heads = pl.concat([wanted, wanted.with_columns(pl.col("generation") - 1)])
    own = lesson.steps.lazy().filter(pl.col("series").is_in(alerts["series"].unique().implode()))
    counts = [
        lesson.carried.lazy().with_columns(before=pl.lit(-1, pl.Int64)),
        own.select(cell=cell, generation=generation_of(number), count=pl.lit(1, pl.Int64), before=number),
    ]
    cell = pl.col("cell")
    bins = (
        pl.concat(counts)
        .select("generation", "count", "before", head=cell - bin_in(cell), bin=bin_in(cell))
        .filter(pl.col("head").is_in(heads["head"].unique().implode()))
        .join(heads.lazy(), on=["head", "generation"])
        .filter(pl.col("before") < number)
        .group_by("at", "bin")
        .agg(pl.col("count").sum(), pl.col(MIDDLE).first(), pl.col(HALF).first())
        .sort("at", "bin")
    )
    edges = bins.with_columns(
        upto=pl.col("count").cum_sum().over("at") * ODD_PARTS, all=pl.col("count").sum().over("at")
    ).with_columns(lower=edge_of(pl.col("bin"), table.shift), upper=edge_of(pl.col("bin") + 1, table.shift))
    ranges = edges.group_by("at").agg(
        steps=pl.col("count").sum(),
        expectedLow=pl.col("lower").filter(pl.col("upto") > pl.col("all")).first(),
        expectedHigh=pl.col("upper").filter(pl.col("upto") >= pl.col("all") * (ODD_PARTS - 1)).first(),
    )
    return (
        wanted.lazy()
        .select("at")
        .join(ranges, on="at", how="left", maintain_order="left")
        .select(pl.col("steps").fill_null(0), "expectedLow", "expectedHigh")
        .collect(engine="in-memory")
    )
