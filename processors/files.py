"""Files that are whole or not there, and that only owner and group can read, whatever the umask says."""

from __future__ import annotations

import os
from pathlib import Path

FILE_MODE = 0o640
FOLDER_MODE = 0o750


def make_folder(folder: Path) -> None:
    """The folder and those above it, each with `FOLDER_MODE` when it is new."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        # Not by a chmod afterwards: a kill before it would leave a folder that the group can never enter.
        before = os.umask(0o777 & ~FOLDER_MODE)
        try:
            path.mkdir(mode=FOLDER_MODE, exist_ok=True)
        finally:
            os.umask(before)
        sync_folder(path.parent)


def open_private(path: Path, flags: int) -> int:
    """A descriptor of the file, which has `FILE_MODE` before anything is written to it.

    Args:
        path: Made where it is not there.
        flags: Of `os.open`, besides those that make it.
    """
    descriptor = os.open(path, flags | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    try:
        if os.fstat(descriptor).st_mode & 0o777 != FILE_MODE:
            os.fchmod(descriptor, FILE_MODE)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def sync_folder(folder: Path) -> None:
    """Names in the folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_synced(path: Path, content: bytes | memoryview) -> None:
    """The file with this content, which survives a power cut; its name does after `sync_folder`."""
    with os.fdopen(open_private(path, os.O_WRONLY | os.O_TRUNC), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def write_whole(path: Path, content: bytes) -> None:
    """The file with this content; a kill at any instruction leaves the old one or the new one."""
    make_folder(path.parent)
    aside = path.with_name(f".{path.name}.new")
    write_synced(aside, content)
    aside.replace(path)
    sync_folder(path.parent)
