"""The readings that a document holds, and what is wrong with one that cannot be trusted to say which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from processors.document import BUCKETED, ID, KIND, unpack
from processors.document.bucket import COLUMNS, COUNT, LAST_OBSERVED_AT, OFFSET_US
from processors.model import BEFORE_FIRST
from processors.query.selection import instant
from processors.schema import OBSERVED_AT, ROW_ID

LISTED = f"SELECT c.{ID}, c.{KIND}, c.{OBSERVED_AT}, c.{COLUMNS}.{ROW_ID} AS rowIds, c.{COLUMNS}.{OFFSET_US} AS timesUs"
"""What is read of a document to know which readings it holds, and of when."""


@dataclass(frozen=True)
class Place:
    """Where a reading is.

    Attributes:
        id: Of the reading.
        row_id: None when the id is not that of a row.
        document: Id of the document that holds it.
        at: When it was observed, as the document says; None when it does not.
        is_odd: Whether the document is a bucket that does not have the id of one with such readings.
    """

    id: str
    row_id: int | None
    document: str
    at: str | None
    is_odd: bool

    @property
    def prefix(self) -> str:
        """Start of the id."""
        return self.id.partition("-")[0]


@dataclass(frozen=True)
class Copy:
    """A reading as a document holds it.

    Attributes:
        document: Id of the document.
        in_bucket: Whether others are in it.
        reading: As it would be in a document of its own.
        wrong: What is wrong with the document itself, None when nothing is.
    """

    document: str
    in_bucket: bool
    reading: dict[str, Any]
    wrong: str | None


@dataclass(frozen=True)
class Held:
    """What a document holds.

    Attributes:
        document: Its id.
        is_bucket: Whether it may be of many readings.
        readings: In the order of their row ids; none when the document is damaged.
        wrong: See `Copy`.
    """

    document: str
    is_bucket: bool
    readings: list[dict[str, Any]]
    wrong: str | None

    def copies(self) -> Iterator[Copy]:
        """Each of the readings."""
        return (Copy(self.document, self.is_bucket, reading, self.wrong) for reading in self.readings)


def held(item: Mapping[str, Any]) -> Held:
    """What a document holds; a damaged bucket is told, not raised."""
    name = str(item[ID])
    if item.get(KIND) != BUCKETED:
        return Held(name, is_bucket=False, readings=[dict(item)], wrong=None)
    try:
        if _row_ids(item[COLUMNS][ROW_ID]) is None:
            raise ValueError("rowId is not a number of each reading")
        readings = unpack(item)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        return Held(name, is_bucket=True, readings=[], wrong=f"it is a damaged bucket: {error!r}")
    return Held(name, is_bucket=True, readings=readings, wrong=_wrong(item, readings))


def places(listed: Mapping[str, Any]) -> list[Place]:
    """The readings that a document holds that was read as `LISTED`; none of a damaged bucket."""
    name, at = str(listed[ID]), listed.get(OBSERVED_AT)
    prefix, _, text = name.partition("-")
    if listed.get(KIND) != BUCKETED:
        return [Place(name, row_number(text), name, at if isinstance(at, str) else None, is_odd=False)]
    row_ids = _row_ids(listed.get("rowIds")) or []
    times = _times(at, listed.get("timesUs"), len(row_ids))
    is_odd = bool(row_ids) and name != f"{prefix}-b{min(row_ids)}"
    return [
        Place(f"{prefix}-{row_id}", row_id, name, time, is_odd) for row_id, time in zip(row_ids, times, strict=True)
    ]


def _row_ids(found: object) -> list[int] | None:
    return found if isinstance(found, list) and all(type(row_id) is int for row_id in found) else None


def _times(at: object, offsets_us: object, number: int) -> Sequence[str | None]:
    try:
        begin = datetime.fromisoformat(str(at))
        times = [instant(begin + timedelta(microseconds=each)) for each in offsets_us]  # type: ignore[attr-defined]
    except (TypeError, ValueError, OverflowError):
        return [None] * number
    return times if len(times) == number else [None] * number


def row_number(text: str) -> int | None:
    """The row id that a text is, written in the one way that ids have it."""
    try:
        number = int(text)
    except ValueError:
        return None
    return number if str(number) == text and number > BEFORE_FIRST else None


def bucket_number(name: str, prefix: str) -> int | None:
    """Row id in the id of a bucket, None when it is not the id of one with that prefix."""
    begin = f"{prefix}-b"
    return row_number(name.removeprefix(begin)) if name.startswith(begin) else None


def _wrong(item: Mapping[str, Any], readings: list[dict[str, Any]]) -> str | None:
    """What a bucket says of its readings and they do not bear out: queries go by it."""
    if not readings:
        return "it is a bucket without readings"
    times = [reading[OBSERVED_AT] for reading in readings]
    true = {
        COUNT: len(readings),
        OBSERVED_AT: min(times),
        LAST_OBSERVED_AT: max(times),
    }
    false = [name for name, value in true.items() if item.get(name) != value]
    number = min(reading[ROW_ID] for reading in readings)
    if not str(item[ID]).endswith(f"-b{number}"):
        false.append(ID)
    return f"it is a bucket whose readings do not bear out its {', '.join(false)}" if false else None
