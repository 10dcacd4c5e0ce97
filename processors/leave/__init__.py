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
from processors.leave.choose import choose, undecided
from processors.schema import BUCKET, PROVISIONAL

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
        rows: Of one generation in id order, as far as documents need them: with `id`, `month`, `isAnomaly` and,
            unless all leave, `ALARM`, which no document says.
        carried: What the call before returned, of the same form; empty at the start of a generation.
        form: Of the batch; not `aggregated`.
    """
    chosen, state = choose(rows, carried, form)
    if form.bucket_rows == 1:
        return Leaving(chosen.with_columns(pl.lit(None, pl.Int64).alias(BUCKET)), state)
    full, still_open = gather(chosen, carried.get(OPEN), form.bucket_rows, form.bucket_s)
    return Leaving(full, {**state, OPEN: still_open})


def rest(carried: Mapping[str, pl.DataFrame], form: Form) -> pl.DataFrame | None:
    """Readings that have not left yet and can be seen meanwhile, with `BUCKET`; None when there is none.

    Those that leave for certain do so again, in the same documents, when it is their turn. `PROVISIONAL` is true of
    the others, and null of these: what is told by readings is told without one of them that has a later one.
    """
    waiting, uncertain = carried.get(OPEN), undecided(carried)
    known = [] if waiting is None else [waiting.with_columns(pl.lit(None, pl.Boolean).alias(PROVISIONAL))]
    if uncertain is not None:
        known.append(uncertain.with_columns(pl.lit(value=True).alias(PROVISIONAL)))
    shown = pl.concat(known) if known else None
    if shown is None or shown.is_empty():
        return None
    if form.bucket_rows == 1:
        return shown.with_columns(pl.lit(None, pl.Int64).alias(BUCKET))
    return gather(shown.clear(), shown, form.bucket_rows, form.bucket_s, close=True)[0]
