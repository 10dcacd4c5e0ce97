"""What lies in a database's folder, and SQLite's shared lock on it, taken without SQLite."""

from __future__ import annotations

import errno
import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Mode = Literal["live", "closed", "rollback", "copy"]
"""Rule by which a database is opened; `opening` has the table."""

_WAL_VERSION = b"\2"
_PAGE_SIZE_AT = 16
_LARGEST_PAGE = 65_536
_WAL_HEADER_BYTES = 32
_FRAME_HEADER_BYTES = 24
_READ_VERSION_AT = 19
"""Of the header's two versions the one by which SQLite decides (https://www.sqlite.org/fileformat2.html#file_header)."""

# https://www.sqlite.org/src/file/src/os.h: bytes that stand for locks, never used for data.
_PENDING_BYTE = 0x40000000
_SHARED_FIRST = _PENDING_BYTE + 2
_SHARED_SIZE = 510


@dataclass(frozen=True)
class Look:
    """What the folder says. Two equal looks under one lock: nothing was written between them.

    Attributes:
        database: Device, inode, size and time of change of the file; likewise of those beside it.
        wal_format: Whether its writer uses a `-wal`.
        torn_page: Number of the page in whose middle it ends, 0 where it ends with one. SQLite reads zeros there, and
            says nothing.
    """

    database: tuple[int, ...]
    wal: tuple[int, ...] | None
    shm: tuple[int, ...] | None
    journal: tuple[int, ...] | None
    wal_format: bool
    torn_page: int

    @property
    def mode(self) -> Mode:
        """Rule by which to open what is there."""
        wal_bytes = self.wal[2] if self.wal else 0
        if (self.journal and self.journal[2]) or not (self.wal_format or wal_bytes):
            return "rollback"
        if self.shm and not (self.torn_page and wal_bytes):  # by a `-shm`, the page may be read from the file
            return "live" if self.wal else "closed"
        return "copy" if wal_bytes else "closed"


def share(descriptor: int) -> bool:
    """Whether SQLite's shared lock was free; asked for as SQLite does, never past a writer that waits."""
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, _PENDING_BYTE)
        fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB, _SHARED_SIZE, _SHARED_FIRST)
        fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, _PENDING_BYTE)
    except OSError as error:
        if error.errno in {errno.EACCES, errno.EAGAIN}:
            return False
        # A file system without locks: what is left is the second look.
    return True


def look(descriptor: int, real: Path) -> Look:
    """What is there now. SQLite puts companions beside the target of a link: `real` is the target."""
    return Look(
        database=_told(os.fstat(descriptor)),
        wal=_stat(Path(f"{real}-wal")),
        shm=_stat(Path(f"{real}-shm")),
        journal=_stat(Path(f"{real}-journal")),
        wal_format=os.pread(descriptor, 1, _READ_VERSION_AT) == _WAL_VERSION,
        torn_page=_torn_page(descriptor),
    )


def _torn_page(descriptor: int) -> int:
    page_bytes = int.from_bytes(os.pread(descriptor, 2, _PAGE_SIZE_AT), "big")
    if not page_bytes:
        return 0  # no page size: SQLite says so
    whole, rest = divmod(os.fstat(descriptor).st_size, _LARGEST_PAGE if page_bytes == 1 else page_bytes)
    return whole + 1 if rest else 0


def has_page(wal: Path, number: int) -> bool:
    """Whether a `-wal` has the page (https://www.sqlite.org/fileformat2.html#the_write_ahead_log)."""
    with wal.open("rb") as file:
        header = file.read(_WAL_HEADER_BYTES)
        page_bytes, salt = int.from_bytes(header[8:12], "big"), header[16:24]
        while len(frame := file.read(_FRAME_HEADER_BYTES)) == _FRAME_HEADER_BYTES and frame[8:16] == salt:
            if int.from_bytes(frame[:4], "big") == number:
                return True
            file.seek(page_bytes, os.SEEK_CUR)
    return False


def same(descriptor: int, real: Path) -> bool:
    """Whether the name still leads to the file that we hold."""
    return (_stat(real) or ())[:2] == _told(os.fstat(descriptor))[:2]


def _stat(path: Path) -> tuple[int, ...] | None:
    try:
        return _told(path.stat())
    except FileNotFoundError:
        return None


def _told(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
