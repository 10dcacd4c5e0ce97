"""What a city's passes spend: kept in its checkpoint, so that the next ones know what they may spend, and what for.

Two owners there: `charges` has what documents cost (`charges.SCHEMA`) and what a row did under which settings, moved
at the end of a pass; `budget` has the hour, moved whenever something was spent in it, lest a run that is killed
forgets it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime

import polars as pl

from processors import charges
from processors.budget import Hour, Purse, parse
from processors.charges import Meter
from processors.checkpoint import Checkpoint
from processors.schema import TIMESTAMP_TYPE
from processors.settings import Settings
from processors.world import World

OWNER = "charges"
LEARNED = "learned.1"
"""Name of the frame of `charges.SCHEMA`, with the version of its meaning."""

_ROW = "row.1"
_BUDGET = "budget"
_HOUR = "hour.1"

_ROW_SCHEMA = pl.Schema({"settings": pl.String(), "rows": pl.Int64(), "requestUnits": pl.Float64()})
_HOUR_SCHEMA = pl.Schema({"began": TIMESTAMP_TYPE, "spent": pl.Float64()})

_NO_MATTER = {
    "city", "node_folder", "data", "state", "archive", "key", "hash_key", "every", "start_delay", "page_rows",
    "ru_budget", "skip_replays",
}  # fmt: skip
"""Settings that do not decide what a row costs."""


def learned(checkpoint: Checkpoint) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """What documents have cost (`charges.SCHEMA`), and what to say of it where it is not to be trusted.

    Raises:
        CheckpointError: It cannot be read.
    """
    carried = checkpoint.carried(OWNER)
    found = carried.get(LEARNED)
    if found is not None and charges.is_sound(found):
        return found, ()
    if not carried:
        return charges.empty(), ()
    return charges.empty(), (f"{OWNER}: what was learned is of another version or not readable: it is learned anew",)


def purse(settings: Settings, checkpoint: Checkpoint, meter: Meter, world: World) -> Purse:
    """What the pass may spend.

    Raises:
        CheckpointError: What was spent before cannot be read, or not be kept.
    """
    return Purse(
        parse(settings.ru_budget),
        meter,
        world.now,
        hour=_hour(checkpoint),
        row=_row(checkpoint, settings),
        keep=lambda hour: checkpoint.keep(_BUDGET, {_HOUR: _frame(_HOUR_SCHEMA, hour.began, hour.spent)}),
    )


def keep(
    settings: Settings,
    checkpoint: Checkpoint,
    policies: Mapping[str, str],
    meter: Meter,
    spent: Purse,
    at: datetime,
) -> tuple[str, ...]:
    """What the pass was charged is learned; what to say of what was learned before.

    Args:
        settings: Of the pass.
        checkpoint: Keeps it.
        policies: Container -> name of its indexing policy.
        meter: What was charged.
        spent: What rows cost.
        at: UTC.

    Raises:
        CheckpointError: It cannot be kept.
    """
    new = charges.observed(
        meter.spent, endpoint=settings.endpoint, database=settings.database, policies=policies, at=at
    )
    if new.is_empty():
        return ()
    known, notices = learned(checkpoint)
    frames = {LEARNED: charges.learn(known, new)}
    row = checkpoint.carried(OWNER, _ROW).get(_ROW)
    if spent.rows and spent.spent:
        row = _frame(_ROW_SCHEMA, _decisive(settings), spent.rows, spent.spent)
    checkpoint.keep(OWNER, frames if row is None else {**frames, _ROW: row})
    return notices


def _row(checkpoint: Checkpoint, settings: Settings) -> float | None:
    """Request units of a row under these settings, None where none was taken in under them."""
    frame = checkpoint.carried(OWNER, _ROW).get(_ROW)
    if frame is None or frame.schema != _ROW_SCHEMA or len(frame) != 1:
        return None
    told, rows, spent = frame.row(0)
    return spent / rows if told == _decisive(settings) and rows and spent else None


def _hour(checkpoint: Checkpoint) -> Hour | None:
    frame = checkpoint.carried(_BUDGET, _HOUR).get(_HOUR)
    if frame is None or frame.schema != _HOUR_SCHEMA or len(frame) != 1 or None in frame.row(0):
        return None
    return Hour(*frame.row(0))


def _frame(schema: pl.Schema, *values: object) -> pl.DataFrame:
    return pl.DataFrame([values], schema=schema, orient="row")


def _decisive(settings: Settings) -> str:
    """Name of the settings that decide what a row costs."""
    decisive = settings.model_dump(mode="json", exclude=_NO_MATTER)
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:12]
