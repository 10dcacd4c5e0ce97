"""What moves between stages: plain frozen values and frames, nothing that does anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from processors.charges import Spent

BEFORE_FIRST = -(2**63)
"""Position before the first row id that SQLite can give."""


@dataclass(frozen=True)
class Database:
    """One sensor's SQLite file: `data/<city>/<sensor>/sensor_data.db`.

    Attributes:
        city: Folder name, as written.
        sensor: Folder name below the city, as written.
        path: The database file.
    """

    city: str
    sensor: str
    path: Path


@dataclass(frozen=True)
class Extent:
    """How far a table reaches.

    Attributes:
        first_id: Smallest row id, None when the table is empty.
        last_id: Largest row id, None when the table is empty.
        ever_id: Largest row id ever given (AUTOINCREMENT), None when the table does not keep it.
    """

    first_id: int | None
    last_id: int | None
    ever_id: int | None

    def beyond(self, position: int) -> int:
        """Rows with an id above a position, at most: ids may have gaps."""
        if self.first_id is None or self.last_id is None:
            return 0
        return max(0, self.last_id - max(position, self.first_id - 1))


Anchor = Mapping[str, Any]
"""A row remembered by value, to know a database again: `id`, `timestamp`, `sensor_id` and the measures, by
source name. Null values are left out: they prove nothing."""


@dataclass(frozen=True)
class Branch:
    """One life of a database, and how far it has been taken in.

    Attributes:
        generation: Name of this life; part of each document's id.
        parent: Generation that it continues from `base_id`, None for the first.
        base_id: Rows up to this id belong to an earlier life.
        position: Largest row id taken in; `base_id` when there is none yet.
        anchors: Some rows of it in id order, also the last row of a batch that is about to be sent.
    """

    generation: str
    parent: str | None
    base_id: int
    position: int
    anchors: Sequence[Anchor] = ()


@dataclass(frozen=True)
class Batch:
    """One page of rows of one database, as read.

    Attributes:
        database: Where the rows come from.
        generation: Life of the database that they belong to.
        last_id: Row id of the last row.
        rows: One row a reading, by source name (see `source.Source.page`), in id order, never empty.
        replayed: Whether a run before may have sent some of it.
    """

    database: Database
    generation: str
    last_id: int
    rows: pl.DataFrame
    replayed: bool = False


@dataclass(frozen=True)
class Documents:
    """Documents of one full partition key.

    Attributes:
        key: Partition key values, one for each level.
        items: JSON objects with their `id`.
        sizes: Bytes of each item as UTF-8 JSON, same order.
    """

    key: tuple[str, ...]
    items: list[dict[str, Any]]
    sizes: list[int]


@dataclass(frozen=True)
class Refusal:
    """A document that Cosmos will never take.

    Attributes:
        document_id: Its `id`.
        status: HTTP status, 400 or 413.
        why: The service's first sentence.
    """

    document_id: str
    status: int
    why: str


@dataclass(frozen=True)
class Written:
    """What came of a write.

    Attributes:
        documents: How many the service took.
        spent: What it charged, also for attempts that came to nothing.
        refused: Those it will never take.
        held: How many of those it took it had already, so that they were not sent again.
    """

    documents: int = 0
    spent: Spent = field(default_factory=Spent)
    refused: Sequence[Refusal] = field(default_factory=tuple)
    held: int = 0

    @property
    def request_units(self) -> float | None:
        """Charge, None when the service states none."""
        return self.spent.request_units

    def __add__(self, other: Written) -> Written:
        """Both together."""
        return Written(
            self.documents + other.documents,
            self.spent + other.spent,
            (*self.refused, *other.refused),
            self.held + other.held,
        )
