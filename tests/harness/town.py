"""Cities whose minutes are made up, and a comparison of them in any number of calls."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from processors import checkpoint
from processors.neighbours import FINDING, State, judge
from processors.neighbours.state import restored, stored
from processors.schema import MEASURE_NAMES, TIMESTAMP_TYPE

BEGIN = datetime(2026, 6, 1, tzinfo=UTC)
THRESHOLDS = {"sensor": 8.0, "environment": 3.0}


def weather(minutes: int, sensors: int, *, seed: int = 1, cycle_c: float = 5.0) -> npt.NDArray[np.float64]:
    """Temperatures, a row a sensor and a column a minute: a day's cycle, each sensor's own offset, and noise."""
    dice = np.random.default_rng(seed)
    cycle = 15 + cycle_c * np.sin(2 * np.pi * np.arange(minutes) / 1440)
    offsets = dice.normal(0, 1, (sensors, 1))
    return cycle + offsets + dice.normal(0, 0.03, (sensors, minutes))


def means(temperatures: npt.NDArray[np.float64], *, begin: datetime = BEGIN) -> pl.DataFrame:
    """Means as the comparison takes them, in order of time; NaN: the sensor has no window of that minute."""
    sensors, minutes = temperatures.shape
    at = pl.datetime_range(begin, begin + timedelta(minutes=minutes - 1), "1m", eager=True).cast(TIMESTAMP_TYPE)
    parts = [
        pl.DataFrame({"sensorId": [f"s{number}"] * minutes, "windowStart": at, "temperatureC": temperatures[number]})
        for number in range(sensors)
    ]
    others = (pl.lit(None, pl.Float64).alias(name) for name in MEASURE_NAMES if name != "temperatureC")
    whole = pl.concat(parts).filter(pl.col("temperatureC").is_not_nan()).with_columns(others)
    return whole.select("sensorId", "windowStart", *MEASURE_NAMES).sort("windowStart", "sensorId")


def compared(rows: pl.DataFrame, cuts: Sequence[datetime] = ()) -> tuple[pl.DataFrame, State]:
    """What a city's minutes give, cut at these times, with the state stored and loaded as the checkpoint does it."""
    found = [pl.DataFrame(schema=FINDING)]
    state = State()
    edges = [datetime(1, 1, 1, tzinfo=UTC), *cuts, datetime(9999, 1, 1, tzinfo=UTC)]
    for first, end in pairwise(edges):
        part = rows.filter(pl.col("windowStart").is_between(first, end, closed="left"))
        judged = judge(part, state, THRESHOLDS)
        found.append(judged.findings)
        frames = {name: pl.read_ipc(io.BytesIO(checkpoint._pack(each))) for name, each in stored(judged.state).items()}
        state = restored(frames) or pytest.fail("the state is not known again")
    return pl.concat(found), state


def minute(number: int) -> datetime:
    return BEGIN + timedelta(minutes=number)
