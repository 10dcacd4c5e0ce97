"""When a node's disk will be full: pure functions of what lies on it and of how fast rows come.

    bytes a second  =  sum of r * b / n  over the disk's databases  +  sum of R * B / T  over what is kept on it
    at once         =  sum of W * B / T  over what is kept on it
    full            =  now + (free - at once) / bytes a second, of the disk that is full first

    r, b, n  rows a second (`rows_a_second`), bytes and rows of a database
    R, W     rows a second and rows that wait, of all databases
    B, T     bytes of the archive or of the state, and the rows taken in so far

Where nothing was taken in yet, a row that is kept is reckoned as large as one of the databases.

Limits: the past is taken to go on, and ids without gaps. A database that reuses the room of deleted rows grows less
than this says. Rows archived in small passes take more room than those of a backlog, so its share comes out too
large. Blocks that files fill in part, and what else writes to the disk, are not counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

SILENT = timedelta(days=1)
"""A writer is silent for longer only if it has stopped: stamps of another zone are up to 14 hours behind."""

FARTHEST = timedelta(days=36_525)
"""A disk that lasts longer is not told when it is full."""

_DAY_S = 86_400

Stamp = tuple[int, datetime]
"""Row id, and its own time in UTC."""


@dataclass(frozen=True)
class Disk:
    """Where files are.

    Attributes:
        device: Same for what shares the disk.
        free_bytes: That may still be written to it.
    """

    device: int
    free_bytes: int


@dataclass(frozen=True)
class Table:
    """A database as it is.

    Attributes:
        disk: Which it is on; None where that cannot be told, and it is never full then.
        bytes: Of its files.
        rows: Of its table.
        backlog_rows: Those that are not taken in yet.
        rows_a_second: That its sensors write.
    """

    disk: Disk | None
    bytes: int
    rows: int
    backlog_rows: int
    rows_a_second: float


@dataclass(frozen=True)
class Kept:
    """Something that grows with each row taken in: the archive, the state.

    Attributes:
        disk: Likewise.
        bytes: Of its files.
    """

    disk: Disk | None
    bytes: int


@dataclass(frozen=True)
class Forecast:
    """What is to come.

    Attributes:
        full_at: When the first disk is full; None when none of them grows, or lasts `FARTHEST`.
        bytes_a_day: By which all of it grows, without what the backlog adds.
    """

    full_at: datetime | None
    bytes_a_day: int


def rows_a_second(early: Sequence[Stamp], late: Sequence[Stamp], now: datetime) -> float:
    """How many rows a database gets, by the stamps of its own rows; 0 when its writer has stopped, or for too few rows.

    Medians are compared, so that some wild stamps do not matter. A writer has stopped when it was silent for `SILENT`
    and as many of its usual intervals as `late` has rows.

    Args:
        early: Some rows in sequence.
        late: The last rows.
        now: UTC.
    """
    if not early or not late:
        return 0.0
    rows = median(row_id for row_id, _ in late) - median(row_id for row_id, _ in early)
    seconds = _middle_s(late) - _middle_s(early)
    if rows <= 0 or seconds <= 0:
        return 0.0
    silent_s = now.timestamp() - _middle_s(late)
    if silent_s > SILENT.total_seconds() + len(late) * seconds / rows:
        return 0.0
    return rows / seconds


def forecast(tables: Sequence[Table], kept: Sequence[Kept], now: datetime) -> Forecast:
    """When the first disk is full; see the module.

    Args:
        tables: Databases of a city.
        kept: What is made of their rows.
        now: UTC.
    """
    rows = sum(table.rows for table in tables)
    waiting = sum(table.backlog_rows for table in tables)
    rate = sum(table.rows_a_second for table in tables)
    row_bytes = sum(table.bytes for table in tables) / rows if rows else 0.0
    loads = [_Load(table.disk, table.rows_a_second * table.bytes / table.rows) for table in tables if table.rows]
    for each in kept:
        size = each.bytes / (rows - waiting) if rows > waiting else row_bytes
        loads.append(_Load(each.disk, rate * size, waiting * size))
    by_device: dict[int, list[_Load]] = {}
    free: dict[int, int] = {}
    for load in loads:
        if load.disk is not None:
            by_device.setdefault(load.disk.device, []).append(load)
            free[load.disk.device] = load.disk.free_bytes
    ends = [_full_at(free[device], there, now) for device, there in by_device.items()]
    grown = sum(load.bytes_a_second for load in loads) * _DAY_S
    return Forecast(min((end for end in ends if end is not None), default=None), round(grown))


@dataclass(frozen=True)
class _Load:
    disk: Disk | None
    bytes_a_second: float
    at_once: float = 0.0


def _full_at(free_bytes: int, loads: Sequence[_Load], now: datetime) -> datetime | None:
    """When the one disk of these loads is full."""
    left = free_bytes - sum(load.at_once for load in loads)
    growth = sum(load.bytes_a_second for load in loads)
    if left <= 0:
        return now
    if left >= growth * FARTHEST.total_seconds():
        return None
    return now + timedelta(seconds=left / growth)


def _middle_s(stamps: Sequence[Stamp]) -> float:
    return median(at.timestamp() for _, at in stamps)
