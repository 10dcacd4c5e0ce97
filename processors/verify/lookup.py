"""Documents of known rows, and how many there are: bounded queries, each of one full partition key.

A range of `observedAt` is what the service has an index for; `rowId` and `generation` bound the answer by the
rows that are asked for, whatever else was observed then. What is not found so is looked up by id, so that a
document whose time or row id was changed is known to be there.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from processors.document import ID
from processors.query import Query, Reader, without_system
from processors.schema import MONTH, OBSERVED_AT, ROW_ID, SENSOR_ID
from processors.verify.days import Days

_IDS = 200
"""Ids of a query. Azure takes more; the emulator compares each with each document."""

_OUTLIERS = 8
"""Times at either end that may lie apart from the rest, and are then looked up by id."""

KEY = "c.city = @city AND c.sensorId = @sensor AND c.month = @month"


@dataclass(frozen=True)
class Key:
    """A full partition key of the container of readings."""

    city: str
    sensor: str
    month: str

    def query(self, what: str, condition: str = "", **parameters: Any) -> Query:
        """A query of this partition alone.

        Args:
            what: From SELECT to before FROM.
            condition: Appended with AND.
            parameters: Names without `@` and values.
        """
        text = f"{what} FROM c WHERE {KEY}{f' AND {condition}' if condition else ''}"
        values = {"city": self.city, "sensor": self.sensor, "month": self.month, **parameters}
        return Query(text, {f"@{name}": value for name, value in values.items()}, (self.city, self.sensor, self.month))


class Lookup:
    """Finds documents of rows, and remembers how many it found on which day."""

    def __init__(self, reader: Reader, city: str) -> None:
        self.found: dict[Key, Counter[int]] = {}
        self._reader = reader
        self.city = city
        self._empty: dict[Key, bool] = {}

    def documents(self, rows: pl.DataFrame, generation: str) -> dict[str, dict[str, Any]]:
        """Documents that there are, by id, without what the service adds.

        Args:
            rows: `id`, `sensorId`, `month`, `observedAt` and `rowId` of rows of one generation.
            generation: Whose rows they are.
        """
        found: dict[str, dict[str, Any]] = {}
        for (sensor, month), part in rows.partition_by(SENSOR_ID, MONTH, as_dict=True).items():
            key = Key(self.city, sensor, month)
            wanted = set(part[ID])
            days, counts = Days(month), self.found.setdefault(key, Counter())
            for item in self._items(key, part, generation, wanted):
                if item[ID] in wanted:
                    wanted.discard(item[ID])
                    found[item[ID]] = without_system(item)
                    counts[days.number(item.get(OBSERVED_AT))] += 1
        # The SDK's answers are in cycles of few objects and many bytes, which Python would keep for long.
        gc.collect()
        return found

    def _items(self, key: Key, part: pl.DataFrame, generation: str, wanted: set[str]) -> Iterator[dict[str, Any]]:
        since, until = _span(part[OBSERVED_AT].sort().to_list())
        condition = "c.observedAt >= @since AND c.observedAt <= @until"
        condition += " AND c.generation = @generation AND c.rowId >= @first AND c.rowId <= @last"
        ids = {"first": part[ROW_ID].min(), "last": part[ROW_ID].max()}
        times = {"since": instant(since), "until": instant(until)}
        yield from self._reader.rows(key.query("SELECT *", condition, generation=generation, **times, **ids))
        if not wanted or self._is_empty(key):
            return
        rest = sorted(wanted)
        for start in range(0, len(rest), _IDS):
            some = {f"id{number}": name for number, name in enumerate(rest[start : start + _IDS])}
            listed = ", ".join(f"@{name}" for name in some)
            yield from self._reader.rows(key.query("SELECT *", f"c.id IN ({listed})", **some))

    def _is_empty(self, key: Key) -> bool:
        """Whether the partition had nothing when it was asked for first: then ids need not be looked up in it."""
        if key not in self._empty:
            self._empty[key] = count(self._reader, key.query("SELECT VALUE COUNT(1)")) == 0
        return self._empty[key]


def count(reader: Reader, query: Query) -> int:
    """Sum of what partitions answer."""
    return sum(int(number) for number in _numbers(reader.rows(query)))


def instant(at: datetime) -> str:
    """A time as documents write it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _numbers(answer: Iterable[Any]) -> Iterator[int]:
    return (number for number in answer if isinstance(number, int))


def _span(times: list[datetime]) -> tuple[datetime, datetime]:
    """First and last of the times, without a few at either end that would stretch the range to twice its length."""
    low, high = 0, len(times) - 1
    for _ in range(_OUTLIERS):
        half = (times[high] - times[low]) / 2
        if half <= timedelta(0):
            break
        if times[low + 1] - times[low] > half:
            low += 1
        elif times[high] - times[high - 1] > half:
            high -= 1
        else:
            break
    return times[low], times[high]
