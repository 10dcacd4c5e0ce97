"""Readings that say something new: what the others were is told by those, within a bound for each measure.

A reading leaves when

1. it is its sensor's first, or the first of a month, or an alarm names it;
2. anything but its measures is not as in the reading before, or a measure becomes null or stops being null;
3. a measure without a bound is not as in the reading before;
4. a measure with a dead band differs by more than that from the reading that left last;
5. the `SPARSEST`th reading before it left last;
6. without it some reading would be further than the bound from the straight line, over time, between those that left
   before and after it: see `swinging_door`. The line ends where the month does, where its measure becomes null or stops
   being null, and where time does not move on.

So for each reading that did not leave, everything but its measures is as in the one that left last before it; a
measure with a dead band, too, give or take the band; and one with a swinging door is on the line to the one that left
next, give or take the bound. What is derived from measures is derived again.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from processors.form import Form
from processors.leave import swinging_door
from processors.leave.dead_band import first_beyond
from processors.leave.path import path
from processors.leave.swinging_door import Doors, slopes
from processors.schema import (
    ALARM,
    DESCRIPTIONS,
    IS_ANOMALY,
    IS_DUPLICATE,
    MEASURE_NAMES,
    MONTH,
    OBSERVED_AT,
    SENSOR_ID,
    TIME_AMBIGUOUS,
)

LAST = "last.1"
"""Name under which the reading of each sensor that left last is carried."""

UNDECIDED = "undecided.1"
"""Name under which the last reading of each sensor is carried where it may yet be the end of a line."""

SPARSEST = 1_000
"""At least one reading of a sensor in so many leaves, so that who reads a stretch need not look far before it."""

_SPARED = 2**-20
"""Share of a bound that is kept for the rounding of those who compute with what was sent."""

_SAYS = (IS_ANOMALY, TIME_AMBIGUOUS, IS_DUPLICATE, MONTH, *(field.name for field in DESCRIPTIONS))
"""What a reading says that is no measure, as far as documents say it."""

_AT = "!at"
_TIME = "!us"
_HIDDEN = "!hidden"
_ROW = "!row"
_END = "!end"
_FORCED = "!forced"


def changes(
    rows: pl.DataFrame, carried: Mapping[str, pl.DataFrame], form: Form
) -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
    """The readings that leave, of these rows and those before; and what to carry.

    Args:
        rows: In id order, with `isAnomaly` and `ALARM`.
        carried: What the call before returned, of the same form.
        form: Of the batch.
    """
    bands, bounds = _bounds(form, form.dead_band), _bounds(form, form.swinging_door)
    seen = pl.concat([carried[UNDECIDED], rows]) if UNDECIDED in carried else rows
    lines = _lined_up(seen, carried.get(LAST), bands, bounds)
    stop = _stop(lines, bands)
    left = path(_following(lines, stop, bounds) if bounds else stop)
    last = lines[left].unique(SENSOR_ID, keep="last", maintain_order=True)
    newest = last[_END] - 1
    waits = (newest > last[_ROW]) if bounds else pl.repeat(value=False, n=len(last), eager=True)
    hidden = last[_HIDDEN] + (newest - last[_ROW]) - waits.cast(pl.Int64)
    last = _with_doors(last.with_columns(hidden.alias(_HIDDEN)), lines, bounds)
    state = {LAST: last.select(SENSOR_ID, _TIME, *_SAYS, *MEASURE_NAMES, _HIDDEN, *_columns(bounds))}
    if bounds:
        state[UNDECIDED] = seen[lines[_AT].gather(newest.filter(waits))]
    return seen[lines[_AT].gather(left).drop_nulls().sort()], state


def _bounds(form: Form, by_measure: Mapping[str, float]) -> dict[str, float]:
    """Measure -> how far it may be from what is told of it, without what rounding to its resolution takes."""
    steps = {} if form.stage == "raw" else form.resolution
    within = {name: bound - steps.get(name, 0.0) / 2 for name, bound in by_measure.items()}
    return {name: bound * (1 - _SPARED) for name, bound in within.items() if bound > 0}


def _lined_up(
    seen: pl.DataFrame, last: pl.DataFrame | None, bands: Mapping[str, float], bounds: Mapping[str, float]
) -> pl.DataFrame:
    """What left last of each sensor and then its readings, sensor by sensor.

    Each with its number `_ROW`, its place `_AT` among the readings seen, null for what left last, the number `_END` of
    the first row of the next sensor, and whether it leaves whatever left before (`_FORCED`).
    """
    new = seen.select(
        pl.int_range(pl.len()).alias(_AT),
        SENSOR_ID,
        pl.col(OBSERVED_AT).dt.epoch("us").cast(pl.Float64).alias(_TIME),
        *_SAYS,
        *MEASURE_NAMES,
        ALARM,
    )
    both = new if last is None else pl.concat([last, new], how="diagonal")
    missing = {_HIDDEN: pl.Int64, **dict.fromkeys(_columns(bounds), pl.Float64)}
    both = both.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in missing.items() if name not in both)
    lines = both.sort(SENSOR_ID, maintain_order=True).with_columns(
        pl.int_range(pl.len()).alias(_ROW), pl.col(_HIDDEN).fill_null(0)
    )
    exact = [name for name in MEASURE_NAMES if name not in bands and name not in bounds]
    starts = _differs(SENSOR_ID)
    says = [_differs(name) for name in (*_SAYS, *exact)]
    known = [_differs(pl.col(name).is_null()) for name in (*bands, *bounds)]
    forced = pl.any_horizontal(starts, pl.col(ALARM).fill_null(value=False), *says, *known)
    if bounds:
        stands = pl.col(_TIME) <= pl.col(_TIME).shift(1)
        ends = ~starts & pl.any_horizontal(stands, _differs(MONTH), *known)
        forced = forced | ends | ends.shift(-1, fill_value=False)
    first = pl.when(starts).then(_ROW)
    return lines.with_columns(
        forced.alias(_FORCED), first.shift(-1).backward_fill().fill_null(pl.len()).cast(pl.Int64).alias(_END)
    )


def _differs(what: str | pl.Expr) -> pl.Expr:
    """Whether a row is not like the one before it; true of the first row."""
    what = pl.col(what) if isinstance(what, str) else what
    return what.ne_missing(what.shift(1)) | (pl.int_range(pl.len()) == 0)


def _stop(lines: pl.DataFrame, bands: Mapping[str, float]) -> pl.Series:
    """For each row the next one that leaves if it does, as far as no line is asked for."""
    forced = pl.when(_FORCED).then(_ROW).shift(-1).backward_fill().fill_null(pl.len())
    sparse = pl.col(_ROW) + SPARSEST - pl.col(_HIDDEN)
    stop = lines.select(pl.min_horizontal(forced, sparse).cast(pl.Int64)).to_series()
    for name, band in bands.items():
        beyond = first_beyond(lines[name].fill_null(0.0), band, SPARSEST)
        stop = stop.zip_with(stop < beyond, beyond)
    return stop


def _following(lines: pl.DataFrame, stop: pl.Series, bounds: Mapping[str, float]) -> pl.Series:
    """For each row the next one that leaves if it does."""
    doors = []
    for name, bound in bounds.items():
        value, at_us = pl.col(name).fill_null(0.0), pl.col(_TIME)
        upper, lower = slopes(value.shift(-1) - value, at_us.shift(-1) - at_us, bound)
        known = lines.select(
            value,
            high=pl.min_horizontal(upper, _high(name)).fill_null(0.0),
            low=pl.max_horizontal(lower, _low(name)).fill_null(0.0),
        )
        doors.append(Doors(known[name], bound, known["high"], known["low"]))
    last = lines.select(pl.min_horizontal(stop, pl.col(_END) - 1)).to_series()
    return swinging_door.following(lines[_TIME], doors, stop, last)


def _with_doors(last: pl.DataFrame, lines: pl.DataFrame, bounds: Mapping[str, float]) -> pl.DataFrame:
    """What left last of each sensor, with its doors after the readings that followed."""
    if not bounds:
        return last
    names = [_ROW, _TIME, *bounds]
    after = lines.select(SENSOR_ID, *names).join(
        last.select(SENSOR_ID, pl.col(names).name.prefix("!from ")), on=SENSOR_ID
    )
    now = []
    for name, bound in bounds.items():
        rise = pl.col(name) - pl.col(f"!from {name}")
        upper, lower = slopes(rise.fill_null(0.0), pl.col(_TIME) - pl.col(f"!from {_TIME}"), bound)
        now += [upper.min().alias(_high(name)), lower.max().alias(_low(name))]
    met = after.filter(pl.col(_ROW) > pl.col(f"!from {_ROW}")).group_by(SENSOR_ID).agg(now)
    both = last.join(met, on=SENSOR_ID, how="left", suffix="!now", maintain_order="left")
    return both.with_columns(
        *(pl.min_horizontal(_high(name), f"{_high(name)}!now") for name in bounds),
        *(pl.max_horizontal(_low(name), f"{_low(name)}!now") for name in bounds),
    )


def _high(name: str) -> str:
    return f"{name}!high"


def _low(name: str) -> str:
    return f"{name}!low"


def _columns(bounds: Mapping[str, float]) -> list[str]:
    """Slopes of doors that are carried with what left last."""
    return [*map(_high, bounds), *map(_low, bounds)]
