"""Files that are whole or not there: written aside, synced, renamed, folder synced."""

from __future__ import annotations

import os
from pathlib import Path

FILE_MODE = 0o640
FOLDER_MODE = 0o750


def make_folder(folder: Path) -> None:
    """The folder and those above it, each with `FOLDER_MODE` when it is new."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=FOLDER_MODE, exist_ok=True)
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Names in the folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Content of the file survives a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fchmod(descriptor, FILE_MODE)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path: Path, content: bytes) -> None:
    """The file with this content; a kill at any instruction leaves the old one or the new one."""
    make_folder(path.parent)
    aside = path.with_name(f".{path.name}.new")
    aside.write_bytes(content)
    sync_file(aside)
    aside.replace(path)
    sync_folder(path.parent)
