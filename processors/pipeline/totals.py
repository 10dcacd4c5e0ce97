"""How much a life of a database has come to: carried from batch to batch, so that nobody adds up its manifests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import polars as pl

from processors.archive import files_of
from processors.pipeline.refine import Refined

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


_COLUMNS = dict.fromkeys(asdict(Totals(0)), pl.Int64())


def known(frame: pl.DataFrame | None) -> Totals | None:
    """What is carried, None where nothing is or it is not as expected."""
    if frame is None or frame.schema != pl.Schema(_COLUMNS) or len(frame) != 1:
        return None
    row: dict[str, Any] = frame.row(0, named=True)
    return None if None in row.values() else Totals(**row)


def counted(
    refined: Refined, carried: Mapping[str, pl.DataFrame], position: int, valid: pl.DataFrame, rejects: int
) -> Refined:
    """The same with its batch in the totals that it carries; where there are none they begin at this batch.

    Args:
        refined: The batch.
        carried: What the batch before left.
        position: That the batch started after.
        valid: Its conformed rows.
        rejects: Of the batch.
    """
    before = known(carried.get(TOTALS)) or Totals(position)
    now = Totals(
        before.after,
        before.rows + len(valid),
        before.rejects + rejects,
        before.anomalies + len(refined.alarms),
        before.files + files_of(valid),
    )
    return replace(refined, carried={**refined.carried, TOTALS: pl.DataFrame([asdict(now)], schema=_COLUMNS)})
