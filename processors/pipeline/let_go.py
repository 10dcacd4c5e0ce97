"""Which readings leave with a batch, of those that it brought and of those that waited.

The form may change between two batches. What waited in the old one then leaves in it, with the first batch of the new.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from processors import document
from processors.document import Origin
from processors.errors import CheckpointError
from processors.form import Form, form_of
from processors.leave import leave, rest
from processors.leave.pieces import split
from processors.schema import ROW_ID

FORM = "form.1"
"""Name under which the form of what waits is carried."""


@dataclass(frozen=True)
class LetGo:
    """What leaves.

    Attributes:
        parts: Rows with `BUCKET` and the form that they leave in; what waited in another form comes first.
        carried: What waits, and its form.
        left: Runs of row ids, see `manifest.Manifest`.
    """

    parts: Sequence[tuple[Form, pl.DataFrame]]
    carried: Mapping[str, pl.DataFrame]
    left: Sequence[Sequence[int]] | None

    @property
    def count(self) -> int:
        """Readings."""
        return sum(len(rows) for _, rows in self.parts)


def let_go(
    rows: pl.DataFrame, valid: pl.DataFrame, origin: Origin, carried: Mapping[str, pl.DataFrame], form: Form
) -> LetGo:
    """What leaves with a batch.

    Args:
        rows: Transformed, with `isAnomaly`, in id order.
        valid: The conformed rows that they came from.
        origin: Where they come from.
        carried: What the batch before left.
        form: In which the batch leaves.

    Raises:
        CheckpointError: A later version left what waits.
    """
    before = waiting_form(carried)
    remains = None if before is None or before == form else rest(carried, before)
    parts = [] if before is None or remains is None else [(before, _in_pieces(remains, before))]
    if form.stage == "aggregated":
        return LetGo(parts, {}, _runs(parts, before, rows))
    known = document.identify(rows, origin)
    known = document.with_source(known, valid) if form.stage == "raw" else known
    leaving = leave(known, carried if before == form else {}, form)
    parts.append((form, _in_pieces(leaving.rows, form)))
    if form.sends_each:
        return LetGo(parts, {}, None if len(parts) == 1 else _runs(parts, before, rows))
    waits = {**leaving.carried, FORM: _as_frame(form)}
    return LetGo(parts, waits, _runs(parts, before, rows, *leaving.carried.values()))


def waiting(carried: Mapping[str, pl.DataFrame]) -> LetGo | None:
    """What waits and should be seen all the same, None when nothing does; it stays carried.

    Raises:
        CheckpointError: A later version left it.
    """
    form = waiting_form(carried)
    remains = None if form is None else rest(carried, form)
    return None if form is None or remains is None else LetGo([(form, _in_pieces(remains, form))], carried, None)


def waiting_form(carried: Mapping[str, pl.DataFrame]) -> Form | None:
    """The form of what waits, None when nothing does.

    Raises:
        CheckpointError: A later version left it.
    """
    frame = carried.get(FORM)
    if frame is None:
        return None
    form = form_of(json.loads(frame.item()))
    if form is None:
        raise CheckpointError(
            "send what waits",
            frame.item(),
            why="this version does not know the form that it waits in",
            hint="use the version that left it, once with the settings of before",
        )
    return form


def _in_pieces(rows: pl.DataFrame, form: Form) -> pl.DataFrame:
    return split(rows, raw=form.stage == "raw")


def _as_frame(form: Form) -> pl.DataFrame:
    return pl.DataFrame({"form": [form.encode()]})


def _runs(
    parts: Sequence[tuple[Form, pl.DataFrame]], before: Form | None, rows: pl.DataFrame, *stayed: pl.DataFrame
) -> list[list[int]]:
    """Runs of the row ids that leave, broken where a row stays, or may have been left out of a batch before.

    Args:
        parts: What leaves.
        before: The form of what waited.
        rows: Those of the batch, all of which are known.
        stayed: Frames of rows that stay.
    """
    left = pl.concat([pl.Series(ROW_ID, [], pl.Int64), *(part[ROW_ID] for _, part in parts)])
    others = [frame[ROW_ID] for frame in (rows, *stayed) if ROW_ID in frame.columns]
    known = pl.concat([left, *others]).unique().sort().to_frame()
    row_id = pl.col(ROW_ID)
    breaks = row_id.is_in(left.implode()).rle_id().diff().fill_null(1) != 0
    if before is not None and before.send != "all":
        breaks |= (row_id.diff() > 1) & ~row_id.shift(1).is_in(rows[ROW_ID].implode())
    runs = (
        known.with_columns(row_id.is_in(left.implode()).alias("gone"), breaks.cum_sum().alias("run"))
        .filter("gone")
        .group_by("run", maintain_order=True)
        .agg(row_id.first().alias("first"), row_id.last().alias("last"))
    )
    return [list(run) for run in runs.select("first", "last").rows()]
