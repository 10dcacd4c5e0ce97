"""Which readings leave at all: each, those that say something new, or anomalies with what was around them."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from processors.form import Form
from processors.leave.around import around
from processors.leave.changes import UNDECIDED, changes
from processors.schema import ALARM

Carried = Mapping[str, pl.DataFrame]


def choose(rows: pl.DataFrame, carried: Carried, form: Form) -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
    """The readings that leave, of these rows and those before, each sensor's in id order; and what to carry.

    Args:
        rows: See `leave`.
        carried: What the call before returned, of the same form.
        form: Of the batch.
    """
    if form.send == "changes":
        chosen, state = changes(rows, carried, form)
    elif form.send == "anomalies":
        chosen, state = around(rows, carried, form.context_rows)
    else:
        chosen, state = rows, {}
    return chosen.drop(ALARM, strict=False), state


def undecided(carried: Carried) -> pl.DataFrame | None:
    """Readings that may turn out not to leave, and without which the last ones of their sensors cannot be told.

    At most one for each sensor; None when there is none.
    """
    waiting = carried.get(UNDECIDED)
    return None if waiting is None or waiting.is_empty() else waiting.drop(ALARM)
