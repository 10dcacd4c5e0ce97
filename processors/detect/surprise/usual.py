"""What is usual where an alert is: the feature that surprises most, and the range it had before."""

from __future__ import annotations

import polars as pl

from processors.detect.surprise import counts
from processors.detect.surprise.counts import ONE_GENERATION, TABLES, Table
from processors.detect.surprise.features import FEATURES
from processors.detect.surprise.grid import HIGH, LOW, edge_of
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
    names = [feature.name for feature in FEATURES]
    most = pl.max_horizontal(f"bits.{name}" for name in names)
    plain = [pl.when(pl.col(f"bits.{name}") >= PLAIN * most).then(pl.lit(at)) for at, name in enumerate(names)]
    told = alerts.with_columns(top=pl.coalesce(plain))
    tops = set(told["top"])
    parts = [_of(told.filter(pl.col("top") == at), name, lesson) for at, name in enumerate(names) if at in tops]
    return pl.concat(parts)


def _of(alerts: pl.DataFrame, name: str, lesson: Lesson) -> pl.DataFrame:
    overall = next(table for table in TABLES if table.feature.name == name and not table.hourly)
    hourly = next((t for t in TABLES if t.feature.name == name and t.hourly and not t.totals), None)
    ranges = _range(alerts, overall, lesson)
    context = pl.lit(CONTEXTS[name], pl.String)
    if hourly is not None:
        at_hour = _range(alerts, hourly, lesson)
        enough = at_hour["steps"] >= ENOUGH_STEPS
        ranges = ranges.select(
            pl.when(enough).then(at_hour[column]).otherwise(pl.col(column)).alias(column) for column in ranges.columns
        )
        context = pl.when(enough).then(pl.format("{}, {}", context, _hour())).otherwise(context)
    return alerts.hstack(ranges.drop("steps")).with_columns(value=name, context=context)


def _hour() -> pl.Expr:
    """The hour of the week of a step: "Mondays 9 to 10 h UTC"."""
    at = pl.from_epoch(pl.col("slot") * STEP_S)
    return pl.format("{}s {} to {} h UTC", at.dt.strftime("%A"), at.dt.hour(), at.dt.hour() + 1)


def _range(alerts: pl.DataFrame, table: Table, lesson: Lesson) -> pl.DataFrame:
    """`steps` counted in the table before each alert, and the range that they had; one row an alert."""
    cell = pl.col("cell")
    head = cell - counts.bin_in(cell)
    wanted = alerts.select("series", "number", LOW, HIGH, at=pl.int_range(pl.len()), cell=table.cell())
    wanted = wanted.select("series", "number", LOW, HIGH, "at", head=head)
    heads = pl.concat([wanted, wanted.with_columns(pl.col("head") - ONE_GENERATION)])
    own = lesson.steps.select("series", before=pl.col("number")).with_columns(
        lesson.cells[str(table.number)].alias("cell")
    )
    own = own.filter(pl.col("series").is_in(alerts["series"].unique().implode()))
    met = pl.concat(
        [
            lesson.carried.select("cell", "count", before=pl.lit(-1, pl.Int64)),
            own.select("cell", "before", count=pl.lit(1, pl.Int64)).select("cell", "count", "before"),
        ]
    ).with_columns(head=head, bin=counts.bin_in(cell))
    bins = (
        met.join(heads, on="head")
        .filter(pl.col("before") < pl.col("number"))
        .group_by("at", "bin")
        .agg(pl.col("count").sum(), pl.col(LOW).first(), pl.col(HIGH).first())
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
        wanted.select("at")
        .join(ranges, on="at", how="left", maintain_order="left")
        .select(pl.col("steps").fill_null(0), "expectedLow", "expectedHigh")
    )
