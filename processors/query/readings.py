"""Readings of a selection, whatever form they are stored in: each in a document of its own, or many in a bucket.

A bucket has readings from its `observedAt` to its `lastObservedAt`, and only buckets have the latter. Both are
indexed, and the answer is the same whatever the size of buckets.

The newest so many readings are in two sets of documents: of those that begin in the time that is asked for, as many of
the latest, for each has a reading that is as late as it begins; and the buckets that have some of that time, from the
one that ends last on, until enough readings are as late as the next one ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from processors.document.bucket import COLUMNS, COUNT, LAST_OBSERVED_AT, OFFSET_US
from processors.query.described import Described
from processors.query.reader import PAGE_ROWS, Reader
from processors.query.selection import Query, Selection, instant
from processors.query.unpacked import readings_of
from processors.schema import OBSERVED_AT, ROW_ID

Reading = dict[str, Any]
Documents = dict[str, dict[str, Any]]

_PORTION = 10 * PAGE_ROWS
"""Readings that are held to be put in order, where there are buckets."""

_OF_A_BUCKET = 32
"""Readings that a bucket is hoped to have: of as many fewer buckets is asked at first."""

_IS_TIMED = (f"c.{OBSERVED_AT} >= @always", "@always", "")
_IS_BUCKET = (f"c.{LAST_OBSERVED_AT} >= @always", "@always", "")
_TIMES = (
    f"c.id, c.kind, c.{OBSERVED_AT}, "
    f'{{"{ROW_ID}": c.{COLUMNS}.{ROW_ID}, "{OFFSET_US}": c.{COLUMNS}.{OFFSET_US}}} AS {COLUMNS}'
)


def newest(reader: Reader, selection: Selection, limit: int) -> Iterator[Reading]:
    """The latest readings, at most `limit`, each as its own document would be.

    Raises:
        EndpointError: As `Reader.rows`, and the other two likewise.
        SinkError: See there.
        Stopped: See there.
    """
    yield from Described(reader).join(_newest(reader, selection, limit))


def oldest(reader: Reader, selection: Selection) -> Reading | None:
    """The earliest reading, without what is kept once for its sensor.

    Raises:
        EndpointError: As `Reader.rows`, and the other two likewise.
        SinkError: See there.
        Stopped: See there.
    """
    first = list(reader.rows(_begun(selection, "*", f" ORDER BY c.{OBSERVED_AT} ASC OFFSET 0 LIMIT 1")))
    going_on = [] if selection.since is None else list(reader.rows(_across(selection, selection.since)))
    return min(_within(selection, [*first, *going_on]), key=_time, default=None)


def count(reader: Reader, selection: Selection) -> int:
    """How many readings there are.

    Raises:
        EndpointError: As `Reader.rows`, and the other two likewise.
        SinkError: See there.
        Stopped: See there.
    """
    documents = _sum(reader, _begun(selection, "VALUE COUNT(1)"))
    if not _sum(reader, _buckets(selection, "VALUE COUNT(1)")):
        return documents
    buckets = _sum(reader, _begun(selection, "VALUE COUNT(1)", bucket=True))
    inside = _sum(reader, _begun(selection, f"VALUE SUM(c.{COUNT})", bucket=True))
    return documents - buckets + inside + _at_edges(reader, selection)


def _newest(reader: Reader, selection: Selection, limit: int) -> Iterator[Reading]:
    """So many at a time that they can be held, where there are buckets; a moment may be cut in two."""
    told: set[str] = set()
    end = ""
    while limit > 0:
        wanted = min(limit, _PORTION) + len(told)
        buckets = _latest_buckets(reader, selection, wanted)
        if not buckets:
            rest = reader.rows(_begun(selection, "*", _latest(limit + len(told))))
            yield from islice((each for each in rest if each["id"] not in told), limit)
            return
        found = _with_others(reader, selection, wanted, buckets)
        fresh = [each for each in found if each["id"] not in told][:limit]
        yield from fresh
        limit -= len(fresh)
        if len(found) < wanted:
            return
        before, end = end, _time(found[-1])
        told = {each["id"] for each in found if _time(each) == end} | (told if before == end else set())
        selection = replace(selection, before=datetime.fromisoformat(end) + timedelta(microseconds=1))


def _latest_buckets(reader: Reader, selection: Selection, wanted: int) -> Documents:
    """Buckets from the one that ends last on, until no other can have one of the newest `wanted` readings."""
    found: Documents = {}
    asked, end = 1 + (wanted - 1) // _OF_A_BUCKET, None
    while True:
        answer = _by_id(reader.rows(_buckets(selection, "*", _latest(asked, LAST_OBSERVED_AT), until=end)))
        found |= answer
        if len(answer) < asked:
            return found
        end = min(each[LAST_OBSERVED_AT] for each in answer.values())
        if sum(_time(each) >= end for each in _within(selection, found.values())) >= wanted:
            return found
        asked *= 2


def _with_others(reader: Reader, selection: Selection, wanted: int, buckets: Documents) -> list[Reading]:
    """The newest `wanted` readings of these buckets and of all documents, newest first."""
    times = sorted((_time(each) for each in _within(selection, buckets.values())), reverse=True)
    enough = len(times) >= wanted
    since = replace(selection, since=datetime.fromisoformat(times[wanted - 1])) if enough else selection
    # To count is cheap, and where all that begin then are buckets that are here, none need be read twice.
    here = sum(_is_within(since, _time(each)) for each in buckets.values())
    if _sum(reader, _begun(since, "VALUE COUNT(1)")) > here:
        buckets = buckets | _by_id(reader.rows(_begun(since, "*", _latest(wanted))))
    return sorted(_within(selection, buckets.values()), key=_time, reverse=True)[:wanted]


def _at_edges(reader: Reader, selection: Selection) -> int:
    """Readings of buckets that begin earlier than what is asked for, less those that are later than it."""
    since, before = selection.since, selection.before
    difference = 0
    if since is not None:
        begun = _within(selection, reader.rows(_across(selection, since, _TIMES)))
        difference += sum(1 for _ in begun)
    if before is not None:
        going_on = reader.rows(_across(selection, before, _TIMES))
        inside = (each for each in going_on if since is None or each[OBSERVED_AT] >= instant(since))
        difference -= sum(1 for _ in _within(replace(selection, since=before, before=None), inside))
    return difference


def _begun(selection: Selection, what: str, after: str = "", *, bucket: bool = False) -> Query:
    """Of documents that begin in the time that is asked for."""
    return selection.query(what, after, _IS_TIMED, *((_IS_BUCKET,) if bucket else ()))


def _buckets(selection: Selection, what: str, after: str = "", until: str | None = None) -> Query:
    """Of buckets that have some of the time that is asked for, or that end no later than `until`."""
    since = "" if selection.since is None else instant(selection.since)
    more = [(f"c.{LAST_OBSERVED_AT} >= @last", "@last", since)]
    if until is not None:
        more.append((f"c.{LAST_OBSERVED_AT} <= @until", "@until", until))
    return replace(selection, since=None).query(what, after, *more, partition=selection.partition)


def _across(selection: Selection, at: datetime, what: str = "*") -> Query:
    """Of buckets that begin before a moment and end at it or later."""
    edge = instant(at)
    more = [(f"c.{OBSERVED_AT} < @edge", "@edge", edge), (f"c.{LAST_OBSERVED_AT} >= @edge", "@edge", edge)]
    return replace(selection, since=None, before=None).query(what, "", *more, partition=selection.partition)


def _latest(limit: int, time: str = OBSERVED_AT) -> str:
    # A number in the text: the emulator knows no parameter there.
    return f" ORDER BY c.{time} DESC OFFSET 0 LIMIT {limit:d}"


def _within(selection: Selection, documents: Iterable[Mapping[str, Any]]) -> Iterator[Reading]:
    """Readings of documents, as far as they are of the time that is asked for."""
    every = (reading for document in documents for reading in readings_of(document))
    return (reading for reading in every if _is_within(selection, _time(reading)))


def _is_within(selection: Selection, time: str) -> bool:
    return (selection.since is None or time >= instant(selection.since)) and (
        selection.before is None or time < instant(selection.before)
    )


def _by_id(rows: Iterable[dict[str, Any]]) -> Documents:
    return {row["id"]: row for row in rows}


def _time(reading: Mapping[str, Any]) -> str:
    return str(reading[OBSERVED_AT])


def _sum(reader: Reader, query: Query) -> int:
    """Of what partitions answer; those that have nothing to add up may answer nothing."""
    return sum(int(number) for number in reader.rows(query) if isinstance(number, int | float))
