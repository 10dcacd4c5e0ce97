"""The readings that a document holds, and what is wrong with one that cannot be trusted to say which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from processors.document import ID, unpack
from processors.document.bucket import COLUMNS, COUNT, LAST_OBSERVED_AT
from processors.document.bucket import KIND as BUCKET
from processors.model import BEFORE_FIRST
from processors.schema import OBSERVED_AT, ROW_ID

LISTED = f'SELECT c.{ID}, c.{ROW_ID}, c.kind, c["{COLUMNS}"]["{ROW_ID}"] AS rowIds'
"""What is read of a document to know whose readings it holds."""


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
    if item.get("kind") != BUCKET:
        return Held(name, is_bucket=False, readings=[dict(item)], wrong=None)
    try:
        if row_ids({"rowIds": item[COLUMNS][ROW_ID]}) is None:
            raise ValueError("rowId is not a number of each reading")
        readings = unpack(item)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        return Held(name, is_bucket=True, readings=[], wrong=f"it is a damaged bucket: {error!r}")
    return Held(name, is_bucket=True, readings=readings, wrong=_wrong(item, readings))


def row_ids(listed: Mapping[str, Any]) -> list[int] | None:
    """Row ids of a bucket that was read as `LISTED`; None when it does not have them."""
    found = listed.get("rowIds")
    good = isinstance(found, list) and all(type(row_id) is int for row_id in found)
    return found if good else None


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
