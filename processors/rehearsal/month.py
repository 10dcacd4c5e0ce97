"""A month at the present rate, from what a sample of the latest rows came to.

    documents a month  =  documents of the sample * rows a month / rows of the sample that have left
    shown              =  one document for each sensor and each time that what waits is shown, and not more than rows

What waits is shown in the sizes that it has at the end of the sample, and all but the first time in its own place; so
is what leaves in the end. Findings of sensors that are compared with each other are not in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from processors.charges import INSERT, REPLACE
from processors.containers import RUNS
from processors.rehearsal import Tried
from processors.rehearsal.counting import WRITES

MONTH_S = 730 * 3_600


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
) -> Month:
    """A month of a form.

    Args:
        tried: What the form came to.
        rows_a_second: Of the city.
        readings: Name of the container of readings.
        pass_s: Seconds from one pass to the next.
        hold_s: Seconds for which readings may wait to be shown.
        report_bytes: Of the document in which each pass reports.
    """
    rows = rows_a_second * MONTH_S
    factor = rows / tried.rows if tried.rows else 0.0
    writes = tried.counted.writes.with_columns(pl.col("documents") * factor)
    kept = {name: size * factor for name, size in tried.counted.kept_bytes.items()}
    shown = _shown(tried, readings)
    waiting = float(shown["documents"].sum())
    if waiting and factor:
        shows = min(rows, waiting * MONTH_S / max(hold_s, pass_s))
        writes = _with_shows(writes, readings, shown.with_columns(pl.col("documents") / waiting * shows))
    passes = MONTH_S / pass_s
    if rows:
        own = pl.DataFrame([(RUNS, INSERT, report_bytes, passes)], schema=WRITES, orient="row")
        writes = pl.concat([writes, own])
        kept[RUNS] = passes * report_bytes
    return Month(writes, kept)


def _shown(tried: Tried, readings: str) -> pl.DataFrame:
    """Documents of what waits, of `counting.WRITES`."""
    keys = ["container", "operation", "size"]
    left = tried.counted.writes.rename({"documents": "left"})
    more = pl.col("documents") - pl.col("left").fill_null(0.0)
    both = tried.shown.writes.join(left, on=keys, how="left").with_columns(more.alias("documents"))
    return both.filter(pl.col("container") == readings, pl.col("documents") > 0).select(WRITES.names())


def _with_shows(writes: pl.DataFrame, readings: str, shown: pl.DataFrame) -> pl.DataFrame:
    """The writes with what is shown before it leaves, and what leaves in its place."""
    whole = (pl.col("container") == readings) & (pl.col("operation") == INSERT)
    full = writes.filter(whole)
    count, shows = float(full["documents"].sum()), float(shown["documents"].sum())
    first = min(shows, count)
    parts = [writes.filter(~whole), *_split(shown, 1 - first / shows)]
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
