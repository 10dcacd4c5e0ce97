"""The order of stages, known to no other file.

    source -> conform -> transform -> detect -> document -> sink -> archive -> checkpoint

The archive is the log that the checkpoint follows. A batch is archived only after Cosmos has taken it, and the
checkpoint moves only after that; so whatever the archive holds beyond the checkpoint, because a run was killed
or because the checkpoint is gone, is folded into the state from there and not sent again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import polars as pl

from processors import document, lineage
from processors.anchors import anchor_of
from processors.archive import Archive
from processors.checkpoint import Checkpoint
from processors.conform import conform
from processors.containers import AGGREGATES, ANOMALIES
from processors.document import Origin
from processors.model import Batch, Database, Documents, Refusal, Written
from processors.pipeline.catch_up import catch_up
from processors.pipeline.evidence import Evidence
from processors.pipeline.recipe import Recipe, Taken
from processors.pipeline.refine import Refined, closed, refine
from processors.schema import EXTRA, ODD, ROW_ID
from processors.source import Source
from processors.transform.aggregate import WINDOW_S, summarize
from processors.transform.privacy import sanitize

__all__ = ["Recipe", "Sink", "Taken", "take_in"]


class Sink(Protocol):
    """Where documents go; see `sink.Sink`."""

    def write(self, container: str, documents: Iterable[Documents]) -> Written:
        """Upserts them all, or raises."""
        ...


def take_in(
    database: Database, source: Source, checkpoint: Checkpoint, archive: Archive, sink: Sink, recipe: Recipe
) -> Iterator[Taken]:
    """Takes in what is new in a database, batch by batch; each batch is safe when it is yielded.

    Raises:
        ProcessorError: From the stage that failed; the position is where the last yielded batch ended.
    """
    known = yield from catch_up(database, source, checkpoint, archive, recipe)
    branch = lineage.place(database, known, Evidence(source, archive, known, recipe))
    if branch is None:
        return
    if branch not in known:
        archive.announce(branch, len(known) + 1)
        checkpoint.add(database.sensor, branch)
        if notices := _unknown_columns(database, source.page(branch.position, 1)):
            yield Taken(notices=notices)
    carried: Mapping[str, pl.DataFrame] = checkpoint.carried(branch.generation)
    while True:
        rows = source.page(branch.position, recipe.page_rows, anchor=branch.anchors[-1])
        if rows.is_empty():
            return
        batch = Batch(database, branch.generation, int(rows["id"][-1]), rows)
        ends = (anchor_of(rows, 0), anchor_of(rows, -1))
        branch = lineage.intend(branch, ends[-1])
        checkpoint.intend(database.sensor, branch)
        conformed = conform(rows, default_zone=recipe.default_zone)
        refined = refine(conformed.valid, carried, checkpoint, branch.generation, recipe.detectors)
        written, refused = _send(batch, refined, carried, checkpoint, sink, recipe)
        rejects = pl.concat([conformed.rejects, refused])
        archive.write(batch, branch.position, conformed.valid, rejects, ends, recipe.stage)
        branch = lineage.advance(branch, batch.last_id, ends[-1])
        checkpoint.advance(database.sensor, branch, refined.carried, refined.windows)
        carried = refined.carried
        yield replace(
            written, rows=len(rows), rejected=rejects[ROW_ID].drop_nulls().n_unique(), rejects=_by_rule(rejects)
        )
        if len(rows) < recipe.page_rows:
            return  # A live sensor writes while a batch is on its way: to look again would never end.


def _unknown_columns(database: Database, rows: pl.DataFrame) -> tuple[str, ...]:
    """What to say of columns that the contract does not know: once, when a life of the database begins."""
    names = [name.removeprefix(EXTRA) for name in rows.columns if name.startswith(EXTRA) and not name.endswith(ODD)]
    return (f"{database.sensor}: columns kept in the archive only: {', '.join(names)}",) if names else ()


def _send(
    batch: Batch,
    refined: Refined,
    carried: Mapping[str, pl.DataFrame],
    checkpoint: Checkpoint,
    sink: Sink,
    recipe: Recipe,
) -> tuple[Taken, pl.DataFrame]:
    """Writes what leaves; also the documents that Cosmos will never take, as rejects."""
    origin = Origin(batch.database.city, batch.generation)
    rows = document.identify(refined.rows, origin)
    windows = summarize(closed(refined, carried, checkpoint, batch.generation))
    readings = Written()
    if recipe.stage != "aggregated":
        body = _at_stage(rows, batch, recipe)
        readings = sink.write(recipe.readings, document.readings(body, origin, recipe.stage))
    anomalies = sink.write(ANOMALIES, document.anomalies(refined.anomalies, origin))
    aggregates = sink.write(AGGREGATES, document.aggregates(windows, origin, WINDOW_S))
    taken = Taken(
        readings=readings.documents,
        aggregates=aggregates.documents,
        anomalies=anomalies.documents,
        request_units=(readings + anomalies + aggregates).request_units,
    )
    return taken, _refusals((*readings.refused, *anomalies.refused, *aggregates.refused), rows)


def _at_stage(rows: pl.DataFrame, batch: Batch, recipe: Recipe) -> pl.DataFrame:
    if recipe.stage == "raw":
        return document.with_source(rows, batch.rows)
    return sanitize(rows, recipe.privacy) if recipe.stage == "sanitized" else rows


def _refusals(refused: Sequence[Refusal], rows: pl.DataFrame) -> pl.DataFrame:
    """Refused documents as rejects; `rowId` is null for one that is not a reading's."""
    listed = pl.DataFrame(
        [(refusal.document_id, refusal.status, refusal.why) for refusal in refused],
        schema={document.ID: pl.String, "status": pl.Int64, "why": pl.String},
        orient="row",
    )
    return listed.join(rows.select(document.ID, ROW_ID), on=document.ID, how="left").select(
        ROW_ID,
        rules=pl.concat_list(pl.format("accepted_by_cosmos_{}", "status")),
        odd=pl.concat_list("why"),
        row=pl.struct(document.ID).struct.json_encode(),
    )


def _by_rule(rejects: pl.DataFrame) -> dict[str, int]:
    """Name of a rule -> rows that broke it."""
    return dict(rejects["rules"].explode().value_counts().sort("rules").rows())
