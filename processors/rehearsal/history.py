"""What runs were charged before, as far as it is of the account that a plan is made for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import polars as pl

from processors import charges
from processors.containers import RUNS
from processors.settings import Settings


def of_account(known: pl.DataFrame, settings: Settings, policies: Mapping[str, str] | None = None) -> pl.DataFrame:
    """What is known of the account (`charges.SCHEMA`); of the one that was charged last where none is named.

    Args:
        known: Of `charges.SCHEMA`.
        settings: Name the account.
        policies: Container -> name of the indexing policy that it has; None: the one that was charged last.
    """
    if settings.endpoint:
        return charges.of_account(known, settings.endpoint, settings.database, policies)
    if known.is_empty():
        return known
    newest = known.sort("at").row(-1, named=True)
    return charges.of_account(known, newest["endpoint"], newest["database"])


def newest(known: pl.DataFrame) -> datetime | None:
    """When the last of it was charged, UTC; None where nothing was."""
    at = known["at"].max()
    assert at is None or isinstance(at, datetime)
    return at


def report_bytes(known: pl.DataFrame) -> int | None:
    """Size of the report of a pass, as most were that were charged; None where none was.

    A rehearsal's own report is shorter: it has not been charged.
    """
    reports = known.filter(pl.col("container") == RUNS, pl.col("operation") == charges.INSERT).sort("documents")
    return None if reports.is_empty() else round(reports["bytes"][-1] / reports["documents"][-1])


def with_reports_of(writes: pl.DataFrame, size: int) -> pl.DataFrame:
    """The writes (`counting.WRITES`) with reports of so many bytes."""
    is_report = pl.col("container") == RUNS
    return writes.with_columns(pl.when(is_report).then(size).otherwise(pl.col("size")).cast(pl.Int64).alias("size"))
