"""Room on the disks that a project fills, and whether it may."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sensors.manager.diagnostics.check import Check, failed, ok, warning
from sensors.manager.diagnostics.words import size

FULL_BYTES = 20_000_000
"""Less is as good as none: a `-wal` or one file of the archive can need as much."""

LOW_BYTES = 1_000_000_000
LOW_SHARE = 0.1


@dataclass(frozen=True)
class Disk:
    """Room on the disk that a folder is on, for those who are not root.

    Attributes:
        device: The same for folders on the same disk.
        free: Bytes.
        total: Bytes.
    """

    device: int
    free: int
    total: int


def disk_of(folder: Path) -> Disk:
    """Of a folder that is there.

    Raises:
        OSError: It cannot be looked at.
    """
    usage = shutil.disk_usage(folder)
    return Disk(folder.stat().st_dev, usage.free, usage.total)


def disks(folders: Mapping[str, Path], look: Callable[[Path], Disk] = disk_of) -> Iterator[Check]:
    """A check for each disk.

    Args:
        folders: By what they are for; of one that is not there, the nearest above it counts.
        look: At a folder that is there.
    """
    together: dict[int, tuple[list[str], Disk]] = {}
    for name, folder in folders.items():
        try:
            disk = look(existing(folder))
        except OSError as error:
            yield failed(name, f"{folder}: {error.strerror or error}", f"let this user enter {folder}, or mount it")
            continue
        together.setdefault(disk.device, ([], disk))[0].append(name)
    for names, disk in together.values():
        yield _room(", ".join(names), disk)


def writable(name: str, folder: Path) -> Check:
    """Whether this user may write below a folder, or make it."""
    there = existing(folder)
    if not there.is_dir():
        return failed(name, f"{there} is not a folder", f"move {there} away")
    if not os.access(there, os.W_OK | os.X_OK):
        return failed(
            name, f"{there} cannot be written", f"mount its disk writable, and let this user write to {there}"
        )
    return ok(name, f"{folder} can be written" if there == folder else f"{folder} can be made")


def existing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    return next((each for each in (folder, *folder.parents) if each.exists()), folder)


def _room(name: str, disk: Disk) -> Check:
    share = disk.free / disk.total if disk.total else 0.0
    found = f"{size(disk.free)} of {size(disk.total)} free ({share:.0%})"
    remedy = f"make room on the disk of {name}: `docker system df` shows what Docker holds, `du -sh *` what folders do"
    if disk.free < FULL_BYTES:
        return failed(name, found, remedy)
    if disk.free < LOW_BYTES or share < LOW_SHARE:
        return warning(name, found, remedy)
    return ok(name, found)
