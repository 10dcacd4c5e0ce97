"""Charges from a hundred writes: real documents under a partition key of their own, written, replaced and deleted."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from processors import charges
from processors.charges import REPLACE, Meter
from processors.city import account
from processors.cosmos import Account
from processors.errors import EndpointError, Stopped
from processors.model import Documents
from processors.rehearsal.samples import At, Kept, Samples, class_of, size_of
from processors.settings import Settings
from processors.sink import open_sink

MOST_WRITES = 100
"""Operations, deletes among them."""

TTL_S = 60
"""Seconds until a document of a probe expires that could not be deleted."""

_STRETCHED = ("generation", "node")
"""Texts that no container indexes: one of them is in each document."""

PREFIX = "!probe-"
"""Of the city that documents of a probe are said to be of."""


@dataclass(frozen=True)
class Chosen:
    """A document to write.

    Attributes:
        container: Where to.
        document: As a run would send it.
        replaced: Whether it is written twice, the second time in its own place.
    """

    container: str
    document: Kept
    replaced: bool

    @property
    def writes(self) -> int:
        """Operations that it takes: it is inserted and deleted."""
        return 3 if self.replaced else 2


@dataclass(frozen=True)
class Probed:
    """What a probe came to.

    Attributes:
        observations: Of `charges.SCHEMA`; empty where the service states no charges.
        writes: Operations.
        policies: Container -> name of its indexing policy (`charges.policy_of`).
        request_units: That it cost, None where the service states none.
        stays: Whether what was written could not be deleted, and expires after `TTL_S`.
    """

    observations: pl.DataFrame
    writes: int
    policies: Mapping[str, str]
    request_units: float | None
    stays: bool


def choose(writes: pl.DataFrame, samples: Samples) -> Sequence[Chosen]:
    """Documents of the sizes that are planned, those that are planned most first, at most `MOST_WRITES` operations.

    Of each container, something comes before more of another: it has no price where nothing of it is charged.

    Args:
        writes: Of `counting.WRITES`: what the charges are wanted of.
        samples: Documents to choose from.
    """
    weights: dict[At, float] = {}
    replaced: set[At] = set()
    for container, operation, shape, size, documents in writes.rows():
        at = (container, shape, class_of(size))
        weights[at] = weights.get(at, 0.0) + documents
        if operation == REPLACE:
            replaced.add(at)
    left = MOST_WRITES
    chosen = []
    most = {at[0]: at for at in sorted(weights, key=lambda at: (weights[at], at))}
    for at in sorted(weights, key=lambda at: (most[at[0]] != at, -weights[at], at)):
        for document in _ends(at, weights.keys() & samples.largest.keys(), samples):
            one = Chosen(at[0], document, at in replaced)
            if one.writes <= left:
                left -= one.writes
                chosen.append(one)
    return chosen


def probe(settings: Settings, chosen: Sequence[Chosen], at: datetime, stop: threading.Event) -> Probed:
    """Writes the documents, reads what that was charged, and deletes them, also when something fails.

    What may not be deleted, or cannot any more, expires.

    Args:
        settings: Of the account.
        chosen: See `choose`.
        at: UTC.
        stop: Ends it early.

    Raises:
        EndpointError: The account cannot be reached, or refuses us.
        SinkError: The database or a container is missing, or the service takes nothing for now.
        Stopped: It was asked to end.
    """
    groups = _groups(chosen, f"{PREFIX}{secrets.token_hex(4)}")
    meter = Meter()
    where = account(settings)
    with open_sink(where, stop=stop, meter=meter) as sink:
        try:
            for one, group in (*groups, *(pair for pair in groups if pair[0].replaced)):
                if stop.is_set():
                    raise Stopped
                sink.write(one.container, [group])
        finally:
            deleted = _delete(where, groups, meter)
        policies = sink.policies
    observations = charges.observed(
        meter.spent, endpoint=settings.endpoint, database=settings.database, policies=policies, at=at
    )
    writes = sum(one.writes for one in chosen)
    return Probed(observations, writes, policies, meter.spent.request_units, stays=not deleted)


def _ends(at: At, known: set[At], samples: Samples) -> Iterator[Kept]:
    """The largest document of a class, and the smallest where no smaller class is next to it."""
    if at in known:
        largest, smallest = samples.largest[at], samples.smallest[at]
        yield largest
        if (*at[:2], at[2] - 1) not in known and smallest.size < largest.size:
            yield smallest


def _delete(where: Account, groups: Sequence[tuple[Chosen, Documents]], meter: Meter) -> bool:
    """Whether all is gone: an identity that only writes may not delete.

    By a connection of its own, for the other one may have been asked to end.
    """
    try:
        with open_sink(where, meter=meter) as sink:
            for one, group in groups:
                sink.delete(one.container, [group], lambda _: None)
    except EndpointError:
        return False
    return True


def _groups(chosen: Sequence[Chosen], city: str) -> Sequence[tuple[Chosen, Documents]]:
    """One document at a time, each with an id of its own: a bucket has the same one whether it is full or not."""
    groups = []
    for number, one in enumerate(chosen):
        item = _disguised(one.document, city, number)
        groups.append((one, Documents((city, *one.document.key[1:]), [item], [size_of(item)])))
    return groups


def _disguised(document: Kept, city: str, number: int) -> dict[str, Any]:
    """The document with another city and id, and an expiry; of the same size, for it is the size that is charged."""
    name = str(document.item["id"])
    item = {**document.item, "id": f"{number:04d}{name[4:]}", "city": city, "ttl": TTL_S}
    item.pop("schemaVersion", None)  # makes room
    text = next((each for each in _STRETCHED if each in item), None)
    if text is not None:
        length = len(str(item[text])) + document.size - size_of(item)
        item[text] = str(item[text])[: max(0, length)].ljust(length, "0")
    return item
