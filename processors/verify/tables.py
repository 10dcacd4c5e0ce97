"""What the table has now against what the archive kept of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from processors.conform import Conformed, conform
from processors.document import Origin
from processors.model import Anchor
from processors.schema import FIELDS, ROW_ID, SENSOR_ID, SOURCE_TIMESTAMP
from processors.source import Source
from processors.verify.findings import Finding
from processors.verify.stretches import Stretch

_CONTENT = [SENSOR_ID, SOURCE_TIMESTAMP, *(field.name for field in FIELDS)]
"""What was read. Not `observedAt`, which follows the setting `source_time_zone`, nor columns added since."""

_NOW = ".now"


@dataclass(frozen=True)
class Page:
    """Some rows of the table.

    Attributes:
        last_id: Row id up to which these are all.
        rows: Conformed.
    """

    last_id: int
    rows: Conformed


def page(source: Source, after: int, last_id: int, anchor: Anchor, page_rows: int, zone: str) -> Page | None:
    """The table's next rows after one id up to another, None when there are none.

    Args:
        source: The table.
        after: Row id.
        last_id: Row id.
        anchor: A row to know the table again by.
        page_rows: Rows at most.
        zone: Of time stamps that say none.

    Raises:
        SourceChanged: The table is another one by now.
        SourceError: It can no longer be read.
    """
    if after >= last_id:
        return None
    rows = source.page(after, min(page_rows, last_id - after), anchor=anchor)
    if rows.is_empty() or int(rows["id"][0]) > last_id:
        return None
    return Page(int(rows["id"][-1]), conform(rows.filter(pl.col("id") <= last_id), default_zone=zone))


def compared(rows: Conformed, stretch: Stretch, origin: Origin, database: str) -> Iterator[Finding]:
    """Rows that were not taken in, and rows that have changed since they were."""
    if stretch.kept is None:
        why = "the table has the row, and the archive lacks the batch that it was taken in with"
        for row_id, sensor in [
            *rows.valid.select(ROW_ID, SENSOR_ID).rows(),
            *((i, None) for i in rows.rejects[ROW_ID]),
        ]:
            yield _finding("missing", row_id, sensor, origin, database, why)
        return
    known = stretch.kept[ROW_ID]
    unknown = rows.valid.filter(~pl.col(ROW_ID).is_in(known.implode()))
    why = "the table has the row, and it is neither in the archive nor among the rejects"
    for row_id, sensor in unknown.select(ROW_ID, SENSOR_ID).rows():
        if row_id not in stretch.rejects:
            yield _finding("missing", row_id, sensor, origin, database, why)
    kept = dict(
        stretch.kept.filter(pl.col(ROW_ID).is_in(rows.rejects[ROW_ID].implode())).select(ROW_ID, SENSOR_ID).rows()
    )
    for row_id, rules in rows.rejects.select(ROW_ID, "rules").rows():
        if row_id in kept:
            broken = f"the row has changed in the table since it was taken in: now it breaks {', '.join(rules)}"
            yield _finding("differing", row_id, kept[row_id], origin, database, broken)
        elif row_id not in stretch.rejects:
            yield _finding("missing", row_id, None, origin, database, why)
    yield from _changed(rows.valid, stretch.kept, origin, database)


def _changed(now: pl.DataFrame, kept: pl.DataFrame, origin: Origin, database: str) -> Iterator[Finding]:
    both = kept.join(now, on=ROW_ID, suffix=_NOW, maintain_order="left")
    differs = [pl.col(name).ne_missing(pl.col(name + _NOW)).alias(name) for name in _CONTENT]
    changed = both.filter(pl.any_horizontal(differs))
    if changed.is_empty():
        return
    flags = changed.select(differs)
    for (row_id, sensor), flag in zip(
        changed.select(ROW_ID, SENSOR_ID).rows(), flags.iter_rows(named=True), strict=True
    ):
        names = ", ".join(name for name, differing in flag.items() if differing)
        why = f"the row has changed in the table since it was taken in: {names}"
        yield _finding("differing", row_id, sensor, origin, database, why)


def _finding(kind: str, row_id: int, sensor: str | None, origin: Origin, database: str, why: str) -> Finding:
    name = None if sensor is None else f"{origin.prefix(sensor)}-{row_id}"
    return Finding("missing" if kind == "missing" else "differing", name, sensor, row_id, database, why)
