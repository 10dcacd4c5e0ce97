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
from processors.model import Batch, Documents, Refusal, Written
from processors.pipeline.let_go import Judged, LetGo, let_go
from processors.pipeline.readings import REFUSED, Departed, depart
from processors.pipeline.recipe import Recipe, Taken
from processors.schema import ROW_ID
from processors.transform.aggregate import WINDOW_S, summarize


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

    def send(self, batch: Batch, judged: Judged, windows: pl.DataFrame) -> Sent:
        """Everything is taken or refused when this returns.

        Args:
            batch: Which.
            judged: Its readings.
            windows: Accumulators of the windows that leave.
        """
        ...


class Sender:
    """Sends to a sink."""

    def __init__(self, sink: Sink, recipe: Recipe, moving: Callable[[], object] = lambda: None):
        """`moving` is called again and again while documents of a batch leave, and when they have left."""
        self._sink = sink
        self._recipe = recipe
        self._moving = moving

    def send(self, batch: Batch, judged: Judged, windows: pl.DataFrame) -> Sent:
        """See `Sends`."""
        origin = judged.origin
        gone = let_go(judged)
        skip = batch.replayed and self._recipe.skip_replays
        readings = self.readings(gone, origin, judged.carried, skip=skip)
        anomalies = self._write(ANOMALIES, partial(document.anomalies, judged.refined.alarms, origin), skip=skip)
        # Always: a window may have changed since.
        aggregates = self._write(AGGREGATES, partial(document.aggregates, summarize(windows), origin, WINDOW_S))
        held = readings.held + anomalies.held
        taken = Taken(
            sent=gone.count - len(readings.refused),
            readings=readings.documents,
            aggregates=aggregates.documents,
            anomalies=anomalies.documents,
            notices=(f"{held} documents were there already and not sent again",) if held else (),
        )
        refused = _rejects(pl.concat([readings.refused, _refused((*anomalies.refused, *aggregates.refused))]))
        return Sent(taken, refused, {**gone.carried, **readings.carried}, gone.left)

    def readings(
        self, gone: LetGo, origin: Origin, carried: Mapping[str, pl.DataFrame], *, skip: bool = False
    ) -> Departed:
        """Writes the documents of readings that were let go; see `readings.depart`."""
        write = partial(self._write, self._recipe.readings, skip=skip)
        return depart(gone.parts, origin, self._recipe.privacy, carried, write, self._recipe.destination)

    def _write(self, container: str, documents: Callable[[], Iterable[Documents]], *, skip: bool = False) -> Written:
        """What came of it; with `skip` the documents are made twice: so they are never in memory all at once."""
        held = self._sink.held(container, _told(documents(), self._moving)) if skip else ()
        wanted = _others(documents(), held) if held else documents()
        written = self._sink.write(container, _told(wanted, self._moving))
        self._moving()
        return written + Written(len(held), held=len(held))


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


def _refused(refused: Sequence[Refusal]) -> pl.DataFrame:
    """Refused documents that are not of readings."""
    return pl.DataFrame(
        [(refusal.document_id, None, refusal.status, refusal.why) for refusal in refused], schema=REFUSED, orient="row"
    )


def _rejects(refused: pl.DataFrame) -> pl.DataFrame:
    """What was refused as rejects; `rowId` is null for what is not a reading."""
    return refused.select(
        ROW_ID,
        rules=pl.concat_list(pl.format("accepted_by_cosmos_{}", "status")),
        odd=pl.concat_list("why"),
        row=pl.struct(document.ID).struct.json_encode(),
    )
