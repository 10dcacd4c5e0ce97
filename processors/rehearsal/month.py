"""A month at the present rate, from what a sample of the latest rows came to.

    windows, anomalies  =  documents of the sample * rows a month / rows of the sample
    readings            =  likewise, by the rows of the sample that have left
    descriptions        =  one for each of the sample and month, written again each day
    shown               =  one document for each sensor and each time that what waits is shown, and not more than rows

Where less than half of the sample has left, as with large buckets and many sensors, what waits is taken for what
leaves, as it is at the end of the sample: in buckets that are not full.

What waits is shown in the sizes that it has at the end of the sample, and all but the first time in its own place; so
is what leaves in the end. Findings of sensors that are compared with each other are not in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from processors.charges import INSERT, REPLACE
from processors.containers import RUNS
from processors.document import DESCRIPTION
from processors.rehearsal import Tried
from processors.rehearsal.counting import WRITES, Counted

MONTH_S = 730 * 3_600
MONTH_DAYS = MONTH_S / 86_400

_SAME = ["container", "operation", "shape", "size"]


@dataclass(frozen=True)
class Month:
    """What a month brings.

    Attributes:
        writes: Of `counting.WRITES`; documents need not be whole.
        kept_bytes: Container -> bytes of its documents, each once.
    """

    writes: pl.DataFrame
    kept_bytes: Mapping[str, float]


def month(
    tried: Tried, rows_a_second: float, *, readings: str, pass_s: float, hold_s: float, report_bytes: int
) -> Month | None:
    """A month of a form; None where it is not known how fast rows come, or what they come to.

    Args:
        tried: What the form came to.
        rows_a_second: Of the city; 0 where that is not known.
        readings: Name of the container of readings.
        pass_s: Seconds from one pass to the next.
        hold_s: Seconds for which readings may wait to be shown: they are by the last pass within that (`rounds.Hold`).
        report_bytes: Of the document in which each pass reports.
    """
    rows = rows_a_second * MONTH_S
    if not rows or not tried.taken_rows:
        return None
    factor, passes = rows / tried.taken_rows, MONTH_S / pass_s
    leaves, of_readings = _leaving(tried, rows)
    full = _times(_readings(leaves, readings), of_readings)
    shown = _without(_readings(tried.shown, readings), _readings(tried.counted, readings))
    if waiting := float(shown["documents"].sum()):
        shows = min(rows, waiting * MONTH_S / (pass_s * max(1, hold_s // pass_s)))
        full = _with_shows(full, _times(shown, shows / waiting))
    said = _said(tried.shown, readings)
    others = _times(tried.counted.writes.filter(pl.col("container") != readings), factor)
    reports = pl.DataFrame([(RUNS, INSERT, "", report_bytes, passes)], schema=WRITES, orient="row")
    kept = {name: size * factor for name, size in tried.counted.kept_bytes.items() if name != readings}
    described = _inserted_bytes(_descriptions(leaves, readings))
    of_rows = (leaves.kept_bytes.get(readings, 0) - described) * of_readings
    return Month(
        pl.concat([full, said, others, reports]),
        {**kept, readings: of_rows + _inserted_bytes(said), RUNS: passes * report_bytes},
    )


def _leaving(tried: Tried, rows: float) -> tuple[Counted, float]:
    """What readings leave as, and how often a month has it."""
    if 2 * tried.rows >= tried.taken_rows:
        return tried.counted, rows / tried.rows
    return tried.shown, rows / tried.taken_rows


def _readings(counted: Counted, readings: str) -> pl.DataFrame:
    """Documents of readings alone, of `counting.WRITES`."""
    return counted.writes.filter(pl.col("container") == readings, pl.col("shape") != DESCRIPTION)


def _descriptions(counted: Counted, readings: str) -> pl.DataFrame:
    """Descriptions of sensors alone, likewise."""
    return counted.writes.filter(pl.col("container") == readings, pl.col("shape") == DESCRIPTION)


def _said(counted: Counted, readings: str) -> pl.DataFrame:
    """Descriptions of a month: each is written again on each day (`pipeline.readings`)."""
    months = {key[-1] for container, key in counted.partitions if container == readings}
    new = _times(_descriptions(counted, readings).filter(pl.col("operation") == INSERT), 1 / max(1, len(months)))
    again = new.with_columns(pl.lit(REPLACE).alias("operation"))
    return pl.concat([new, _times(again, MONTH_DAYS - 1)])


def _inserted_bytes(writes: pl.DataFrame) -> float:
    return float(writes.filter(pl.col("operation") == INSERT).select(pl.col("size") * pl.col("documents")).sum().item())


def _times(writes: pl.DataFrame, factor: float) -> pl.DataFrame:
    return writes.with_columns(pl.col("documents") * factor)


def _without(writes: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """The writes that are not among the others, which all are among them."""
    less = others.rename({"documents": "less"})
    left = pl.col("documents") - pl.col("less").fill_null(0.0)
    both = writes.join(less, on=_SAME, how="left", maintain_order="left").with_columns(left.alias("documents"))
    return both.filter(pl.col("documents") > 0).select(WRITES.names())


def _with_shows(full: pl.DataFrame, shown: pl.DataFrame) -> pl.DataFrame:
    """Documents of readings with what is shown before it leaves, and what leaves in its place."""
    count, shows = float(full["documents"].sum()), float(shown["documents"].sum())
    first = min(shows, count)
    parts = [*_split(shown, 1 - first / shows)]
    if count:
        parts += _split(full, first / count)
    whole_month: pl.DataFrame = pl.concat(parts)
    return whole_month.filter(pl.col("documents") > 0)


def _split(writes: pl.DataFrame, replaced: float) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What is inserted of the documents, and the share of them that takes another's place."""
    return (
        writes.with_columns(pl.lit(INSERT).alias("operation"), pl.col("documents") * (1 - replaced)),
        writes.with_columns(pl.lit(REPLACE).alias("operation"), pl.col("documents") * replaced),
    )
