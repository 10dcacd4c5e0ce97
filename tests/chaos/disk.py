"""A small disk of its own for a folder, to be full or read-only for a while; and a limit on memory. Both take root."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DISK_BYTES = 32 * 1024 * 1024

_FILLER = ".filler"
_CGROUPS = Path("/sys/fs/cgroup")


class Disk:
    """See `mounted`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def fill(self, free_bytes: int) -> None:
        """Leaves so many bytes free, to the next page."""
        found = os.statvfs(self._folder)
        taken = max(0, found.f_bavail * found.f_frsize - free_bytes)
        descriptor = os.open(self._folder / _FILLER, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, max(1, taken))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        finally:
            os.close(descriptor)

    def empty(self) -> None:
        """Undoes `fill`."""
        (self._folder / _FILLER).unlink(missing_ok=True)

    def protect(self) -> None:
        """Nothing can be written to it."""
        subprocess.run(["mount", "-o", "remount,ro", self._folder], check=True)

    def release(self) -> None:
        """Undoes `protect`."""
        subprocess.run(["mount", "-o", "remount,rw", self._folder], check=True)


@contextmanager
def mounted(folder: Path) -> Iterator[Disk]:
    """A disk in memory in the folder's place; gone at the end, with all that is on it."""
    options = f"size={DISK_BYTES},mode=0750"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "chaos", folder], check=True)
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def memory_limit(name: str, limit_bytes: int) -> Iterator[tuple[Path, Path]]:
    """A cgroup: the file to which a process writes itself, and the one that tells how often memory ran out."""
    second = (_CGROUPS / "cgroup.controllers").exists()
    group = _CGROUPS / name if second else _CGROUPS / "memory" / name
    group.mkdir()
    try:
        limit = group / ("memory.max" if second else "memory.limit_in_bytes")
        limit.write_text(str(limit_bytes))
        yield group / "cgroup.procs", group / ("memory.events" if second else "memory.oom_control")
    finally:
        group.rmdir()
