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
from processors.pipeline.refine import Refined
from processors.schema import ALARM, BUCKET, PROVISIONAL, ROW_ID, SENSOR_ID

FORM = "form.1"
"""Name under which the form of what waits is carried."""

_PREVIOUS = "!previous"
"""Row id of the reading before, of any sensor, if it is of the same batch."""


@dataclass(frozen=True)
class Judged:
    """Readings of a batch, of which it is known what they say.

    Attributes:
        valid: Conformed rows.
        refined: The same in id order, and their alarms.
        origin: Where they come from.
        carried: What the batch before left.
        form: In which the batch leaves.
    """

    valid: pl.DataFrame
    refined: Refined
    origin: Origin
    carried: Mapping[str, pl.DataFrame]
    form: Form


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


def let_go(judged: Judged) -> LetGo:
    """What leaves with a batch.

    Raises:
        CheckpointError: A later version left what waits.
    """
    form, carried = judged.form, judged.carried
    before = waiting_form(carried)
    remains = None if before is None or before == form else rest(carried, before)
    # Readings that were not certain to leave do now: nothing of their form follows them.
    parts = [] if before is None or remains is None else [(before, remains.drop(PROVISIONAL))]
    if form.stage == "aggregated":
        return LetGo(_ready(parts), {}, _runs(parts))
    known = document.identify(judged.refined.rows, judged.origin)
    known = document.with_source(known, judged.valid) if form.stage == "raw" else known
    named = pl.col(ROW_ID).is_in(judged.refined.alarms[ROW_ID].implode()).alias(ALARM)
    known = known.with_columns(named, pl.col(ROW_ID).shift(1).alias(_PREVIOUS))
    leaving = leave(known, carried if before == form else {}, form)
    parts.append((form, leaving.rows))
    if form.sends_each:
        return LetGo(_ready(parts), {}, None if len(parts) == 1 else _runs(parts))
    return LetGo(_ready(parts), {**leaving.carried, FORM: _as_frame(form)}, _runs(parts))


def waiting(carried: Mapping[str, pl.DataFrame]) -> LetGo | None:
    """What waits and should be seen all the same, None when nothing does; it stays carried.

    Raises:
        CheckpointError: A later version left it.
    """
    form = waiting_form(carried)
    remains = None if form is None else rest(carried, form)
    if form is None or remains is None:
        return None
    parts = _ready([(form, _that_part_nothing(remains, raw=form.stage == "raw"))])
    return None if parts[0][1].is_empty() else LetGo(parts, carried, None)


def _that_part_nothing(rows: pl.DataFrame, *, raw: bool) -> pl.DataFrame:
    """The rows without those that need not leave, of sensors whose other readings these would put in other pieces."""
    certain = rows.filter(pl.col(PROVISIONAL).is_null())
    if len(certain) == len(rows):
        return rows
    place = [SENSOR_ID, ROW_ID, BUCKET]
    parted = (
        split(certain, raw).select(place).join(split(rows, raw).select(place), on=place, how="anti", nulls_equal=True)
    )
    return rows.filter(pl.col(PROVISIONAL).is_null() | ~pl.col(SENSOR_ID).is_in(parted[SENSOR_ID].implode()))


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


def _as_frame(form: Form) -> pl.DataFrame:
    return pl.DataFrame({"form": [form.encode()]})


def _ready(parts: Sequence[tuple[Form, pl.DataFrame]]) -> Sequence[tuple[Form, pl.DataFrame]]:
    """As documents are made from them: in pieces that fit one."""
    return [(form, split(rows.drop(_PREVIOUS), raw=form.stage == "raw")) for form, rows in parts]


def _runs(parts: Sequence[tuple[Form, pl.DataFrame]]) -> list[list[int]]:
    """Runs of the row ids that leave: those go on that follow a reading which leaves, too."""
    none = pl.DataFrame(schema={ROW_ID: pl.Int64, _PREVIOUS: pl.Int64})
    left = pl.concat([none, *(rows.select(none.columns) for _, rows in parts)]).sort(ROW_ID)
    begins = (pl.col(_PREVIOUS) != pl.col(ROW_ID).shift(1)).fill_null(value=True)
    runs = left.group_by(begins.cum_sum().alias("run"), maintain_order=True).agg(
        pl.col(ROW_ID).first().alias("first"), pl.col(ROW_ID).last().alias("last")
    )
    return [list(run) for run in runs.select("first", "last").rows()]
