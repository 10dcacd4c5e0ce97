"""How much a life of a database has come to: carried from batch to batch, so that nobody adds up its manifests."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

TOTALS = "totals.1"
"""Name under which they are carried, with the version of their meaning."""


@dataclass(frozen=True)
class Totals:
    """Sums over the batches of a generation, whether it was sent or found in the archive.

    Attributes:
        after: Position from which on they were counted: the generation's `base_id` where that is all of it.
        rows: Readings.
        rejects: As manifests count them.
        anomalies: Alarms that the sensor's own readings raised; not those of the comparison with its neighbours.
        files: Data files written into the archive.
    """

    after: int
    rows: int = 0
    rejects: int = 0
    anomalies: int = 0
    files: int = 0


_COLUMNS: dict[str, pl.DataType] = dict.fromkeys(asdict(Totals(0)), pl.Int64())


def known(frame: pl.DataFrame | None) -> Totals | None:
    """What is carried, None where nothing is or it is not as expected."""
    if frame is None or frame.schema != pl.Schema(_COLUMNS) or len(frame) != 1:
        return None
    row: dict[str, Any] = frame.row(0, named=True)
    return None if None in row.values() else Totals(**row)


def frame_of(totals: Totals) -> pl.DataFrame:
    """The totals as `known` knows them."""
    return pl.DataFrame([asdict(totals)], schema=_COLUMNS)
