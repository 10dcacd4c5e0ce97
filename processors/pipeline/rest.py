"""Readings that wait for their bucket to be full, in Cosmos all the same: once at the end of a pass, not for each row.

They leave under the ids that they will have, so that the whole takes their place when it leaves.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from processors import document
from processors.checkpoint import Checkpoint
from processors.document import Origin
from processors.model import Database
from processors.pipeline.let_go import LetGo, waiting
from processors.pipeline.recipe import Taken
from processors.pipeline.send import Sender
from processors.schema import BUCKET, ROW_ID, SENSOR_ID

_SHOWN = "shown"


def show_rest(database: Database, checkpoint: Checkpoint, sender: Sender) -> Taken:
    """Sends what waits of all lives of a database and has not been sent as it is; only documents are counted.

    Raises:
        ProcessorError: Of the checkpoint or the sink.
        Stopped: The run was asked to end.
    """
    taken = Taken()
    for branch in checkpoint.branches(database.sensor):
        rest = waiting(checkpoint.carried(branch.generation))
        if rest is None:
            continue
        owner = _owner(branch.generation)
        (form, rows) = rest.parts[0]
        now = _summary(rows)
        new = rows.join(_before(checkpoint, owner, now), on=[SENSOR_ID, BUCKET], how="anti", nulls_equal=True)
        if new.is_empty():
            continue
        written = sender.readings(LetGo([(form, new)], {}, None), Origin(database.city, branch.generation))
        checkpoint.keep(owner, {_SHOWN: now})
        taken += Taken(readings=written.documents)
    return taken


def shown(database: Database, checkpoint: Checkpoint) -> Iterator[str]:
    """Ids of the documents that were sent with what waits: whatever leaves under one of them takes its place."""
    for branch in checkpoint.branches(database.sensor):
        sent = checkpoint.carried(_owner(branch.generation), _SHOWN).get(_SHOWN)
        if sent is not None and not sent.is_empty():
            rows = document.identify(sent.rename({"last": ROW_ID}), Origin(database.city, branch.generation))
            yield from document.holding(rows)[document.ID]


def _owner(generation: str) -> str:
    """Stands for a generation in the checkpoint; none has such a name."""
    return f"{generation}/rest"


def _summary(rows: pl.DataFrame) -> pl.DataFrame:
    """What tells whether a bucket has changed: its readings are only added to."""
    return rows.group_by(SENSOR_ID, BUCKET, maintain_order=True).agg(pl.col(ROW_ID).max().alias("last"))


def _before(checkpoint: Checkpoint, owner: str, now: pl.DataFrame) -> pl.DataFrame:
    """Buckets that were sent as they are."""
    shown = checkpoint.carried(owner, _SHOWN).get(_SHOWN)
    return now.clear() if shown is None else now.join(shown, on=now.columns, how="semi", nulls_equal=True)
