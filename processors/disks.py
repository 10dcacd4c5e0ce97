"""How much lies on a disk, and how much may still be written to it. Nothing is opened."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from processors.forecast import Disk


def disk_of(path: Path) -> Disk | None:
    """The disk of the path, or of the closest folder above it that is there; None where that cannot be told."""
    for place in (path.absolute(), *path.absolute().parents):
        try:
            return Disk(place.stat().st_dev, shutil.disk_usage(place).free)
        except OSError:
            continue
    return None


def bytes_beside(database: Path) -> int:
    """Bytes of a SQLite database, with what SQLite keeps beside it."""
    return sum(_bytes(Path(f"{database.resolve()}{suffix}")) for suffix in ("", "-wal", "-shm", "-journal"))


def bytes_in(folder: Path) -> int:
    """Bytes of the files in a folder, without those of folders in it; 0 where it is not there."""
    try:
        return sum(_bytes(path) for path in folder.iterdir() if path.is_file())
    except OSError:
        return 0


def _bytes(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0
