"""A sensor against its city's others: closed windows and state in; findings and state out.

One hot sensor is a fault, twelve hot sensors are weather. The level of the city is the median of its sensors, each
freed of its usual deviation from it; kind `sensor` is a sensor that deviates from the level as it usually does not,
kind `environment` is a level that leaves its recent range, with most sensors. Exact under any split of the same
minutes into calls, as long as a minute is not split.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from processors.neighbours import environment, episodes, level, usual
from processors.neighbours.findings import FINDING, explained, of_environment, of_sensors
from processors.neighbours.state import State
from processors.schema import MEASURE_NAMES, SENSOR_ID, WINDOW_START

__all__ = ["EVERYWHERE", "FINDING", "Judged", "State", "judge"]

EVERYWHERE = "*"
"""Stands for a sensor in what is of all of them."""


@dataclass(frozen=True)
class Judged:
    """What is known of minutes once all sensors were compared.

    Attributes:
        findings: One for each episode that begins, in order of time (`FINDING`), with `explanation`.
        state: For the minutes that follow.
    """

    findings: pl.DataFrame
    state: State = field(default_factory=State)


def judge(means: pl.DataFrame, state: State, thresholds: Mapping[str, float]) -> Judged:
    """Compares the sensors of a city, minute by minute.

    Args:
        means: `sensorId`, `windowStart` and the mean of each measure in that minute, null where it is unknown: one
            row for each sensor and minute, all later than those of the call before.
        state: What the call before returned.
        thresholds: Score from which on there is a finding, of the kinds `sensor` and `environment`.
    """
    blocks = state.blocks
    compared = []
    for values in _values(means).partition_by(usual.HOUR):
        hour = values[usual.HOUR][0]
        now = level.compare(values, usual.usual(blocks, hour))
        blocks = usual.learned(blocks, now, hour)
        compared.append(now)
    if not compared:
        return Judged(pl.DataFrame(schema=FINDING), state)
    seen = pl.concat(compared)
    departures, course, days = environment.departures(seen, state.course, state.days)
    moves, apart = environment.moves(seen, departures, state.apart, thresholds)
    found = pl.concat(
        [
            of_sensors(seen, thresholds["sensor"]),
            of_environment(moves, thresholds["environment"], EVERYWHERE),
        ]
    )
    begun, following = episodes.begun(found, state.episodes)
    told = explained(begun.sort(WINDOW_START, SENSOR_ID, "measure"))
    return Judged(told, State(blocks, course, days, apart, following))


def _values(means: pl.DataFrame) -> pl.DataFrame:
    """One row for each known value, with its hour."""
    return (
        means.unpivot(MEASURE_NAMES, index=[SENSOR_ID, WINDOW_START], variable_name="measure", value_name="value")
        .filter(pl.col("value").is_finite())
        .with_columns(pl.col(WINDOW_START).dt.truncate("1h").alias(usual.HOUR))
        .sort(WINDOW_START)
    )
