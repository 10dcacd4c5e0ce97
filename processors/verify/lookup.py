"""Readings of known rows, and how many there are: bounded queries, each of one full partition key.

A range of `observedAt` is what the service has an index for; `rowId` and `generation` bound the answer by the
rows that are asked for, whatever else was observed then. A bucket is found by the time that it has readings of. What
is not found so is looked up by id, so that a document whose time or row id was changed is known to be there: the id of
a bucket begins with that of its readings, and ends with the least of their row ids.
"""

from __future__ import annotations

import gc
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from processors.document import BUCKETED, ID, KIND
from processors.document.bucket import LAST_OBSERVED_AT
from processors.query import Query, Reader, without_system
from processors.query.selection import instant
from processors.schema import MONTH, OBSERVED_AT, ROW_ID, SENSOR_ID
from processors.verify.days import NO_TIME, Days
from processors.verify.readings import LISTED, Copy, Place, bucket_number, held, places

WANTED = "!wanted"
"""Column: whether the reading must be there, so that it is looked for in more than one way."""

IN_BUCKET = "!inBucket"
"""Column: whether the reading left in a bucket; null where that is not known."""

IDS = 200
"""Ids of a query. Azure takes more; the emulator compares each with each document."""

_OUTLIERS = 8
"""Times at either end that may lie apart from the rest, and are then looked up by id."""

KEY = "c.city = @city AND c.sensorId = @sensor AND c.month = @month"

_ALONE = (
    f"c.{OBSERVED_AT} >= @since AND c.{OBSERVED_AT} <= @until AND c.generation = @generation"
    f" AND c.{ROW_ID} >= @first AND c.{ROW_ID} <= @last"
)
_TOGETHER = f"c.{OBSERVED_AT} <= @until AND c.{LAST_OBSERVED_AT} >= @since AND c.generation = @generation"


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
        return Query(text, {f"@{name}": value for name, value in values.items()}, self.levels)

    @property
    def levels(self) -> tuple[str, str, str]:
        """The values of its levels."""
        return self.city, self.sensor, self.month

    def by_ids(self, names: Sequence[str]) -> Query:
        """Documents of these ids, at most `IDS`."""
        some = {f"id{number}": name for number, name in enumerate(names)}
        return self.query("SELECT *", f"c.{ID} IN ({', '.join(f'@{name}' for name in some)})", **some)


@dataclass
class Tally:
    """What was found in one partition, to tell whether there is more.

    Attributes:
        documents: Of each day, those that hold a reading that was asked for; a bucket is counted with its first.
        others: Readings that these hold and that were not asked for: none, once all rows were.
        doubled: Days with documents of readings that others hold too.
        described: Ids of descriptions that readings name, which are of no day.
    """

    documents: Counter[int] = field(default_factory=Counter)
    others: Counter[int] = field(default_factory=Counter)
    doubled: set[int] = field(default_factory=set)
    described: set[str] = field(default_factory=set)

    def adds_up(self, day: int, documents: int) -> bool:
        """Whether that many documents of a day are those that were found, and hold what was asked for, once."""
        found = self.documents[day] + (len(self.described) if day == NO_TIME else 0)
        return documents == found and not self.others[day] and day not in self.doubled

    def add_up(self, documents: int) -> bool:
        """Whether that many of all days are."""
        found = self.documents.total() + len(self.described)
        return documents == found and not any(self.others.values()) and not self.doubled


@dataclass
class Found:
    """What there is of the readings that were asked for.

    Attributes:
        copies: Id of a reading -> what holds it: more than one where it is doubled.
        documents: Likewise as `Tally.documents`, of any day.
        damaged: Id of a document of their time that holds none -> what is wrong with it.
    """

    copies: dict[str, list[Copy]] = field(default_factory=dict)
    documents: int = 0
    damaged: dict[str, str] = field(default_factory=dict)


class Lookup:
    """Finds readings of rows, and remembers how many it found on which day."""

    def __init__(self, reader: Reader, city: str) -> None:
        self.found: dict[Key, Tally] = {}
        self._reader = reader
        self.city = city
        self._empty: dict[Key, bool] = {}

    def readings(self, rows: pl.DataFrame, generation: str) -> Found:
        """What Cosmos has of these rows, without what the service adds.

        Args:
            rows: `id`, `sensorId`, `month`, `observedAt`, `rowId`, `WANTED` and `IN_BUCKET`; a page at most.
            generation: Whose they are.
        """
        found = Found()
        for (sensor, month), part in rows.partition_by(SENSOR_ID, MONTH, as_dict=True).items():
            key = Key(self.city, sensor, month)
            one = _Part(key, set(part[ID]), self.found.setdefault(key, Tally()), found)
            for item in self._timed(key, part, generation, "SELECT *"):
                one.take(item)
            missed = part.filter(pl.col(WANTED) & ~pl.col(ID).is_in(list(found.copies)))
            if missed.is_empty() or self._is_empty(key):
                continue
            for item in self._others(key, missed):
                one.take(item)
        # The SDK's answers are in cycles of few objects and many bytes, which Python would keep for long.
        gc.collect()
        return found

    def places(self, key: Key, rows: pl.DataFrame, generation: str) -> dict[str, list[Place]]:
        """Id of a reading -> where it is, as far as it is found by its time; nothing is remembered.

        Args:
            key: The partition of all rows.
            rows: `id`, `observedAt` and `rowId`; not empty.
            generation: Whose they are.
        """
        found: dict[str, list[Place]] = {name: [] for name in rows[ID]}
        for item in self._timed(key, rows, generation, LISTED):
            for place in places(item):
                if place.id in found:
                    found[place.id].append(place)
        return found

    def note(self, key: Key, description: str) -> None:
        """A description that readings of a partition name was found there."""
        self.found[key].described.add(description)

    def _timed(self, key: Key, part: pl.DataFrame, generation: str, what: str) -> Iterator[dict[str, Any]]:
        since, until = _span(part[OBSERVED_AT].sort().to_list())
        times = {"since": instant(since), "until": instant(until), "generation": generation}
        ids = {"first": part[ROW_ID].min(), "last": part[ROW_ID].max()}
        yield from self._reader.rows(key.query(what, _ALONE, **times, **ids))
        yield from self._reader.rows(key.query(what, _TOGETHER, **times))

    def _others(self, key: Key, missed: pl.DataFrame) -> Iterator[dict[str, Any]]:
        """Documents that have the ids that hold these readings, whatever else they say."""
        alone = missed.filter(pl.col(IN_BUCKET).ne_missing(True))
        together = missed.filter(pl.col(IN_BUCKET).ne_missing(False))
        names = [*alone[ID], *(self._nearest(key, together) if len(together) else ())]
        names.sort()
        for start in range(0, len(names), IDS):
            yield from self._reader.rows(key.by_ids(names[start : start + IDS]))

    def _nearest(self, key: Key, missed: pl.DataFrame) -> Collection[str]:
        """Ids of the buckets that may hold these readings: of each, the last that begins before it."""
        (prefix,) = missed[ID].str.extract(r"^([^-]*)").unique()
        ids = missed[ROW_ID].sort().to_list()
        least: list[int | None] = [None] * (len(ids) + 1)
        for item in self._reader.rows(key.query(f"SELECT c.{ID}", f"c.{KIND} = @kind", kind=BUCKETED)):
            number = bucket_number(str(item[ID]), prefix)
            if number is not None:
                place = bisect_left(ids, number)
                before = least[place]
                least[place] = number if before is None else max(before, number)
        latest, names = None, set()
        for number in least[:-1]:
            latest = latest if number is None else number
            if latest is not None:
                names.add(f"{prefix}-b{latest}")
        return names

    def _is_empty(self, key: Key) -> bool:
        """Whether the partition had nothing when it was asked for first: then ids need not be looked up in it."""
        if key not in self._empty:
            self._empty[key] = count(self._reader, key.query("SELECT VALUE COUNT(1)")) == 0
        return self._empty[key]


class _Part:
    """Rows of one partition while they are looked for."""

    def __init__(self, key: Key, wanted: set[str], tally: Tally, found: Found) -> None:
        self._wanted = wanted
        self._tally = tally
        self._found = found
        self._days = Days(key.month)
        self._seen: set[str] = set()
        self._day_of: dict[str, int] = {}

    def take(self, item: dict[str, Any]) -> None:
        """A document that may hold some of them."""
        name = str(item[ID])
        if name in self._seen:
            return
        self._seen.add(name)
        holds = held(without_system(item))
        if not holds.readings and holds.wrong is not None:
            self._found.damaged[name] = holds.wrong
        day = self._days.number(item.get(OBSERVED_AT))
        copies = [each for each in holds.copies() if each.reading[ID] in self._wanted]
        for each in copies:
            self._found.copies.setdefault(each.reading[ID], []).append(each)
            if self._day_of.setdefault(each.reading[ID], day) != day or len(self._found.copies[each.reading[ID]]) > 1:
                self._tally.doubled |= {day, self._day_of[each.reading[ID]]}
        if holds.readings and holds.readings[0][ID] in self._wanted:
            self._found.documents += 1
            self._tally.documents[day] += 1
            self._tally.others[day] += len(holds.readings)
        self._tally.others[day] -= len(copies)


def count(reader: Reader, query: Query) -> int:
    """Sum of what partitions answer."""
    return sum(int(number) for number in _numbers(reader.rows(query)))


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
