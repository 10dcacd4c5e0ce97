"""What is carried from minute to minute, and whether it can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import polars as pl

from processors.schema import SENSOR_ID, TIMESTAMP_TYPE, WINDOW_START

VERSION = 1
"""Of the frames: those of another version are learned anew."""

BLOCKS: dict[str, pl.DataType] = {
    SENSOR_ID: pl.String(),
    "measure": pl.String(),
    "hour": TIMESTAMP_TYPE,
    "n": pl.Int64(),
    "sum": pl.Int64(),
    "squares": pl.Int64(),
}
"""Minutes of a sensor's hour, and their deviations from the city's level in steps (`usual.STEPS`): at most 25 rows
for each sensor and measure (`usual.BLOCKS`, and the hour that is not over), some 7 kB a sensor; none of a sensor
that has been silent for `usual.FORGET_DAYS`."""

COURSE: dict[str, pl.DataType] = {
    "measure": pl.String(),
    WINDOW_START: TIMESTAMP_TYPE,
    "level": pl.Float64(),
}
"""The city's level: 60 rows a measure at most (`environment.RECENT_MINUTES`)."""

DAYS: dict[str, pl.DataType] = {
    "measure": pl.String(),
    "day": TIMESTAMP_TYPE,
    "minutes": pl.Int64(),
    "most": pl.Float64(),
}
"""Minutes of a day whose departure from the recent level is known, and the largest: 8 rows a measure at most."""

APART: dict[str, pl.DataType] = {
    SENSOR_ID: pl.String(),
    "measure": pl.String(),
    WINDOW_START: TIMESTAMP_TYPE,
}
"""The last minute in which a sensor was over its threshold, within an hour: one row for each sensor and measure."""

EPISODES: dict[str, pl.DataType] = {
    SENSOR_ID: pl.String(),
    "measure": pl.String(),
    "kind": pl.String(),
    "run": pl.Int64(),
    "since": pl.Int64(),
    "last": TIMESTAMP_TYPE,
}
"""Judged minutes in a row that are over their threshold, judged minutes since an episode last went on (null: none
does), and the last of those judged: one row for each sensor and measure at most."""


def _empty(schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    return pl.DataFrame(schema=schema)


@dataclass(frozen=True)
class State:
    """See the frames' descriptions; a city that was never looked at has no rows in them."""

    blocks: pl.DataFrame = field(default_factory=lambda: _empty(BLOCKS))
    course: pl.DataFrame = field(default_factory=lambda: _empty(COURSE))
    days: pl.DataFrame = field(default_factory=lambda: _empty(DAYS))
    apart: pl.DataFrame = field(default_factory=lambda: _empty(APART))
    episodes: pl.DataFrame = field(default_factory=lambda: _empty(EPISODES))


_SCHEMAS = {"blocks": BLOCKS, "course": COURSE, "days": DAYS, "apart": APART, "episodes": EPISODES}
_MAY_BE_NULL = {"since"}


def stored(state: State) -> dict[str, pl.DataFrame]:
    """Name with version -> frame, as `restored` takes them."""
    return {_key(part.name): getattr(state, part.name) for part in fields(state)}


def restored(frames: Mapping[str, pl.DataFrame]) -> State | None:
    """The state, None when a frame is missing, of another version or not as expected."""
    parts = {name: frames.get(_key(name)) for name in _SCHEMAS}
    known = {name: frame for name, frame in parts.items() if frame is not None and _is_sound(frame, _SCHEMAS[name])}
    return State(**known) if known.keys() == _SCHEMAS.keys() else None


def _key(name: str) -> str:
    return f"{name}.{VERSION}"


def _is_sound(frame: pl.DataFrame, schema: Mapping[str, pl.DataType]) -> bool:
    return frame.schema == pl.Schema(schema) and not any(
        frame[name].null_count() for name in schema if name not in _MAY_BE_NULL
    )
