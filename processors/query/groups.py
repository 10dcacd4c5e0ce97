"""Readings by city, sensor and day."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from processors.document import DESCRIPTION
from processors.query.reader import Reader
from processors.query.selection import Selection, partition, partitions, without_system
from processors.query.unpacked import readings_of

NO_DAY = ""
"""Day of documents that carry no readable time."""

_KEY = ("city", "sensorId", "month")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Group:
    """Readings of one city, sensor and day.

    Attributes:
        city: City.
        sensor_id: Sensor.
        day: UTC date, `NO_DAY` for documents without a readable time.
        documents: How many, each as if it had a document of its own.
        bytes: Size of what they are stored in as compact UTF-8 JSON, without what the service adds; a bucket is of the
            day of its first reading. None where that is not known.
        newest: Latest `observedAt`.
    """

    city: str
    sensor_id: str
    day: str
    documents: int
    bytes: int | None
    newest: str | None


def groups(reader: Reader, selection: Selection) -> Iterator[Group]:
    """Readings by city, sensor and day, in that order.

    Every document is read, one partition key at a time: the service can group, but not for this SDK (no
    GROUP BY across partitions), and nowhere does it count bytes. Documents without a full key are not ours
    and not counted; nor are those that say what a sensor is.
    """
    found = [key for key in reader.rows(partitions(selection)) if len(key) == len(_KEY)]
    for city, sensor, month in sorted(tuple(key[name] for name in _KEY) for key in found):
        yield from group((city, sensor), reader.rows(partition((city, sensor, month))))


def group(key: tuple[str, str], documents: Iterable[dict[str, Any]]) -> list[Group]:
    """Readings of one city and sensor by day, in order of day."""
    days: dict[str, Group] = {}
    for reading, size in _sized(documents):
        at = _observed_at(reading)
        day = at[:10] if at and _DAY.match(at) else NO_DAY
        before = days.get(day) or Group(*key, day, 0, 0, None)
        days[day] = replace(
            before,
            documents=before.documents + 1,
            bytes=(before.bytes or 0) + size,
            newest=max(filter(None, (before.newest, at)), default=None),
        )
    return [days[day] for day in sorted(days)]


def _sized(documents: Iterable[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], int]]:
    """Each reading, and the bytes of its document with the first of it."""
    for document in documents:
        if document.get("kind") == DESCRIPTION:
            continue
        size = _size(document)
        for reading in readings_of(document):
            yield reading, size
            size = 0


def _observed_at(document: Mapping[str, Any]) -> str | None:
    at = document.get("observedAt")
    return at if isinstance(at, str) else None


def _size(document: dict[str, Any]) -> int:
    return len(json.dumps(without_system(document), ensure_ascii=False, separators=(",", ":")).encode())
