"""Which documents of a batch a container has already: bounded queries, each of one full partition key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from processors.model import Documents
from processors.schema import PROVISIONAL, ROW_ID

IDS = 200
"""Ids of a query. Azure takes more; the emulator compares each with each document."""

_COUNT = "count"
"""Readings of a document that has many."""

COLUMNS = "columns"
_ROWS = "rowIds"
_MARKS = "marks"

_LEVELS = ("city", "sensorId", "month")


def questions(documents: Documents) -> Iterator[tuple[str, list[dict[str, Any]], list[dict[str, Any]]]]:
    """Text and parameters of each query that it takes, and the items that it asks for."""
    where = " AND ".join(f"c.{level} = @{level}" for level in _LEVELS)
    key = [{"name": f"@{level}", "value": value} for level, value in zip(_LEVELS, documents.key, strict=True)]
    for start in range(0, len(documents.items), IDS):
        items = documents.items[start : start + IDS]
        ids = [{"name": f"@id{number}", "value": item["id"]} for number, item in enumerate(items)]
        listed = ", ".join(each["name"] for each in ids)
        wanted = f"c.id, c.{ROW_ID}, c.{_COUNT}, c.{PROVISIONAL}"
        columns = f"c.{COLUMNS}.{ROW_ID} AS {_ROWS}, c.{COLUMNS}.{PROVISIONAL} AS {_MARKS}"
        text = f"SELECT {wanted}, {columns} FROM c WHERE {where} AND c.id IN ({listed})"  # noqa: S608 - ours
        yield text, key + ids, items


def same(items: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Ids of the items that were found as they are: of one reading, or of the same ones as it has now.

    What was shown before it was known whether it leaves is none of them.
    """
    wanted = {item["id"]: _content(item.get(ROW_ID), item.get(_COUNT), item.get(COLUMNS, {})) for item in items}
    for each in found:
        there = _content(each.get(ROW_ID), each.get(_COUNT), {ROW_ID: each.get(_ROWS)})
        marked = each.get(PROVISIONAL) is not None or each.get(_MARKS) is not None
        if not marked and there != _content(None, None, {}) and wanted.get(each["id"]) == there:
            yield each["id"]


def _content(row_id: object, count: object, columns: Mapping[str, Any]) -> tuple[object, object, object]:
    return row_id, count, columns.get(ROW_ID)
