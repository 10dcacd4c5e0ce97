"""Readings that have not left yet, as the checkpoint carries them: their bucket is open, or rows to come decide."""

from __future__ import annotations

import io
import sqlite3
from dataclasses import dataclass

import polars as pl

from processors.checkpoint import read_branches, read_frames
from processors.leave import rest
from processors.pipeline.let_go import waiting, waiting_form
from processors.pipeline.rest import SHOWN, owner_of
from processors.recorded import Ask
from processors.schema import BUCKET, ROW_ID, SENSOR_ID


@dataclass(frozen=True)
class Waits:
    """What waits of a generation at one moment.

    Attributes:
        position: Of the checkpoint; what it has taken in up to there has left, or was left out, unless it is held.
        held: Row ids.
        shown: Those among them that Cosmos was sent all the same.
    """

    position: int
    held: pl.Series
    shown: pl.Series


def waits(ask: Ask, sensor: str, generation: str) -> Waits | None:
    """What the checkpoint carries; None when it does not know the generation.

    Raises:
        CheckpointError: See `recorded.open_asked`.
    """
    return ask(lambda connection, version: _read(connection, version, sensor, generation))


def _read(connection: sqlite3.Connection, version: int, sensor: str, generation: str) -> Waits | None:
    branches = read_branches(connection, sensor, version)
    branch = next((each for each in branches if each.generation == generation), None)
    if branch is None:
        return None
    carried = _frames(connection, version, generation)
    form = waiting_form(carried)
    remains = None if form is None else rest(carried, form)
    none = pl.Series(ROW_ID, [], pl.Int64)
    if remains is None:
        return Waits(branch.position, none, none)
    let_go = waiting(carried)
    if let_go is None:
        return Waits(branch.position, remains[ROW_ID], none)
    ((_, rows),) = let_go.parts
    kept = _frames(connection, version, owner_of(generation))
    return Waits(branch.position, remains[ROW_ID], _shown(rows, kept))


def _shown(rows: pl.DataFrame, kept: dict[str, pl.DataFrame]) -> pl.Series:
    """Those of the rows that wait that are in what `pipeline.rest` has noted of its buckets."""
    noted = kept.get(SHOWN)
    if noted is None:
        return rows.clear()[ROW_ID]
    known = rows.join(noted, on=[SENSOR_ID, BUCKET], nulls_equal=True)
    return known.filter(pl.col(ROW_ID) <= pl.col("last"))[ROW_ID]


def _frames(connection: sqlite3.Connection, version: int, generation: str) -> dict[str, pl.DataFrame]:
    found = read_frames(connection, generation, version)
    return {name: pl.read_ipc(io.BytesIO(frame)) for name, frame in found.items()}
