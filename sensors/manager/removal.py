"""Local files that go: the only place of the manager that deletes them.

Nothing goes but what lies in the project's data, state and archive once links are resolved. A link among it is
unlinked; what it leads to stays.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sensors.errors import RequestError, SensorsError
from sensors.manager.project import Places

if TYPE_CHECKING:
    from sensors.manager.engine.values import Container

_MOUNTS = Path("/proc/self/mountinfo")
"""Linux tells here also of folders of the same disk that are mounted elsewhere, which look like any other."""

_MOUNT_POINT = 4
"""Word of a line of it."""


@dataclass(frozen=True)
class Removal:
    """What would go.

    Attributes:
        places: Of the project.
        paths: Files and folders that are there, none within another.
        files: In them; links are files.
        bytes: Their size; a file of several names is counted once.
    """

    places: Places
    paths: tuple[Path, ...]
    files: int
    bytes: int

    def __str__(self) -> str:
        names = ", ".join(str(path.relative_to(self.places.root)) for path in self.paths)
        return f"{self.files:,} files, {self.bytes:,} bytes" + (f" in {names}" if names else "")


def plan(places: Places, paths: Iterable[Path], *, home: Path | None = None) -> Removal:
    """What would go; paths that are not there are left out.

    Args:
        places: Of the project.
        paths: In its data, state or archive, or one of these itself; relative ones begin at its root.
        home: The user's own folder; None for the one that the system knows.

    Raises:
        RequestError: One of them lies elsewhere, leads elsewhere, or has another file system in it.
        SensorsError: They cannot be looked at.
    """
    named = dict.fromkeys(places.root / path for path in paths)
    for path in named:
        _refuse(places, path, _home() if home is None else home)
    there = [part for path in named if os.path.lexists(path) for part in _parts(places, path)]
    outermost = tuple(path for path in there if not any(path.is_relative_to(other) for other in there if other != path))
    sizes: dict[tuple[int, int], int] = {}
    files = 0
    for status in _files(outermost):
        # On Windows a scan knows no inode of a file; each then counts by itself.
        sizes[status.st_dev, status.st_ino or -files] = status.st_size
        files += 1
    return Removal(places, outermost, files, sum(sizes.values()))


def refuse_running(project: str, containers: Iterable[Container]) -> None:
    """Does nothing for a project of which no container runs.

    Args:
        project: Its name, or its folder.
        containers: Of it.

    Raises:
        RequestError: One does: it would go on writing to files that are gone.
    """
    running = sorted(each.service for each in containers if each.exit_code is None)
    if running:
        raise RequestError(
            "delete local data",
            project,
            why=f"{len(running)} of its containers run, {running[0]} for one",
            hint="`bacalhau-cosmos sensors stop` first",
        )


def remove(removal: Removal) -> None:
    """All of it is gone; what vanishes meanwhile is gone too. A second call finishes what an interrupted one left.

    Raises:
        RequestError: Something has come in the place of a path since the plan that would be refused there.
        SensorsError: Something cannot be deleted; what was deleted before stays deleted.
    """
    for path in removal.paths:
        # Again: much may have changed while a person was asked.
        _refuse(removal.places, path, _home())
        try:
            _remove(path)
        except OSError as error:
            raise SensorsError(
                "delete",
                path,
                # Of a file in a folder Python knows the last part of its name only.
                why=f"{error.strerror or error}: {error.filename}",
                hint="let this user write to it and its folder, or end what has it open; then run again, for the rest",
            ) from error


def _remove(path: Path) -> None:
    while os.path.lexists(path):
        try:
            if path.is_dir() and not path.is_symlink():
                # It follows no link, also none that comes in the place of a folder while it is at work.
                shutil.rmtree(path)
            else:
                path.unlink()
        except FileNotFoundError:
            # Somebody else deleted a file that was still to be deleted: there are ever fewer of them.
            continue


def _refuse(places: Places, path: Path, home: Path | None) -> None:
    """Does nothing for a path that may go."""
    own = [folder for folder in (places.data, places.state, places.archive) if path.is_relative_to(folder)]
    if ".." in path.parts or not own or not own[0].is_relative_to(places.root) or own[0] == places.root:
        raise _refused(places, path, "it is not in the project's data, state or archive")
    root = places.root.resolve()
    real, allowed = _resolved(path), root / own[0].relative_to(places.root)
    if not real.is_relative_to(allowed):
        raise _refused(places, path, f"it leads to {real}, which is outside of {allowed}")
    if home is not None and home.resolve().is_relative_to(real):
        raise _refused(places, path, "the user's own folder is in it")
    mounted = sorted(str(each) for each in _mounts() if each.is_relative_to(real) and each != allowed)
    if mounted:
        raise _refused(places, path, f"another file system is mounted at {mounted[0]}")


def _refused(places: Places, path: Path, why: str) -> RequestError:
    return RequestError(
        "delete",
        path,
        why=why,
        hint=f"only what lies in {places.data}, {places.state} and {places.archive} is deleted here; "
        "look at it, and delete it by hand if it is to go",
    )


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:  # of a loop of links
        raise SensorsError(
            "look at", path, why=str(error), hint="mend the link or delete it by hand, then run again"
        ) from error


def _parts(places: Places, path: Path) -> Iterable[Path]:
    """The path; what is in it, for one of the project's folders that is a disk of its own, which cannot go."""
    is_own = path in (places.data, places.state, places.archive)
    return sorted(path.iterdir()) if is_own and path.resolve() in _mounts() else [path]


def _files(paths: Iterable[Path]) -> Iterator[os.stat_result]:
    for path in paths:
        try:
            status = path.lstat()
            if stat.S_ISDIR(status.st_mode):
                with os.scandir(path) as entries:
                    within = [Path(entry) for entry in entries]
                yield from _files(within)
            else:
                yield status
        except FileNotFoundError:
            continue
        except OSError as error:
            raise SensorsError(
                "look at",
                error.filename or path,
                why=error.strerror or str(error),
                hint="let this user read it, or run as the user who owns it",
            ) from error


def _mounts() -> set[Path]:
    """Where file systems are mounted; none where the system does not tell."""
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return set()
    return {Path(_unescaped(line.split(" ")[_MOUNT_POINT])) for line in lines}


def _unescaped(text: str) -> str:
    r"""A space is written as `\040` there."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


def _home() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:  # a user without one
        return None
