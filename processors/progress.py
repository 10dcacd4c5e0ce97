"""How far the databases of a city have been taken in, and what that came to: what a look from time to time can afford.

One opening of the checkpoint tells it for the whole city, whatever its databases and its archive have grown to; no
database and no manifest is opened. Which life a table continues is therefore not settled here, as `standing` does:
the last row taken in of each is told, to look for it in the table.
"""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from processors.archive.places import places
from processors.checkpoint import read_carried, read_lives
from processors.model import Anchor, Branch, Database
from processors.recorded import open_asked
from processors.totals import TOTALS, Totals, known


@dataclass(frozen=True)
class Life:
    """One generation of a database.

    Attributes:
        generation: Its name.
        position: Largest row id taken in.
        last: The row of that id, as it was; None before the first batch.
        taken_at: When its last batch was archived; None when there is no archive of it.
        totals: What its batches came to; None before the first that was counted.
        whole: Whether they cover all of its batches.
    """

    generation: str
    position: int
    last: Anchor | None
    taken_at: datetime | None
    totals: Totals | None
    whole: bool


def progress(state: Path, archive: Path, city: str) -> Mapping[str, Sequence[Life]]:
    """The lives of each database that the city's checkpoint knows, oldest first; empty without a checkpoint.

    Args:
        state: Folder of the checkpoints.
        archive: Its folders tell when a batch was last archived, by their time of change.
        city: As its folder is written.

    Raises:
        CheckpointError: See `recorded.open_asked`.
    """
    with open_asked(state, city) as ask:
        found = ask(_read)
    lives, frames = found or ({}, {})

    def life(sensor: str, branch: Branch) -> Life:
        return _life(branch, frames.get(branch.generation), _changed_at(archive, city, sensor, branch))

    return {sensor: [life(sensor, branch) for branch in branches] for sensor, branches in lives.items()}


def _read(connection: sqlite3.Connection, version: int) -> tuple[dict[str, list[Branch]], dict[str, bytes]]:
    return read_lives(connection, version), read_carried(connection, TOTALS, version)


def _life(branch: Branch, frame: bytes | None, taken_at: datetime | None) -> Life:
    totals = None if frame is None else known(pl.read_ipc(io.BytesIO(frame)))
    last = next((anchor for anchor in branch.anchors if anchor["id"] == branch.position), None)
    begins = branch.position == branch.base_id
    whole = begins if totals is None else totals.after == branch.base_id
    # The folder of a life is there before its first batch.
    return Life(branch.generation, branch.position, last, None if begins else taken_at, totals, whole)


def _changed_at(archive: Path, city: str, sensor: str, branch: Branch) -> datetime | None:
    """A manifest is renamed into the generation's folder when its batch is committed."""
    folder = places(archive, Database(city, sensor, Path())).manifests / branch.generation
    try:
        return datetime.fromtimestamp(folder.stat().st_mtime, UTC)
    except OSError:
        return None
