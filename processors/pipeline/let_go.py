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
from processors.form import Form, form_of
from processors.leave import leave, rest
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

    def documents(self) -> pl.DataFrame:
        """`id` of a document and the `rowId` of each reading in it."""
        known = [document.holding(rows) for _, rows in self.parts]
        return pl.concat([pl.DataFrame(schema={document.ID: pl.String, ROW_ID: pl.Int64}), *known])


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
    """
    before = waiting_form(carried)
    remains = None if before is None or before == form else rest(carried, before)
    parts = [] if before is None or remains is None else [(before, remains)]
    if form.stage == "aggregated":
        return LetGo(parts, {}, _runs(parts, rows))
    known = document.identify(rows, origin)
    known = document.with_source(known, valid) if form.stage == "raw" else known
    leaving = leave(known, carried if before == form else {}, form)
    parts.append((form, leaving.rows))
    if form.sends_each:
        return LetGo(parts, {}, None if len(parts) == 1 else _runs(parts, rows))
    return LetGo(parts, {**leaving.carried, FORM: _as_frame(form)}, _runs(parts, rows, *leaving.carried.values()))


def waiting(carried: Mapping[str, pl.DataFrame]) -> LetGo | None:
    """What waits and should be seen all the same, None when nothing does; it stays carried."""
    form = waiting_form(carried)
    remains = None if form is None else rest(carried, form)
    return None if form is None or remains is None else LetGo([(form, remains)], carried, None)


def waiting_form(carried: Mapping[str, pl.DataFrame]) -> Form | None:
    """The form of what waits, None when nothing does."""
    frame = carried.get(FORM)
    return None if frame is None else form_of(json.loads(frame.item()))


def _as_frame(form: Form) -> pl.DataFrame:
    return pl.DataFrame({"form": [form.encode()]})


def _runs(parts: Sequence[tuple[Form, pl.DataFrame]], *stayed: pl.DataFrame) -> list[list[int]]:
    """Runs of the row ids that leave, among those and the rows that stay or have come with them."""
    left = pl.concat([pl.Series(ROW_ID, [], pl.Int64), *(rows[ROW_ID] for _, rows in parts)])
    others = [frame[ROW_ID] for frame in stayed if ROW_ID in frame.columns]
    known = pl.concat([left, *others]).unique().sort().to_frame()
    gone = pl.col(ROW_ID).is_in(left.implode())
    runs = (
        known.with_columns(gone.alias("gone"), gone.rle_id().alias("run"))
        .filter("gone")
        .group_by("run", maintain_order=True)
        .agg(pl.col(ROW_ID).first().alias("first"), pl.col(ROW_ID).last().alias("last"))
    )
    return [list(run) for run in runs.select("first", "last").rows()]
