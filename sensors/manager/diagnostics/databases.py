"""The databases of a project's sensors: there, sound, the containers' to write, and how fresh."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from sensors.errors import SensorsError
from sensors.layout import FILE_NAME
from sensors.manager.compose import Owner
from sensors.manager.diagnostics import sqlite
from sensors.manager.diagnostics.check import Check, failed, guarded, ok, skipped, warning
from sensors.manager.diagnostics.sqlite import Content
from sensors.manager.diagnostics.words import counted, size, span
from sensors.manager.fleet import Fleet
from sensors.manager.project import Places

CHECK_S = 15.0
"""For the quick checks of all databases together, and `_ONE_S` for each."""

_ONE_S = 2.0
"""While it is looked through, a database in WAL mode grows, and one in another mode cannot be written."""


def databases(
    places: Places, fleet: Fleet | None, owner: Owner, now: datetime, clock: Callable[[], float] = time.monotonic
) -> Iterator[Check]:
    """A check for each database that is there, and one for each sensor without.

    Args:
        places: Of the project.
        fleet: Its sensors; None where the configuration does not hold.
        owner: Whom containers run as.
        now: The present.
        clock: Seconds, never falling.
    """
    found = sorted(places.data.glob(f"*/*/{FILE_NAME}"))
    if not found:
        yield skipped("databases", f"there is none in {places.data}: no sensor has written yet")
        return
    until_s = clock() + CHECK_S
    for path in found:
        latest_s = min(until_s, clock() + _ONE_S)
        name = path.parent.relative_to(places.data).as_posix()
        yield guarded(name, lambda path=path, name=name, s=latest_s: _one(name, path, owner, now, lambda: clock() < s))  # type: ignore[misc]
    if fleet is not None:
        yield from _without(places, fleet, set(found))


def _without(places: Places, fleet: Fleet, found: set[Path]) -> Iterator[Check]:
    wanted = {places.data / each.folder / str(each.number) / FILE_NAME: each.service for each in fleet.sensors}
    if missing := [service for path, service in wanted.items() if path not in found]:
        yield warning(
            "not there yet",
            f"{counted(len(missing), 'sensor')} without a database: {', '.join(missing[:5])}"
            + (" and more" if len(missing) > 5 else ""),
            f"`bacalhau-cosmos sensors start` if nothing runs, else `bacalhau-cosmos sensors logs {missing[0]}`",
        )


def _one(name: str, path: Path, owner: Owner, now: datetime, in_time: Callable[[], bool]) -> Check:
    try:
        why = _barred(path, owner)
    except OSError as error:
        why, hint = error.strerror or str(error), _give(path, owner)
        raise SensorsError("look at the database", path, why=why, hint=hint) from error
    try:
        held = sqlite.content(path, in_time)
    except SensorsError as error:
        if why:
            return failed(name, f"{error}; {why}", _give(path, owner))
        raise
    told = _told(held, now)
    if held.damaged:
        return failed(name, f"{told}; quick check: {held.quick_check}", sqlite.DAMAGED)
    told += f", quick check {held.quick_check}"
    if why:
        return failed(name, f"{told}; {why}", _give(path, owner))
    if held.rows is None:
        return warning(name, told, f"`bacalhau-cosmos sensors logs` shows why the sensor of {name} writes nothing")
    if held.journal != "wal":
        return warning(
            name,
            f"{told}: its sensor waits whenever an uploader reads",
            "start the sensor of this manager once: it changes the database to WAL mode when it opens it",
        )
    return ok(name, told)


def _told(held: Content, now: datetime) -> str:
    rows = "no rows" if held.rows is None else f"{held.rows:,} rows"
    parts = [size(held.size), rows, f"journal {held.journal}"]
    if held.newest is not None:
        age_s = (now - held.newest).total_seconds()
        parts.append(f"newest {span(age_s)} ago" if age_s >= 0 else f"newest {span(-age_s)} in the future")
    return ", ".join(parts)


def _barred(path: Path, owner: Owner) -> str:
    """Why containers cannot write it; empty when they can, and where the system has no such bits."""
    if os.name != "posix":
        return ""
    for each, bits in ((path.parent, 0o3), (path, 0o2)):
        there = each.stat()
        if not _may(there, owner, bits):
            kind = "its folder" if each != path else "it"
            return f"{kind} is user {there.st_uid}'s (mode {stat.S_IMODE(there.st_mode):o}), containers run as {owner}"
    return ""


def _may(there: os.stat_result, owner: Owner, bits: int) -> bool:
    shift = 6 if there.st_uid == owner.user else 3 if there.st_gid == owner.group else 0
    return (there.st_mode >> shift) & bits == bits


def _give(path: Path, owner: Owner) -> str:
    return f"sudo chown -R {owner} {path.parents[2]}"
