"""The rules of opening a SQLite database that somebody else writes, without a trace next to it.

live      WAL format, `-wal` and `-shm`     a writer lives or was killed: `mode=ro&readonly_shm=1`
closed    WAL format, no or empty `-wal`    `immutable=1`, and looked at again after the read
rollback  a rollback journal, or none       `mode=ro`
copy      `-wal` without `-shm`, or a hot   a copy of all of them in scratch, which SQLite repairs
          `-journal`: power was lost

A file that ends in the middle of a page has lost its end, unless a `-wal` has that page: SQLite would read zeros.

SQLite itself would create a missing `-wal` or `-shm`, also with `mode=ro`. So what is there is looked at
under a shared lock of SQLite's own protocol: while we hold it, no writer can take the `-wal` away.

POSIX drops all locks of a process when it closes any descriptor of the file, so a process that writes a
database by other means must not read it here at the same time.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, TypeVar
from urllib.parse import quote

from processors.errors import SourceChanged, SourceError
from processors.files import make_folder, open_private
from processors.source.files import Look, Mode, has_page, same, share
from processors.source.files import look as look_at

T = TypeVar("T")

_OPTIONS: dict[Mode, str] = {
    "live": "mode=ro&readonly_shm=1",
    "closed": "mode=ro&immutable=1",
    "rollback": "mode=ro&readonly_shm=1",
    "copy": "mode=rw",
}

RECOVER = "recover its rows with sqlite3's `.recover`, or put back a copy of it"
"""What to try with a damaged database."""

_MAGIC = b"SQLite format 3\0"
_HEADER_BYTES = 100
_MAX_MOVES = 20
_POLL_S = 0.01


class TryAgain(Exception):
    """Raised by what reads: the same read may succeed in a moment.

    Attributes:
        hint: What to try when it does not.
    """

    def __init__(self, why: str, hint: str = "a writer holds it: run again, or shorten the writer's transactions"):
        self.hint = hint
        super().__init__(why)


class _Moved(Exception):
    """What was read is not what is there now."""


class Opening:
    """One database for the length of a `with`; nothing stays open between two reads.

    Attributes:
        path: The database as it was named.
        mode: Rule of the last read that succeeded, None before the first.
    """

    def __init__(self, path: Path, scratch: Path, busy_s: float, stack: ExitStack) -> None:
        self.path = path
        self.mode: Mode | None = None
        self._scratch = scratch
        self._busy_s = busy_s
        self._stack = stack
        self._copied: Path | None = None

    def read(self, action: Callable[[str], T]) -> T:
        """What `action` returns for a URI through which every committed row can be seen.

        The action opens the URI, reads and closes; it may be called more than once. Waiting for a writer
        is done here, so it opens without a busy timeout.

        Raises:
            SourceError: The file is missing, unreadable, locked for longer than `busy_s`, or damaged.
            SourceChanged: It, or its table, is no longer what was read before.
        """
        deadline = time.monotonic() + self._busy_s
        moves = 0
        while True:
            try:
                return self._attempt(action)
            except TryAgain as waiting:
                if time.monotonic() >= deadline:
                    raise SourceError(
                        "read",
                        self.path,
                        why=f"{waiting} for {self._busy_s:g} s",
                        hint=waiting.hint,
                        retryable=True,
                    ) from waiting
                time.sleep(_POLL_S)
            except _Moved as moved:
                moves += 1
                if moves >= _MAX_MOVES:
                    raise SourceChanged(
                        "read",
                        self.path,
                        why=f"it changed hands {moves} times while it was being read",
                        hint="run again once its writer keeps running, or stays away",
                    ) from moved

    def _attempt(self, action: Callable[[str], T]) -> T:
        if self._copied is not None:
            return self._run(action, self._copied, "copy")
        with self._pinned() as (descriptor, real):
            look = look_at(descriptor, real)
            mode = look.mode
            try:
                if mode == "copy":
                    raise _NeedsCopyError
                result = self._run(action, real, mode)
            except _NeedsCopyError:
                share(descriptor)  # SQLite, closing, has dropped it
                self._copied = self._copy(descriptor, real, look)
                return self._run(action, self._copied, "copy")
            except SourceError as error:
                if not same(descriptor, real):
                    raise _Moved from error
                if look.torn_page:
                    raise self._torn() from error
                raise
            if not same(descriptor, real) or (mode == "closed" and look_at(descriptor, real) != look):
                raise _Moved
            if look.torn_page:
                raise self._torn()
            return result

    def _torn(self) -> SourceError:
        return SourceError("read", self.path, why="it ends in the middle of a page: its end is missing", hint=RECOVER)

    def _run(self, action: Callable[[str], T], file: Path, mode: Mode) -> T:
        try:
            result = action(f"file:{quote(os.fsencode(file))}?{_OPTIONS[mode]}")
        except sqlite3.Error as error:
            raise self._explained(error, mode) from error
        self.mode = mode
        return result

    def _explained(self, error: sqlite3.Error, mode: Mode) -> Exception:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}:
            return TryAgain(str(error))
        if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN} and mode != "copy":
            return _NeedsCopyError()
        if code in {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_SCHEMA} and self.mode is not None:
            return SourceChanged("read", self.path, why=str(error), hint="its table was altered: run again")
        if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}:
            hint = RECOVER
        else:
            hint = "check the disk, and free space in the scratch folder"
        return SourceError("read", self.path, why=str(error), hint=hint)

    @contextmanager
    def _pinned(self) -> Iterator[tuple[int, Path]]:
        """The database's descriptor with a shared lock, and where it really is.

        The open descriptor also keeps its inode from being given to a successor.
        """
        try:
            real = self.path.resolve(strict=True)
            kind = real.stat().st_mode
            if not stat.S_ISREG(kind):
                raise SourceError(
                    "read",
                    self.path,
                    why="it is a folder" if stat.S_ISDIR(kind) else "it is not a regular file",
                    hint="name the database file itself, and mount its folder",
                )
            descriptor = os.open(real, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (OSError, ValueError, RuntimeError) as error:
            raise self._unreachable(error) from error
        try:
            self._check_header(os.pread(descriptor, _HEADER_BYTES, 0))
            if not share(descriptor):
                raise TryAgain("database is locked")
            yield descriptor, real
        finally:
            os.close(descriptor)

    def _unreachable(self, error: Exception) -> SourceError:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        if isinstance(error, PermissionError):
            hint = "let the processor's user read the database and enter its folder"
        else:
            hint = "mount the sensor's folder, and check that its sensor has written"
        kind = SourceError if self.mode is None else SourceChanged
        return kind("open", self.path, why=why, hint=hint)

    def _check_header(self, header: bytes) -> None:
        kind = SourceError if self.mode is None else SourceChanged
        if not header:
            raise kind(
                "read",
                self.path,
                why="it is empty (0 bytes), so it has no tables",
                hint="let the sensor write its first reading",
            )
        if not header.startswith(_MAGIC):
            raise kind(
                "read",
                self.path,
                why="it is not a SQLite database, or it is encrypted",
                hint="put the sensor's SQLite database there",
            )

    def _copy(self, descriptor: int, real: Path, look: Look) -> Path:
        """A copy of the database with its `-wal` and `-journal`, as they were at one moment."""
        with ExitStack() as undo:
            try:
                if look.wal and look.torn_page and not has_page(Path(f"{real}-wal"), look.torn_page):
                    raise self._torn()
                make_folder(self._scratch)
                # Only this user can enter it, so that no copy is easier to read than what it was made of.
                folder = undo.enter_context(tempfile.TemporaryDirectory(prefix="source-", dir=self._scratch))
                target = Path(folder, "copy.db")
                # Through the descriptor that we hold: opening and closing another would drop the lock.
                os.lseek(descriptor, 0, os.SEEK_SET)
                with open(descriptor, "rb", closefd=False) as source:
                    _copy_of(source, target)
                for suffix in ("-wal", "-journal"):
                    with suppress(FileNotFoundError), Path(f"{real}{suffix}").open("rb") as source:
                        _copy_of(source, Path(f"{target}{suffix}"))
            except OSError as error:
                raise SourceError(
                    "copy to scratch",
                    self.path,
                    why=str(error),
                    hint=f"let the processor read the folder, and give {self._scratch} space for it",
                ) from error
            if not same(descriptor, real) or look_at(descriptor, real) != look:
                raise _Moved
            self._stack.enter_context(undo.pop_all())
            return target


def _copy_of(source: IO[bytes], target: Path) -> None:
    with os.fdopen(open_private(target, os.O_WRONLY), "wb") as out:
        shutil.copyfileobj(source, out, 1 << 20)


class _NeedsCopyError(Exception):
    """SQLite cannot read this in place without writing."""


@contextmanager
def opening(path: Path, *, scratch: Path, busy_s: float) -> Iterator[Opening]:
    """A database ready to be read; a copy in `scratch`, if one was needed, lives until the end."""
    with ExitStack() as stack:
        yield Opening(path, scratch, busy_s, stack)
