"""Readings that wait for their bucket to be full, in Cosmos all the same: once at the end of a pass, not for each row.

They leave under the ids that they will have, so that the whole takes their place when it leaves. One that Cosmos
refuses becomes a reject only then, with its batch; until then it is told of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from processors import document
from processors.checkpoint import Checkpoint
from processors.document import Origin
from processors.form import Form
from processors.pipeline.let_go import FORM, LetGo, waiting
from processors.pipeline.readings import SAID, said_by
from processors.pipeline.recipe import Taken
from processors.pipeline.send import Sender
from processors.schema import BUCKET, ROW_ID, SENSOR_ID

SHOWN = "shown"
"""Name under which it is kept of each bucket up to which row id it was sent."""


def show_rest(city: str, sensor: str, checkpoint: Checkpoint, sender: Sender) -> Taken:
    """Sends what waits of all lives of a database and has not been sent as it is; only documents are counted.

    Args:
        city: As written in the folder's name.
        sensor: Folder of the database.
        checkpoint: Has what waits.
        sender: Of the pass.

    Raises:
        ProcessorError: Of the checkpoint or the sink.
        Stopped: The run was asked to end.
    """
    taken = Taken()
    for unshown in _unshown(sensor, checkpoint):
        origin = Origin(city, unshown.generation)
        sent = sender.readings(LetGo([(unshown.form, unshown.rows)], {}, None), origin, unshown.said)
        checkpoint.keep(owner_of(unshown.generation), {SHOWN: unshown.now, **sent.carried})
        taken += Taken(
            readings=sent.documents,
            notices=tuple(
                f"{sensor}: row {row_id} waits for its bucket, and Cosmos will not take it: {status}: {why}"
                for row_id, status, why in sent.refused.select(ROW_ID, "status", "why").rows()
            ),
        )
    return taken


def count_unshown(sensor: str, checkpoint: Checkpoint) -> int:
    """Readings of a database that `show_rest` would send."""
    return sum(len(unshown.rows) for unshown in _unshown(sensor, checkpoint))


def shown(city: str, sensor: str, checkpoint: Checkpoint) -> Iterator[str]:
    """Ids of the documents that were sent with what waits, and of the descriptions that readings name.

    Whatever leaves under one of them takes its place.
    """
    for branch in checkpoint.branches(sensor):
        origin = Origin(city, branch.generation)
        kept, own = checkpoint.carried(owner_of(branch.generation)), checkpoint.carried(branch.generation)
        sent = kept.get(SHOWN)
        if sent is not None and not sent.is_empty():
            rows = document.identify(sent.rename({"last": ROW_ID}), origin)
            yield from document.holding(rows)[document.ID]
        for carried in (kept, own):
            if SAID in carried:
                yield from document.described_ids(carried[SAID], origin)


def owner_of(generation: str) -> str:
    """Stands for a generation in the checkpoint; none has such a name."""
    return f"{generation}/rest"


@dataclass(frozen=True)
class _Unshown:
    """What waits of a life and has not been sent as it is.

    Attributes:
        generation: Which.
        form: That it waits in.
        rows: Of buckets that were not sent, or have changed since.
        now: `SHOWN`, once they are.
        said: Which descriptions were said by batches, or here before.
    """

    generation: str
    form: Form
    rows: pl.DataFrame
    now: pl.DataFrame
    said: Mapping[str, pl.DataFrame]


def _unshown(sensor: str, checkpoint: Checkpoint) -> Iterator[_Unshown]:
    for branch in checkpoint.branches(sensor):
        if not checkpoint.carried(branch.generation, FORM):
            continue
        carried = checkpoint.carried(branch.generation)
        rest = waiting(carried)
        if rest is None:
            continue
        before = checkpoint.carried(owner_of(branch.generation))
        ((form, rows),) = rest.parts
        now = _summary(rows)
        new = rows.join(_as_they_are(before, now), on=[SENSOR_ID, BUCKET], how="anti", nulls_equal=True)
        if not new.is_empty():
            said = pl.concat([said_by(before), said_by(carried)]).unique(maintain_order=True)
            yield _Unshown(branch.generation, form, new, now, {SAID: said})


def _summary(rows: pl.DataFrame) -> pl.DataFrame:
    """What tells whether a bucket has changed: its readings are only added to."""
    return rows.group_by(SENSOR_ID, BUCKET, maintain_order=True).agg(pl.col(ROW_ID).max().alias("last"))


def _as_they_are(before: dict[str, pl.DataFrame], now: pl.DataFrame) -> pl.DataFrame:
    """Buckets that were sent as they are."""
    shown = before.get(SHOWN)
    return now.clear() if shown is None else now.join(shown, on=now.columns, how="semi", nulls_equal=True)
