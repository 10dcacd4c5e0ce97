"""Documents that no row of this node explains.

Of each partition of this node's sensors the documents are counted. Where there are as many as were found by their
rows, there are no others. Elsewhere they are counted by the day, and those of the days that do not add up are
listed and judged one by one, never more at a time than a page.

A document is explained by a row of its generation in the archive, or in the table: that row may be in a batch on
its way. The archive is looked at again after the document was seen, so a run that goes on raises no alarm.

Not seen: sensors that neither archive nor tables of this node know, which may be another node's; documents
without a full partition key; and the containers of aggregates and anomalies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import Any

from processors.document import ID
from processors.model import BEFORE_FIRST, Database
from processors.query import Query, Reader, Selection, partitions
from processors.schema import MONTH, OBSERVED_AT, ROW_ID
from processors.verify.days import NO_TIME, Days, Range
from processors.verify.findings import Finding
from processors.verify.holdings import Holdings, Suspect
from processors.verify.lookup import Key, Lookup, count

_COUNT = "SELECT VALUE COUNT(1)"
_LIST = f"SELECT c.{ID}, c.{ROW_ID}"
_NO_TIME = f"NOT IS_STRING(c.{OBSERVED_AT})"


def extras(
    reader: Reader, lookup: Lookup, sensors: Collection[str], holdings: Holdings, page_rows: int
) -> Iterator[Finding]:
    """Documents of the sensors that nothing explains.

    Args:
        reader: Of the container of readings.
        lookup: Knows how many were found by their rows.
        sensors: Sensor ids that this node's rows have.
        holdings: What explains a document.
        page_rows: Documents that are listed at a time, at most.
    """
    for sensor in sorted(sensors):
        for key in _keys(reader, lookup.city, sensor):
            found = lookup.found.get(key, Counter())
            if count(reader, key.query(_COUNT)) == sum(found.values()):
                continue
            for page in _doubtful(reader, key, found, page_rows):
                suspects = [_suspect(item) for item in page]
                for suspect, database in holdings.unexplained(key, suspects):
                    yield Finding(
                        "extra",
                        suspect.id,
                        sensor,
                        suspect.row_id,
                        None if database is None else database.sensor,
                        _why(suspect, database),
                    )


def _keys(reader: Reader, city: str, sensor: str) -> list[Key]:
    answers = reader.rows(partitions(Selection(city, sensor)))
    return sorted(
        {Key(city, sensor, answer[MONTH]) for answer in answers if isinstance(answer.get(MONTH), str)},
        key=lambda key: key.month,
    )


def _doubtful(reader: Reader, key: Key, found: Mapping[int, int], page_rows: int) -> Iterator[list[dict[str, Any]]]:
    """Documents of the days that have others than were found."""
    if count(reader, key.query(_COUNT, _NO_TIME)) != found.get(NO_TIME, 0):
        yield from _pages(reader.rows(key.query(_LIST, _NO_TIME)), page_rows)
    for number, part in enumerate(Days(key.month).ranges()):
        documents = count(reader, _within(key, _COUNT, part))
        if documents != found.get(number, 0):
            yield from _listed(reader, key, part, documents, page_rows)


def _listed(reader: Reader, key: Key, part: Range, documents: int, page_rows: int) -> Iterator[list[dict[str, Any]]]:
    """All documents of a range, cut until each piece is no more than a page, if it can be cut."""
    halves = part.halves() if documents > page_rows else None
    if halves is None:
        if documents:
            yield from _pages(reader.rows(_within(key, _LIST, part)), page_rows)
        return
    for half in halves:
        yield from _listed(reader, key, half, count(reader, _within(key, _COUNT, half)), page_rows)


def _pages(rows: Iterator[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    while page := list(islice(rows, size)):
        yield page


def _within(key: Key, what: str, part: Range) -> Query:
    bounds = {"low": (part.low, ">="), "high": (part.high, "<")}
    given = {name: (value, sign) for name, (value, sign) in bounds.items() if value is not None}
    conditions = [
        f"IS_STRING(c.{OBSERVED_AT})",
        *(f"c.{OBSERVED_AT} {sign} @{name}" for name, (_, sign) in given.items()),
    ]
    return key.query(what, " AND ".join(conditions), **{name: value for name, (value, _) in given.items()})


def _suspect(item: Mapping[str, Any]) -> Suspect:
    prefix, _, text = str(item[ID]).partition("-")
    try:
        row_id = int(text)
    except ValueError:
        row_id = None
    ours = row_id is not None and str(row_id) == text and row_id > BEFORE_FIRST
    return Suspect(str(item[ID]), prefix, row_id if ours else None)


def _why(suspect: Suspect, database: Database | None) -> str:
    if suspect.row_id is None:
        return "its id is not that of a row"
    if database is None:
        return "it is of a generation that no archive of this node knows"
    return "neither the archive nor the table has its row"
