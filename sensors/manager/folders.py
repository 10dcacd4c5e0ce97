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


def check(places: Places, fleet: Fleet, owner: Owner) -> None:
    """Do nothing where `prepare` has nothing to refuse; nothing is changed.

    Raises:
        SensorsError: A folder leads out of the project, or has files that containers could not write.
    """
    for folder in _wanted(places, fleet):
        _refuse_outside(folder, places.root)
    if not _is_root():
        for path in _within(places, fleet):
            _refuse_unwritable(path, owner)


def prepare(places: Places, fleet: Fleet, owner: Owner) -> None:
    """Every folder of the fleet is there and belongs, with what is in it, to the containers' user.

    What is there already stays: only root changes its owner, and links are left alone.

    Raises:
        SensorsError: See `check`; or a folder cannot be made, or given to the containers.
    """
    check(places, fleet, owner)
    for folder in _wanted(places, fleet):
        try:
            folder.mkdir(mode=MODE, parents=True, exist_ok=True)
        except OSError as error:
            raise _unmade(folder, error) from error
    if _is_root():
        for path in (*_within(places, fleet), places.data):
            _give(path, owner)


def _wanted(places: Places, fleet: Fleet) -> list[Path]:
    sensors = [places.data / city.folder / str(sensor.number) for city in fleet.cities for sensor in city.sensors]
    return [*sensors, places.state, places.archive]


def _within(places: Places, fleet: Fleet) -> Iterator[Path]:
    """Folders of the fleet that are there, with all that is in them."""
    for folder in [*(places.data / city.folder for city in fleet.cities), places.state, places.archive]:
        for parent, names, files in os.walk(folder, followlinks=False):
            yield Path(parent)
            yield from (Path(parent, name) for name in (*names, *files))


def _is_root() -> bool:
    return hasattr(os, "getuid") and os.getuid() == 0


def _refuse_outside(folder: Path, root: Path) -> None:
    try:
        leads_to = folder.resolve()
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, before Python 3.13
        raise _unmade(folder, error) from error
    if not leads_to.is_relative_to(root.resolve()):
        raise SensorsError(
            "use the folder",
            folder,
            why=f"it leads to {leads_to}, which is outside the project",
            hint="containers write below the project's own folder only: put a folder in the place of the link",
        )


def _unmade(folder: Path, error: Exception) -> SensorsError:
    return SensorsError(
        "make the folder",
        folder,
        why=getattr(error, "strerror", None) or str(error),
        hint="free some space if the disk is full; let this user write there; take links away that lead in a circle",
    )


def _refuse_unwritable(path: Path, owner: Owner) -> None:
    if path.is_symlink() or not path.exists() or os.access(path, os.W_OK):
        return
    raise SensorsError(
        "start containers",
        path,
        why=f"it belongs to another user, and they run as {owner}",
        hint=f"give it to them: sudo chown -R {owner} {path}",
    )


def _give(path: Path, owner: Owner) -> None:
    try:
        there = path.lstat()
        if (there.st_uid, there.st_gid) != (owner.user, owner.group):
            os.chown(path, owner.user, owner.group, follow_symlinks=False)
    except FileNotFoundError:
        return  # SQLite removed it: a -wal or a -shm
    except OSError as error:
        raise SensorsError(
            "give the containers", path, why=error.strerror or str(error), hint=f"sudo chown -R {owner} {path}"
        ) from error
