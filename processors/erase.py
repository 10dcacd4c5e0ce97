"""Documents that leave Cosmos: how many a selection has, and their deletion.

Nothing is kept of how far a deletion came: it deletes what is still there, so that the same call goes on.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from operator import itemgetter

from processors import query
from processors.containers import AGGREGATES, ANOMALIES, RUNS
from processors.containers.definition import Definition, wanted
from processors.cosmos import Account
from processors.errors import SinkError, Stopped
from processors.model import Documents, Refusal, Written
from processors.query import Reader, Selection, open_readers
from processors.schema import WINDOW_START
from processors.sink import Sink, open_sink

READ_AHEAD = 20_000
"""Ids that are read before they are deleted, and all that is in memory at a time: with a hundred sensors there are then
whole batches of each."""

_TIMES = {AGGREGATES: WINDOW_START, RUNS: "startedAt"}
"""Property by which documents are older than others, where it is not that of readings."""

Key = tuple[str, ...]
"""Full partition key."""

_ENVELOPE_BYTES = 2
"""Quotes around an id."""


@dataclass(frozen=True)
class Erased:
    """What has left a container.

    Attributes:
        documents: Deleted, also those that something else, or an attempt of ours whose answer was lost, had deleted
            since they were read.
        request_units: Of finding and deleting them, None where the service states none.
    """

    documents: int = 0
    request_units: float | None = None


Progress = Callable[[str, Erased], object]
"""Is told the name of a container and all that has left it so far, after each request that deleted something."""


def count(account: Account, selection: Selection) -> dict[str, int]:
    """Documents of a selection, by container; those without a sensor, `runs`, only where none is selected.

    Raises:
        SettingsError: The endpoint or the key is malformed.
        EndpointError: The account cannot be reached, or refuses us.
        SinkError: The database or a container is missing, or has another partition key.
    """
    with open_readers(account) as readers:
        return {
            each.name: sum(readers[each.name].rows(query.count(_within(selection, each))))
            for each in _containers(account, selection)
        }


def known(account: Account) -> tuple[set[str], set[str]]:
    """Cities and sensor ids that any document has.

    Raises:
        SettingsError: As `count`, and the other two likewise.
        EndpointError: See there.
        SinkError: See there.
    """
    with open_readers(account) as readers:
        cities = {value for reader in readers.values() for value in reader.rows(query.values("city"))}
        sensors = {
            value for name, reader in readers.items() if name != RUNS for value in reader.rows(query.values("sensorId"))
        }
    return {value for value in cities if isinstance(value, str)}, {value for value in sensors if isinstance(value, str)}


def erase(account: Account, selection: Selection, *, stop: threading.Event, progress: Progress) -> dict[str, Erased]:
    """Delete the documents of a selection, labels of anomalies among them; nothing of them can be had back.

    Documents without a full partition key are not ours and stay: `count` still has them. What is written meanwhile
    may stay too.

    Args:
        account: Where they are.
        selection: Which; `time` is set here. Without a sensor, `runs` is part of it.
        stop: Set when the deletion should end: what is in hand then has `stopping.GRACE_S`.
        progress: See there.

    Returns:
        What has left each container.

    Raises:
        SettingsError: As `count`, and the other two likewise.
        EndpointError: See there; or the connection is lost for longer than the sink's budget.
        SinkError: See there; or the service takes no more for now, or refuses to delete a document.
        Stopped: The call was asked to end; `progress` has been told all that was deleted.
    """
    erased: dict[str, Erased] = {}
    with open_readers(account, stop=stop) as readers, open_sink(account, stop=stop) as sink:
        for definition in _containers(account, selection):
            name = definition.name
            container = _Container(definition, readers[name], sink, stop, progress)
            container.erase(_within(selection, definition))
            erased[name] = container.erased
            if container.refused is not None:
                raise _stays(account, name, container.refused)
    return erased


class _Container:
    """One container while it is being emptied.

    Attributes:
        refused: A document that the service does not delete.
    """

    def __init__(
        self, definition: Definition, reader: Reader, sink: Sink, stop: threading.Event, progress: Progress
    ) -> None:
        self.refused: Refusal | None = None
        self._name = definition.name
        self._levels = tuple(path.strip("/") for path in definition.partition_key)
        self._reader = reader
        self._sink = sink
        self._stop = stop
        self._progress = progress
        self._written = Written()

    @property
    def erased(self) -> Erased:
        """So far."""
        spent = (self._reader.request_units or 0.0) + (self._written.request_units or 0.0)
        return Erased(self._written.documents, round(spent, 2) or None)

    def erase(self, selection: Selection) -> None:
        """See `erase`."""
        for documents in self._portions(selection):
            self._sink.delete(self._name, documents, self._settled)

    def _portions(self, selection: Selection) -> Iterator[list[Documents]]:
        """The documents, `READ_AHEAD` at a time, by key: the service gives those of many keys in any order."""
        found = self._found(selection)
        while portion := sorted(itertools.islice(found, READ_AHEAD)):
            by_key = itertools.groupby(portion, key=itemgetter(0))
            yield [_documents(key, [name for _, name in pairs]) for key, pairs in by_key]

    def _found(self, selection: Selection) -> Iterator[tuple[Key, str]]:
        for row in self._reader.rows(query.identities(selection, self._levels)):
            if self._stop.is_set():
                raise Stopped
            key = tuple(row.get(name) for name in self._levels)
            if all(isinstance(value, str) for value in key):
                yield key, row["id"]

    def _settled(self, written: Written) -> None:
        self._written += replace(written, refused=())
        self.refused = self.refused or next(iter(written.refused), None)
        self._progress(self._name, self.erased)


def _documents(key: Key, ids: list[str]) -> Documents:
    return Documents(key, [{"id": each} for each in ids], [len(each.encode()) + _ENVELOPE_BYTES for each in ids])


def _containers(account: Account, selection: Selection) -> list[Definition]:
    return [each for each in wanted(account) if each.name != RUNS or selection.sensor is None]


def _within(selection: Selection, definition: Definition) -> Selection:
    readings = definition.name not in {*_TIMES, ANOMALIES}
    return replace(selection, time=_TIMES.get(definition.name, selection.time), whole=readings)


def _stays(account: Account, container: str, refused: Refusal) -> SinkError:
    return SinkError(
        "delete the document",
        f"{account.database}/{container}/{refused.document_id}",
        why=f"{refused.status}: {refused.why}",
        hint="delete it in the account's Data Explorer, then run again; the others of this container are gone",
    )
