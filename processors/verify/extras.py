"""Readings that no row of this node explains, and readings that more than one document holds.

Of each partition of this node's sensors the documents are counted. Where there are as many as were found by their
rows, and all that they hold was asked for, there are no others. Elsewhere they are counted by the day, and those of
the days that do not add up are listed and their readings judged one by one, never many more at a time than a page.

A reading is explained by a row of its generation in the archive, or in the table: that row may be in a batch on
its way. The archive is looked at again after the document was seen, so a run that goes on raises no alarm. One that is
explained and that another document holds, where it belongs, is doubled.

Not seen: sensors that neither archive nor tables of this node know, which may be another node's; documents
without a full partition key; and the containers of aggregates and anomalies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from processors.document import DESCRIPTION, ID, KIND
from processors.document.bucket import COUNT
from processors.model import Database
from processors.query import Query, Reader, Selection, partitions
from processors.query.selection import instant
from processors.schema import MONTH, OBSERVED_AT
from processors.verify.days import NO_TIME, Days, Range
from processors.verify.findings import Finding
from processors.verify.holdings import Holdings
from processors.verify.lookup import Key, Tally, count
from processors.verify.readings import LISTED, Place, places
from processors.verify.stored import Comparison

_COUNT = "SELECT VALUE COUNT(1)"
_SUM = f"SELECT VALUE SUM(c.{COUNT})"
_NO_TIME = f"NOT IS_STRING(c.{OBSERVED_AT})"


def extras(reader: Reader, comparison: Comparison, holdings: Holdings, page_rows: int) -> Iterator[Finding]:
    """Readings of the sensors that nothing explains, and further copies of others.

    Args:
        reader: Of the container of readings.
        comparison: Knows how many were found by their rows, and of which sensors these are.
        holdings: What explains a reading.
        page_rows: Readings that are judged at a time, about.
    """
    lookup = comparison.lookup
    for sensor in sorted(comparison.sensors):
        for key in _keys(reader, lookup.city, sensor):
            tally = lookup.found.get(key, Tally())
            if tally.add_up(count(reader, key.query(_COUNT))):
                continue
            for page in _doubtful(reader, key, tally, page_rows):
                yield from _judged(page, key, comparison, holdings)


def _judged(page: list[dict[str, Any]], key: Key, comparison: Comparison, holdings: Holdings) -> Iterator[Finding]:
    suspects: list[Place] = []
    for item in (each for each in page if each[ID] not in comparison.told):
        if item.get(KIND) == DESCRIPTION and holdings.is_ours(key, str(item[ID]).partition("-")[0]):
            continue  # readings that name it may be on their way, or gone
        inside = places(item)
        suspects += inside
        if not inside:
            yield _damaged(str(item[ID]), key, holdings)
    verdict = holdings.judged(key, suspects)
    for suspect, database in verdict.unexplained:
        yield _extra(suspect, key, database, _why(suspect, database))
    for generation, database, rows in verdict.explained:
        known = comparison.lookup.places(key, rows, generation)
        for suspect, other in _doubled(suspects, known, dict(rows.select(ID, OBSERVED_AT).rows())):
            why = f"document {suspect.document} holds it, and so does {other.document}"
            yield _extra(suspect, key, database, why)


def _doubled(
    suspects: Iterable[Place], known: Mapping[str, list[Place]], times: Mapping[str, datetime]
) -> Iterator[tuple[Place, Place]]:
    """Suspects that are another copy of a reading, and the best one: of its time, and in a bucket that is none odd."""
    here: dict[str, list[Place]] = {}
    for suspect in suspects:
        if suspect.id in times:
            here.setdefault(suspect.id, []).append(suspect)
    for name, own in here.items():
        listed = {place.document for place in own}
        others = [place for place in known[name] if place.document not in listed]
        at = instant(times[name])
        first, *rest = sorted([*own, *others], key=lambda place: (place.at != at, place.is_odd, place.document))
        yield from ((place, first) for place in rest if place.document in listed)


def _damaged(document: str, key: Key, holdings: Holdings) -> Finding:
    ours = holdings.is_ours(key, document.partition("-")[0])
    why = "it is a damaged bucket: rowId is not a number of each reading"
    return Finding("differing" if ours else "extra", document, key.sensor, None, None, why)


def _keys(reader: Reader, city: str, sensor: str) -> list[Key]:
    answers = reader.rows(partitions(Selection(city, sensor)))
    return sorted(
        {Key(city, sensor, answer[MONTH]) for answer in answers if isinstance(answer.get(MONTH), str)},
        key=lambda key: key.month,
    )


def _doubtful(reader: Reader, key: Key, tally: Tally, page_rows: int) -> Iterator[list[dict[str, Any]]]:
    """Documents of the days that have others than were found."""
    if not tally.adds_up(NO_TIME, count(reader, key.query(_COUNT, _NO_TIME))):
        yield from _pages(reader.rows(key.query(LISTED, _NO_TIME)), page_rows)
    for number, part in enumerate(Days(key.month).ranges()):
        documents = count(reader, _within(key, _COUNT, part))
        if not tally.adds_up(number, documents):
            yield from _listed(reader, key, part, documents, page_rows)


def _listed(reader: Reader, key: Key, part: Range, documents: int, page_rows: int) -> Iterator[list[dict[str, Any]]]:
    """All documents of a range, cut until each piece has no more readings than a page, if it can be cut."""
    inside = count(reader, _within(key, _SUM, part)) if documents else 0
    halves = part.halves() if max(documents, inside) > page_rows else None
    if halves is None:
        if documents:
            yield from _pages(reader.rows(_within(key, LISTED, part)), page_rows)
        return
    for half in halves:
        yield from _listed(reader, key, half, count(reader, _within(key, _COUNT, half)), page_rows)


def _pages(rows: Iterator[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    """Documents of so many readings, and what the last of them has beyond that."""
    page: list[dict[str, Any]] = []
    readings = 0
    for row in rows:
        page.append(row)
        readings += len(places(row)) or 1
        if readings >= size:
            yield page
            page, readings = [], 0
    if page:
        yield page


def _within(key: Key, what: str, part: Range) -> Query:
    bounds = {"low": (part.low, ">="), "high": (part.high, "<")}
    given = {name: (value, sign) for name, (value, sign) in bounds.items() if value is not None}
    conditions = [
        f"IS_STRING(c.{OBSERVED_AT})",
        *(f"c.{OBSERVED_AT} {sign} @{name}" for name, (_, sign) in given.items()),
    ]
    return key.query(what, " AND ".join(conditions), **{name: value for name, (value, _) in given.items()})


def _extra(suspect: Place, key: Key, database: Database | None, why: str) -> Finding:
    return Finding("extra", suspect.id, key.sensor, suspect.row_id, None if database is None else database.sensor, why)


def _why(suspect: Place, database: Database | None) -> str:
    where = "" if suspect.document == suspect.id else f" (in {suspect.document})"
    if suspect.row_id is None:
        return f"its id is not that of a row{where}"
    if database is None:
        return f"it is of a generation that no archive of this node knows{where}"
    return f"neither the archive nor the table has its row{where}"
