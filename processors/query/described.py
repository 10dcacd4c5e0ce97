"""What a sensor is, where it is kept once for its sensor and month, given back to each reading."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from processors.document import describe, described_by
from processors.query.reader import PAGE_ROWS, Reader
from processors.query.selection import Query, without_system

_IDS = 200
"""Ids of a query. Azure takes more; the emulator compares each with each document."""

_KEPT = 10_000
"""Descriptions that are remembered."""

Key = tuple[str, str]
"""City and id."""


class Described:
    """Joins readings with the documents that describe their sensors."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._known: dict[str, dict[str, dict[str, Any]]] = {}

    def join(self, readings: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """The readings as they would be if each said all; one whose description is not there stays as it is."""
        coming = iter(readings)
        while block := list(islice(coming, PAGE_ROWS)):
            self._look_up({key for key in map(_key, block) if key is not None})
            for reading in block:
                key = _key(reading)
                yield reading if key is None else describe(reading, self._known.get(key[0], {}))

    def _look_up(self, keys: set[Key]) -> None:
        unknown = sorted(key for key in keys if key[1] not in self._known.get(key[0], {}))
        if sum(map(len, self._known.values())) + len(unknown) > _KEPT:
            self._known.clear()
            unknown = sorted(keys)
        for start in range(0, len(unknown), _IDS):
            some = unknown[start : start + _IDS]
            for city in sorted({city for city, _ in some}):
                names = [name for of, name in some if of == city]
                for row in self._reader.rows(_by_ids(city, names)):
                    self._known.setdefault(city, {})[row["id"]] = without_system(row)


def _key(reading: dict[str, Any]) -> Key | None:
    name = described_by(reading)
    return None if name is None else (str(reading.get("city")), name)


def _by_ids(city: str, ids: list[str]) -> Query:
    parameters = {f"@id{number}": name for number, name in enumerate(ids)}
    text = f"SELECT * FROM c WHERE c.city = @city AND c.id IN ({', '.join(parameters)})"  # noqa: S608
    return Query(text, {"@city": city, **parameters})
