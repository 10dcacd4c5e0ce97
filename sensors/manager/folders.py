"""The folders that containers write to: made before they start, and theirs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from sensors.errors import SensorsError
from sensors.manager.compose import Owner
from sensors.manager.fleet import Fleet
from sensors.manager.project import Places

MODE = 0o750


def prepare(places: Places, fleet: Fleet, owner: Owner) -> None:
    """Every folder of the fleet is there and belongs, with what is in it, to the containers' user.

    What is there already stays: only root changes its owner, and links are left alone.

    Raises:
        SensorsError: A folder is a link out of the project, cannot be made, or has files that containers could not
            write.
    """
    wanted = [places.data / city.folder / str(sensor.number) for city in fleet.cities for sensor in city.sensors]
    for folder in (*wanted, places.state, places.archive):
        _make(folder, places.root)
    for path in _within([*(places.data / city.folder for city in fleet.cities), places.state, places.archive]):
        _give(path, owner)
    _give(places.data, owner)


def _make(folder: Path, root: Path) -> None:
    try:
        leads_to = folder.resolve()
        if not leads_to.is_relative_to(root.resolve()):
            raise SensorsError(
                "use the folder",
                folder,
                why=f"it leads to {leads_to}, which is outside the project",
                hint="containers write below the project's own folder only: put a folder in the place of the link",
            )
        folder.mkdir(mode=MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise SensorsError(
            "make the folder",
            folder,
            why=error.strerror or str(error),
            hint="free some space if the disk is full; let this user write there",
        ) from error


def _within(folders: list[Path]) -> Iterator[Path]:
    for folder in folders:
        for parent, names, files in os.walk(folder, followlinks=False):
            yield Path(parent)
            yield from (Path(parent, name) for name in (*names, *files))


def _give(path: Path, owner: Owner) -> None:
    if not hasattr(os, "chown"):
        return
    try:
        there = path.lstat()
        if os.getuid() == 0:
            if (there.st_uid, there.st_gid) != (owner.user, owner.group):
                os.chown(path, owner.user, owner.group, follow_symlinks=False)
        elif not path.is_symlink() and not os.access(path, os.W_OK):
            raise SensorsError(
                "start containers",
                path,
                why=f"it belongs to user {there.st_uid}, and they run as {owner}",
                hint=f"give it to them: sudo chown -R {owner} {path}",
            )
    except FileNotFoundError:
        return  # SQLite removed it: a -wal or a -shm
    except OSError as error:
        raise SensorsError(
            "give the containers", path, why=error.strerror or str(error), hint=f"sudo chown -R {owner} {path}"
        ) from error
