"""A sensor's database, read beside its writer: nothing is written or created, and no lock outlives the read.

SQLite itself would make a missing `-wal` or `-shm`, also with `mode=ro`; a file that then belongs to another user
stops the writer. So what lies in the folder decides how the file is opened:

live      `-wal` and `-shm`               a writer lives or was killed: `mode=ro&readonly_shm=1`
rollback  a rollback journal's format     `mode=ro`
closed    `-wal` missing or empty         `immutable=1`
copy      `-wal` without `-shm`           power was lost: a copy of both, which SQLite repairs

A look that was overtaken (the files changed hands meanwhile) is repeated.
"""

from __future__ import annotations

import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sensors.errors import SensorsError

T = TypeVar("T")

BUSY_S = 0.25
"""How long a look waits for a writer that locks all others out, which one with a `-wal` does not."""

_MAGIC = b"SQLite format 3\0"
_READ_VERSION_AT = 19
_WAL_VERSION = 2
_TRIES = 5


@dataclass(frozen=True)
class Trace:
    """Size and time of change (ns) of a database's files, None for one that is missing.

    Two equal ones: nobody wrote in between, but for what a file system's clock is too coarse to tell.
    """

    database: tuple[int, int]
    wal: tuple[int, int] | None
    shm: bool

    @property
    def size_bytes(self) -> int:
        """Of the file and its `-wal`."""
        return self.database[0] + (self.wal[0] if self.wal else 0)


def trace(path: Path) -> Trace:
    """What lies there now.

    Raises:
        SensorsError: There is no file, or it cannot be looked at.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise unreadable(path, error.strerror or str(error)) from error
    if not stat.S_ISREG(found.st_mode):
        raise unreadable(path, "it is not a regular file")
    wal = _stat(path.with_name(f"{path.name}-wal"))
    return Trace((found.st_size, found.st_mtime_ns), wal, _stat(path.with_name(f"{path.name}-shm")) is not None)


def read(path: Path, action: Callable[[sqlite3.Connection], T]) -> T:
    """What `action` reads through a connection that sees every committed row; it may be called more than once.

    Raises:
        SensorsError: The database is missing, unreadable, locked, empty, damaged or not one, or never at rest.
    """
    path = path.resolve()  # SQLite has the others beside the target of a link
    seen: sqlite3.Error | None = None
    for _ in range(_TRIES):
        before = trace(path)
        mode = _mode(path, before)
        try:
            result = _copied(path, action) if mode == "copy" else _run(path, _OPTIONS[mode], action)
        except sqlite3.Error as error:
            if _same_hands(before, trace(path)) and mode != "copy":
                raise unreadable(path, str(error)) from error
            seen = error
            continue
        after = trace(path)
        if after == before or (mode not in ("closed", "copy") and _same_hands(before, after)):
            return result
    raise unreadable(path, f"it changed hands {_TRIES} times while it was read" + (f": {seen}" if seen else ""))


_OPTIONS = {
    "live": "mode=ro&readonly_shm=1",
    "rollback": "mode=ro",
    "closed": "mode=ro&immutable=1",
}


def _mode(path: Path, found: Trace) -> str:
    try:
        with path.open("rb") as file:
            header = file.read(_READ_VERSION_AT + 1)
    except OSError as error:
        raise unreadable(path, error.strerror or str(error)) from error
    if not header:
        raise unreadable(path, "it is empty: its sensor has not written yet")
    if not header.startswith(_MAGIC) or len(header) <= _READ_VERSION_AT:
        raise unreadable(path, "it is not a SQLite database")
    rows_in_wal = found.wal is not None and found.wal[0] > 0
    if found.wal is not None and found.shm:
        return "live"
    if rows_in_wal:
        return "copy"
    return "closed" if header[_READ_VERSION_AT] == _WAL_VERSION else "rollback"


def _run(path: Path, options: str, action: Callable[[sqlite3.Connection], T]) -> T:
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{options}", uri=True, timeout=BUSY_S)) as connection:
        connection.text_factory = lambda raw: raw.decode(errors="replace")
        return action(connection)


def _copied(path: Path, action: Callable[[sqlite3.Connection], T]) -> T:
    try:
        with tempfile.TemporaryDirectory(prefix="sensors-") as folder:
            for suffix in ("", "-wal"):
                shutil.copyfile(path.with_name(path.name + suffix), Path(folder, f"copy.db{suffix}"))
            return _run(Path(folder, "copy.db"), "mode=rw", action)
    except OSError as error:
        raise unreadable(path, f"it needs a copy: {error.strerror or error}") from error


def _same_hands(before: Trace, after: Trace) -> bool:
    """Whether the same files are there; a writer may have added to them."""
    return (before.wal is None, before.shm) == (after.wal is None, after.shm)


def _stat(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def unreadable(path: Path, why: str) -> SensorsError:
    """What to say of a database that cannot be read."""
    return SensorsError(
        "read the database",
        path,
        why=why,
        hint="see what its sensor says; a damaged file is recovered by sqlite3's `.recover`",
    )
