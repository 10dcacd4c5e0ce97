"""A batch in the totals of its life."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from processors.archive import files_of
from processors.pipeline.refine import Refined
from processors.totals import TOTALS, Totals, frame_of, known


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
    return replace(refined, carried={**refined.carried, TOTALS: frame_of(now)})
