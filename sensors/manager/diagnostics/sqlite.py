"""What a sensor's database holds, read without a trace beside it.

live      `-shm` is there: a writer lives or was killed; `mode=ro&readonly_shm=1`
closed    WAL format without a `-wal` that holds anything; `immutable=1`, and looked at again after the read
rollback  not in WAL format; `mode=ro`

SQLite itself would create a `-wal` and a `-shm`, which may then be another user's than the sensor's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from sensors.errors import SensorsError

CHECKED_BYTES = 256_000_000
"""A larger database is not looked through: that would keep its sensor from tidying up for too long."""

_MAGIC = b"SQLite format 3\0"
_WAL_FORMAT = 2
_BUSY_S = 2.0
_LOOKS = 5
_STEPS = 10_000
"""Of SQLite's machine between two looks at the clock."""

_BUSY = "a writer holds it: run this again"
_LEFT = "start its sensor once: it mends the file when it opens it (`bacalhau-cosmos sensors start`)"
DAMAGED = (
    "`bacalhau-cosmos sensors stop`, move the file and its -wal away, then `start`: what was uploaded is in "
    "Cosmos DB and in the archive; sqlite3's `.recover` gets out what was not"
)


@dataclass(frozen=True)
class Content:
    """What a database holds.

    Attributes:
        size: Bytes, without its `-wal`.
        journal: Its journal mode, `wal` or `delete`.
        rows: Its greatest id, which is the number of rows that were ever written; None without rows.
        newest: Time of its last row; None without rows, or where that row's stamp is none.
        quick_check: `ok`, what was found, or why it was left out.
        damaged: Whether that is damage.
    """

    size: int
    journal: str
    rows: int | None
    newest: datetime | None
    quick_check: str
    damaged: bool


def content(path: Path, in_time: Callable[[], bool], checked_bytes: int = CHECKED_BYTES) -> Content:
    """What the database holds.

    Args:
        path: The database.
        in_time: Whether there is still time for its quick check.
        checked_bytes: A larger one is not looked through.

    Raises:
        SensorsError: It cannot be read, is no database, is damaged, or has no table of readings.
    """
    for _ in range(_LOOKS):
        before: tuple[object, ...] = ()
        try:
            before = _look(path)
            found = _read(path, before, in_time, checked_bytes)
            if before[0] != "closed" or before == _look(path):
                return found
        except OSError as error:
            why, hint = error.strerror or str(error), "let this user read the file and enter its folder"
            raise SensorsError("read the database", path, why=why, hint=hint) from error
        except sqlite3.Error as error:
            # A writer may have come while the file was taken for closed: what was read is then of two moments.
            if not before or before == _look(path):
                raise SensorsError("read the database", path, why=str(error), hint=_hint(error)) from error
    raise SensorsError("read the database", path, why="it changed hands while it was being read", hint=_BUSY)


def _look(path: Path) -> tuple[object, ...]:
    """The rule by which it is read, and what would be different if a writer had come."""
    with path.open("rb") as file:
        header = file.read(100)
    if header and not header.startswith(_MAGIC):
        raise sqlite3.DatabaseError("it is not a SQLite database, or its first page is damaged")
    if len(header) < 20 or header[18] != _WAL_FORMAT:
        return ("rollback",)
    if path.with_name(f"{path.name}-shm").exists():
        return ("live",)
    wal = path.with_name(f"{path.name}-wal")
    if wal.exists() and wal.stat().st_size:
        return ("live",)
    there = path.stat()
    return ("closed", there.st_mtime_ns, there.st_size)


_OPTIONS = {"live": "mode=ro&readonly_shm=1", "closed": "mode=ro&immutable=1", "rollback": "mode=ro"}


def _read(path: Path, look: tuple[object, ...], in_time: Callable[[], bool], checked_bytes: int) -> Content:
    uri = f"file:{quote(path.absolute().as_posix())}?{_OPTIONS[str(look[0])]}"
    with closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_S)) as connection:
        journal = "wal" if look[0] != "rollback" else str(connection.execute("PRAGMA journal_mode").fetchone()[0])
        row = connection.execute("SELECT id, timestamp FROM sensor_readings ORDER BY id DESC LIMIT 1").fetchone()
        rows, newest = (None, None) if row is None else (int(row[0]), _instant(row[1]))
        size = path.stat().st_size
        if size > checked_bytes:
            return Content(size, journal, rows, newest, "left out, for its size", damaged=False)
        told, damaged = _quick_check(connection, in_time)
        return Content(size, journal, rows, newest, told, damaged)


def _quick_check(connection: sqlite3.Connection, in_time: Callable[[], bool]) -> tuple[str, bool]:
    connection.set_progress_handler(lambda: not in_time(), _STEPS)
    try:
        if not in_time():
            return "left out, for want of time", False
        (told,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        return "left out, for want of time", False
    finally:
        connection.set_progress_handler(None, 0)
    return str(told), told != "ok"


def _instant(stamp: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(stamp))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _hint(error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
        return _LEFT
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return _BUSY
    if code == sqlite3.SQLITE_ERROR:
        return "`bacalhau-cosmos sensors logs SERVICE` shows whether its sensor has made its table yet"
    return DAMAGED
