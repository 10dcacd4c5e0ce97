"""Which readings leave now, and which of them share a document: from what is known of rows to what documents are of.

Exact under any split of the rows into calls: what leaves, and in which company, follows from the rows of the life in
their order alone. What cannot leave yet, because its bucket is open or because the rows that follow decide, is
carried; at the end of a pass `rest` is what of it should be seen all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from processors.form import Form
from processors.leave.buckets import gather
from processors.schema import BUCKET

__all__ = ["Leaving", "leave", "rest"]

OPEN = "open.1"
"""Name under which readings in buckets that are not full are carried."""


@dataclass(frozen=True)
class Leaving:
    """What a batch lets go.

    Attributes:
        rows: Readings that leave, of this batch or of those before, in no particular order: the columns of what was
            given, and `BUCKET`, the least row id of those that share its document, null for one of its own.
        carried: For the rows that follow.
    """

    rows: pl.DataFrame
    carried: dict[str, pl.DataFrame]


def leave(rows: pl.DataFrame, carried: Mapping[str, pl.DataFrame], form: Form) -> Leaving:
    """What leaves once these rows are there.

    Args:
        rows: Of one generation in id order, as far as documents need them: with `id`, `month` and `isAnomaly`.
        carried: What the call before returned, of the same form; empty at the start of a generation.
        form: Of the batch; not `aggregated`.
    """
    if form.bucket_rows == 1:
        return Leaving(rows.with_columns(pl.lit(None, pl.Int64).alias(BUCKET)), {})
    full, still_open = gather(rows, carried.get(OPEN), form.bucket_rows, form.bucket_s)
    return Leaving(full, {OPEN: still_open})


def rest(carried: Mapping[str, pl.DataFrame], form: Form) -> pl.DataFrame | None:
    """Readings that have not left yet and can be seen meanwhile, with `BUCKET`; None when there is none.

    They leave again, in the same documents, when it is their turn.
    """
    waiting = carried.get(OPEN)
    if waiting is None or waiting.is_empty():
        return None
    return gather(waiting.clear(), waiting, form.bucket_rows, form.bucket_s, close=True)[0]
