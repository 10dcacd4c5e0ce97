"""What leaves of a batch: its readings in their form, its anomalies, its windows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import polars as pl

from processors import document
from processors.containers import AGGREGATES, ANOMALIES
from processors.document import Origin
from processors.form import Form
from processors.model import Batch, Documents, Refusal, Written
from processors.pipeline.let_go import LetGo, let_go
from processors.pipeline.recipe import Recipe, Taken
from processors.pipeline.refine import Refined
from processors.schema import ROW_ID
from processors.transform.aggregate import WINDOW_S, summarize
from processors.transform.privacy import sanitize


class Sink(Protocol):
    """Where documents go; see `sink.Sink`."""

    def write(self, container: str, documents: Iterable[Documents]) -> Written:
        """Upserts them all, or raises; pulls them as it goes."""
        ...

    def held(self, container: str, documents: Iterable[Documents]) -> Collection[str]:
        """Ids of those that are there as they are."""
        ...


@dataclass(frozen=True)
class Sent:
    """What came of sending a batch.

    Attributes:
        taken: Counts, without rows and rejects.
        refused: Documents that Cosmos will never take, as rejects.
        carried: Readings that have not left, see `let_go`.
        left: Runs of row ids, see `manifest.Manifest`.
    """

    taken: Taken
    refused: pl.DataFrame
    carried: Mapping[str, pl.DataFrame]
    left: Sequence[Sequence[int]] | None


class Sends(Protocol):
    """Sends what leaves of a batch."""

    def send(
        self,
        batch: Batch,
        valid: pl.DataFrame,
        refined: Refined,
        windows: pl.DataFrame,
        carried: Mapping[str, pl.DataFrame],
        form: Form,
    ) -> Sent:
        """Everything is taken or refused when this returns.

        Args:
            batch: Which.
            valid: Its conformed rows.
            refined: What is known of them.
            windows: Accumulators of the windows that leave.
            carried: What the batch before left.
            form: In which readings leave.
        """
        ...


class Sender:
    """Sends to a sink."""

    def __init__(self, sink: Sink, recipe: Recipe, moving: Callable[[], object] = lambda: None):
        """`moving` is called again and again while documents of a batch leave."""
        self._sink = sink
        self._recipe = recipe
        self._moving = moving

    def send(
        self,
        batch: Batch,
        valid: pl.DataFrame,
        refined: Refined,
        windows: pl.DataFrame,
        carried: Mapping[str, pl.DataFrame],
        form: Form,
    ) -> Sent:
        """See `Sends`."""
        origin = Origin(batch.database.city, batch.generation)
        gone = let_go(refined.rows, valid, origin, carried, form)
        skip = batch.replayed and self._recipe.skip_replays
        readings, held = self._readings(gone, origin, skip=skip)
        anomalies, alarmed = self._write(ANOMALIES, lambda: document.anomalies(refined.alarms, origin), skip=skip)
        # Always: a window may have changed since.
        aggregates, _ = self._write(AGGREGATES, lambda: document.aggregates(summarize(windows), origin, WINDOW_S))
        taken = Taken(
            sent=gone.count,
            readings=readings.documents + held,
            aggregates=aggregates.documents,
            anomalies=anomalies.documents + alarmed,
            notices=(f"{held + alarmed} documents were there already and not sent again",) if held + alarmed else (),
        )
        refused = _refusals((*readings.refused, *anomalies.refused, *aggregates.refused), gone)
        return Sent(taken, refused, gone.carried, gone.left)

    def readings(self, gone: LetGo, origin: Origin) -> Written:
        """Writes the documents of readings that were let go."""
        return self._readings(gone, origin, skip=False)[0]

    def _readings(self, gone: LetGo, origin: Origin, *, skip: bool) -> tuple[Written, int]:
        """What came of it, and how many documents were there already."""
        written, held = Written(), 0
        for form, rows in gone.parts:
            body = sanitize(rows, self._recipe.privacy) if form.stage == "sanitized" else rows
            came, there = self._write(self._recipe.readings, partial(document.leaving, body, origin, form), skip=skip)
            written, held = written + came, held + there
        return written, held

    def _write(
        self, container: str, documents: Callable[[], Iterable[Documents]], *, skip: bool = False
    ) -> tuple[Written, int]:
        """Likewise; with `skip` the documents are made twice: so they are never in memory all at once."""
        held = self._sink.held(container, _told(documents(), self._moving)) if skip else ()
        wanted = _others(documents(), held) if held else documents()
        return self._sink.write(container, _told(wanted, self._moving)), len(held)


def _told(documents: Iterable[Documents], moving: Callable[[], object]) -> Iterator[Documents]:
    """The documents; `moving` is called for each group that the sink pulls, however long the whole takes."""
    for group in documents:
        moving()
        yield group


def _others(documents: Iterable[Documents], held: Collection[str]) -> Iterator[Documents]:
    """The documents without those that are held."""
    for group in documents:
        kept = [index for index, item in enumerate(group.items) if item["id"] not in held]
        if kept:
            yield Documents(group.key, [group.items[i] for i in kept], [group.sizes[i] for i in kept])


def _refusals(refused: Sequence[Refusal], gone: LetGo) -> pl.DataFrame:
    """Refused documents as rejects, one for each reading in them; `rowId` is null for what is not a reading's."""
    listed = pl.DataFrame(
        [(refusal.document_id, refusal.status, refusal.why) for refusal in refused],
        schema={document.ID: pl.String, "status": pl.Int64, "why": pl.String},
        orient="row",
    )
    return listed.join(gone.documents(), on=document.ID, how="left").select(
        ROW_ID,
        rules=pl.concat_list(pl.format("accepted_by_cosmos_{}", "status")),
        odd=pl.concat_list("why"),
        row=pl.struct(document.ID).struct.json_encode(),
    )
