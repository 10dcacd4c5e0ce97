"""The order of stages, known to no other file.

    source -> conform -> transform -> detect -> document -> sink -> archive -> checkpoint

The archive is the log that the checkpoint follows. A batch is archived only after Cosmos has taken it, and the
checkpoint moves only after that; so whatever the archive holds beyond the checkpoint, because a run was killed
or because the checkpoint is gone, is folded into the state from there and not sent again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import polars as pl

from processors import lineage
from processors.anchors import anchor_of
from processors.conform import conform
from processors.document import Origin
from processors.model import BEFORE_FIRST, Batch, Branch, Database
from processors.pipeline.catch_up import catch_up
from processors.pipeline.evidence import Evidence
from processors.pipeline.intended import begin, in_force, intend
from processors.pipeline.let_go import Judged
from processors.pipeline.opened import Opened
from processors.pipeline.recipe import Recipe, Taken
from processors.pipeline.refine import closed, refine
from processors.pipeline.send import Sender, Sends, Sink
from processors.pipeline.totals import counted
from processors.schema import EXTRA, ODD, ROW_ID

__all__ = ["Intake", "Opened", "Recipe", "Sender", "Sends", "Sink", "Taken"]


class Intake:
    """What is new in a database, batch by batch: each batch is safe when `next` returns it.

    Between two batches nothing of their rows is in memory, so many databases can take turns.

    Attributes:
        opened: What it works on.
        branch: Life of the database, at the position that the last batch moved it to; None before that is known, and
            for an empty table.
        waiting: Rows beyond that position, at most; 0 after the last batch, None before the first.
        page_rows: Of the next batch, at most.
    """

    def __init__(self, opened: Opened, sender: Sends):
        self.opened = opened
        self.branch: Branch | None = None
        self.waiting: int | None = None
        self.page_rows = opened.recipe.page_rows
        self._sender = sender
        self._steps = self._all()

    def __iter__(self) -> Iterator[Taken]:
        return self

    def __next__(self) -> Taken:
        """The next batch; first those that the archive has beyond the checkpoint, which are not sent.

        Raises:
            StopIteration: There is no more.
            ProcessorError: From the stage that failed; the position is where the last batch ended.
            Stopped: The run was asked to end, and the batch in hand was given up; likewise.
        """
        taken = next(self._steps)
        return next(self) if taken is None else taken

    def catch_up(self) -> Iterator[Taken]:
        """Only the batches that the archive has beyond the checkpoint; `branch` is known then, and nothing is sent."""
        while taken := next(self._steps):
            yield taken

    def _all(self) -> Iterator[Taken | None]:
        """Batches of the archive, None when it is known where the database stands, then batches of the table."""
        database, source, checkpoint = self.opened.database, self.opened.source, self.opened.checkpoint
        known = yield from catch_up(self.opened)
        branch = lineage.place(database, known, Evidence(source, self.opened.archive, known, self.opened.recipe))
        self.branch = branch
        yield None
        if branch is None:
            return
        if branch not in known:
            self.opened.archive.announce(branch, len(known) + 1)
            begin(checkpoint, branch.generation, self.opened.recipe)
            checkpoint.add(database.sensor, branch)
            if notices := _unknown_columns(database, source.page(branch.position, 1)):
                yield Taken(notices=notices)
        # A live sensor writes while a batch is on its way: what comes later than this is for the next pass.
        last_id = source.extent().last_id or BEFORE_FIRST
        while batch := self._batch(branch):
            branch, taken = batch
            yield taken
            if self.waiting == 0 or branch.position >= last_id:
                return

    def _batch(self, branch: Branch) -> tuple[Branch, Taken] | None:
        """Takes in one page after the branch's position, None where there is none.

        A function of its own, so that the page's frames end with it.
        """
        database, checkpoint, archive = self.opened.database, self.opened.checkpoint, self.opened.archive
        most = self.page_rows
        rows = self.opened.source.page(branch.position, most, anchor=branch.anchors[-1])
        if rows.is_empty():
            self.waiting = 0
            return None
        page_rows = len(rows)
        recipe, rows = in_force(checkpoint, branch, self.opened.recipe, rows)
        replayed = branch.anchors[-1]["id"] > rows["id"][0]  # a new life has its first row among its anchors
        batch = Batch(database, branch.generation, int(rows["id"][-1]), rows, replayed)
        ends = (anchor_of(rows, 0), anchor_of(rows, -1))
        branch = intend(checkpoint, database, branch, ends[-1], recipe)
        conformed = conform(rows, default_zone=recipe.default_zone)
        carried = checkpoint.carried(branch.generation)
        refined = refine(conformed.valid, carried, checkpoint, branch.generation, recipe.judges())
        windows = closed(refined, carried, checkpoint, branch.generation)
        judged = Judged(conformed.valid, refined, Origin(database.city, branch.generation), carried, recipe.form)
        private = recipe.privacy.document()
        sent = self._sender.send(batch, judged, windows)
        rejects = pl.concat([conformed.rejects, sent.refused])
        refined = counted(refined, carried, branch.position, conformed.valid, len(rejects))
        archive.write(batch, branch.position, conformed.valid, rejects, ends, recipe.form, sent.left, private)
        branch = lineage.advance(branch, batch.last_id, ends[-1])
        checkpoint.advance(database.sensor, branch, {**refined.carried, **sent.carried}, refined.windows)
        self.branch = branch
        last = page_rows < most and len(rows) == page_rows
        self.waiting = 0 if last else self.opened.source.extent().beyond(branch.position)
        return branch, replace(
            sent.taken,
            rows=len(rows),
            conformed=len(conformed.valid),
            rejected=rejects[ROW_ID].drop_nulls().n_unique(),
            rejects=_by_rule(rejects),
            notices=tuple(f"{database.sensor}: {notice}" for notice in (*refined.notices, *sent.taken.notices)),
        )


def _unknown_columns(database: Database, rows: pl.DataFrame) -> tuple[str, ...]:
    """What to say of columns that the contract does not know: once, when a life of the database begins."""
    names = [name.removeprefix(EXTRA) for name in rows.columns if name.startswith(EXTRA) and not name.endswith(ODD)]
    return (f"{database.sensor}: columns kept in the archive only: {', '.join(names)}",) if names else ()


def _by_rule(rejects: pl.DataFrame) -> dict[str, int]:
    """Name of a rule -> rows that broke it."""
    return dict(rejects["rules"].explode().value_counts().sort("rules").rows())
