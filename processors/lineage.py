"""Which life of a database this is: the same as before, one known from earlier, or a new one.

Row ids alone do not say: a recreated database gives the same ids to other rows, and an older copy put back
gives ids again that were given before. Rows that were remembered by value (anchors) do. A new life begins
after the last row that both have; its name is derived, so that it is the same wherever it is derived again.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import polars as pl

from processors.anchors import matches
from processors.model import BEFORE_FIRST, Anchor, Branch, Database, Extent
from processors.schema import MEASURE_NAMES, OBSERVED_AT, ROW_ID, SENSOR_ID

MAX_ANCHORS = 64
_RECENT = 16

_CONTENT = (OBSERVED_AT, SENSOR_ID, *MEASURE_NAMES)


class Evidence(Protocol):
    """What can be asked about the table as it is now, and as the archive has it."""

    def extent(self) -> Extent:
        """How far the table reaches."""
        ...

    def rows_at(self, ids: Sequence[int]) -> Sequence[Anchor]:
        """The rows that exist among these."""
        ...

    def first_after(self, position: int) -> Anchor | None:
        """The next row, None when there is none."""
        ...

    def pairs(self, branch: Branch, after: int) -> Iterable[tuple[pl.DataFrame, pl.DataFrame]]:
        """Conformed rows of a branch's archive and of the table, range by range after a row id, in order."""
        ...


def place(database: Database, known: Sequence[Branch], evidence: Evidence) -> Branch | None:
    """The branch that the next rows belong to; None while the table has no row that is not known.

    A branch that is not among `known` is a new life: it begins after the last row that matches.

    Args:
        database: Whose life it is.
        known: Its branches, oldest first.
        evidence: The table and the archive.
    """
    extent = evidence.extent()
    if extent.first_id is None:
        return None
    rows = {row["id"]: row for row in evidence.rows_at(sorted({a["id"] for b in known for a in b.anchors}))}
    lives = [(_is_at_tip(branch, rows), branch.position, branch) for branch in known if _goes_on(branch, rows, extent)]
    if lives:
        return max(lives, key=lambda life: life[:2])[2]
    point, parent = _fork(known, rows, evidence)
    first = evidence.first_after(point)
    if first is None:
        return None
    inherited = [a for a in parent.anchors if a["id"] <= point] if parent else []
    name = _name(database, parent, point, first, {branch.generation for branch in known})
    return Branch(name, parent.generation if parent else None, point, point, (*inherited, first))


def holds(known: Sequence[Branch], evidence: Evidence) -> tuple[Branch | None, int]:
    """Of a table without a row that is not known: the branch that its rows are of, and the last id that matches."""
    rows = {row["id"]: row for row in evidence.rows_at(sorted({a["id"] for b in known for a in b.anchors}))}
    point, branch = _fork(known, rows, evidence)
    return branch, point


def _fork(known: Sequence[Branch], rows: Mapping[int, Anchor], evidence: Evidence) -> tuple[int, Branch | None]:
    point, parent = BEFORE_FIRST, None
    for branch in known:
        match = _last_match(branch, rows, evidence)
        if match > point:
            point, parent = match, branch
    return point, parent


def intend(branch: Branch, last: Anchor) -> Branch:
    """The branch with the end of a batch that is about to be sent remembered; the position stays."""
    return replace(branch, anchors=tuple(_with(branch, last)))


def advance(branch: Branch, position: int, last: Anchor) -> Branch:
    """The branch with a batch taken in, and its last row remembered.

    Of many anchors the first, the latest and every other of the rest are kept: they grow sparse with age.
    """
    anchors = _with(branch, last)
    if len(anchors) > MAX_ANCHORS:
        anchors = [*anchors[:-_RECENT:2], *anchors[-_RECENT:]]
    return replace(branch, position=position, anchors=tuple(anchors))


def _with(branch: Branch, anchor: Anchor) -> list[Anchor]:
    """The branch's anchors and this one, by id; those beyond it stay, for their ids may be taken."""
    known = {a["id"]: a for a in branch.anchors} | {anchor["id"]: anchor}
    return [known[row_id] for row_id in sorted(known)]


def _is_at_tip(branch: Branch, rows: Mapping[int, Anchor]) -> bool:
    """True when the last row taken in is there and the same; then an older row was changed in place, if any."""
    tip = branch.anchors[-1]
    return tip["id"] in rows and matches(tip, rows[tip["id"]])


def _goes_on(branch: Branch, rows: Mapping[int, Anchor], extent: Extent) -> bool:
    if _is_at_tip(branch, rows):
        return True
    if any(a["id"] in rows and not matches(a, rows[a["id"]]) for a in branch.anchors):
        return False
    reached = extent.last_id if extent.ever_id is None else extent.ever_id
    return reached is not None and reached >= max(branch.position, branch.anchors[-1]["id"])


def _last_match(branch: Branch, rows: Mapping[int, Anchor], evidence: Evidence) -> int:
    """Largest row id up to which the table holds what was taken in, as far as anchors and archive tell."""
    low = max((a["id"] for a in branch.anchors if a["id"] in rows and matches(a, rows[a["id"]])), default=BEFORE_FIRST)
    for archived, current in evidence.pairs(branch, low):
        both = archived.join(current, on=ROW_ID, suffix=".now").sort(ROW_ID)
        differs = both.select(
            pl.any_horizontal((pl.col(name) != pl.col(f"{name}.now")).fill_null(value=False) for name in _CONTENT)
        ).to_series()
        same = both[ROW_ID].filter(differs.cum_sum() == 0)
        if len(same):
            low = max(low, int(same[-1]))
        if differs.any():
            break
    return low


def _name(database: Database, parent: Branch | None, point: int, first: Anchor, taken: set[str]) -> str:
    """60 bits over where the life begins and its first row; derived, so that it is the same when derived again."""
    start = [database.city, database.sensor, parent.generation if parent else None, point, dict(first)]
    for attempt in range(len(taken) + 1):
        digest = hashlib.sha256(json.dumps([*start, attempt], sort_keys=True).encode()).digest()
        name = base64.b32encode(digest).decode().lower()[:12]
        if name not in taken:
            return name
    raise AssertionError("one more name than is taken cannot all be taken")
