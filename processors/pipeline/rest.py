"""Readings that wait for their bucket to be full, in Cosmos all the same: once at the end of a pass, not for each row.

They leave under the ids that they will have, so that the whole takes their place when it leaves. One that Cosmos
refuses becomes a reject only then, with its batch; until then it is told of.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from processors import document
from processors.checkpoint import Checkpoint
from processors.document import Origin
from processors.pipeline.let_go import LetGo, waiting
from processors.pipeline.readings import SAID
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
    for branch in checkpoint.branches(sensor):
        carried = checkpoint.carried(branch.generation)
        rest = waiting(carried)
        if rest is None:
            continue
        owner = owner_of(branch.generation)
        before = checkpoint.carried(owner)
        (form, rows) = rest.parts[0]
        now = _summary(rows)
        new = rows.join(_as_they_are(before, now), on=[SENSOR_ID, BUCKET], how="anti", nulls_equal=True)
        if new.is_empty():
            continue
        said = {name: frame for known in (before, carried) for name, frame in known.items() if name == SAID}
        sent = sender.readings(LetGo([(form, new)], {}, None), Origin(city, branch.generation), said)
        checkpoint.keep(owner, {SHOWN: now, **sent.carried})
        taken += Taken(
            readings=sent.documents,
            notices=tuple(
                f"{sensor}: row {row_id} waits for its bucket, and Cosmos will not take it: {status}: {why}"
                for row_id, status, why in sent.refused.select(ROW_ID, "status", "why").rows()
            ),
        )
    return taken


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


def _summary(rows: pl.DataFrame) -> pl.DataFrame:
    """What tells whether a bucket has changed: its readings are only added to."""
    return rows.group_by(SENSOR_ID, BUCKET, maintain_order=True).agg(pl.col(ROW_ID).max().alias("last"))


def _as_they_are(before: dict[str, pl.DataFrame], now: pl.DataFrame) -> pl.DataFrame:
    """Buckets that were sent as they are."""
    shown = before.get(SHOWN)
    return now.clear() if shown is None else now.join(shown, on=now.columns, how="semi", nulls_equal=True)
