"""The five anomaly kinds of the upstream simulator, and the truth about them.

Upstream (bacalhau-project/sensor-log-generator) draws once a reading and so disturbs single readings;
its durations are never used. Here an anomaly lasts as long as its kind says:

- spike: one reading, one measure doubled or halved
- trend: one measure drifts by 0.1 of its level a minute for 300 s, up or down
- pattern: temperature swings by a fifth of its level for 600 s, humidity against it
- missing_data: no rows for 60 s, as upstream intends (it makes no reading, although the version of 2025-10
  then stores the ordinary one, unmarked). Rows that are absent cannot carry their truth, so the first
  row after the gap does; its own values are sound
- noise: three times the sensor's noise in every measure for 120 s

The factors act on a level (20 degrees, 50 %, 12 V), not on the value: Celsius has no true zero, and twice
0.3 degrees is no anomaly. That is the same thing at the level upstream simulates.
"""

from functools import lru_cache
from math import log
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sensors.randomness import generator
from sensors.sensor import Sensor
from sensors.waveform import Floats, Times

KINDS = ("spike", "trend", "pattern", "missing_data", "noise")
SPIKE, TREND, PATTERN, MISSING_DATA, NOISE = range(1, 6)  # as labels; 0 is an ordinary reading
DEFAULT_PROBABILITY = 0.01  # upstream's config/config.yaml, as are the weights

Labels = npt.NDArray[np.int8]

_WEIGHTS = (0.3, 0.2, 0.2, 0.15, 0.15)
_TEMPERATURE, _HUMIDITY, _VOLTAGE = 0, 1, 4
_LEVELS = {_TEMPERATURE: 20.0, _HUMIDITY: 50.0, _VOLTAGE: 12.0}
_WINDOW_MS = 3_600_000


class _Episode(NamedTuple):
    start_ms: int
    label: int
    measure: int
    upward: bool


class Disturbed(NamedTuple):
    """For each time its label and the number of its episode, -1 where there is none."""

    labels: Labels
    owners: npt.NDArray[np.int64]
    episodes: list[_Episode]


def at(sensor: Sensor, times_ms: Times, period_ms: int, probability: float) -> Disturbed:
    """Which times are disturbed; rising times, one answer each.

    The probability is the long-run share of readings that are disturbed, missing ones included. That is what
    a draw for each reading comes to upstream, and it means the same for a minute and a year, at any period:
    episodes arrive at random at the rate for which a moment lies in none of them with 1 - probability.
    Where two meet, the later one counts.
    """
    durations = _durations_ms(period_ms)
    owners = np.full(len(times_ms), -1, dtype=np.int64)
    labels = np.zeros(len(times_ms), dtype=np.int8)
    if not probability or not len(times_ms):
        return Disturbed(labels, owners, [])
    mean_ms = sum(weight * duration for weight, duration in zip(_WEIGHTS, durations, strict=True))
    mean_count = -log(1 - probability) * _WINDOW_MS / mean_ms
    first = (int(times_ms[0]) - max(durations)) // _WINDOW_MS
    last = int(times_ms[-1]) // _WINDOW_MS
    episodes = [
        episode for window in range(first, last + 1) for episode in _beginning_in(sensor.key, window, mean_count)
    ]
    starts = np.array([episode.start_ms for episode in episodes], dtype=np.int64)
    ends = starts + np.array([durations[episode.label - 1] for episode in episodes], dtype=np.int64)
    begins, stops = np.searchsorted(times_ms, starts), np.searchsorted(times_ms, ends)
    for number, (begin, stop) in enumerate(zip(begins, stops, strict=True)):
        owners[begin:stop] = number
        labels[begin:stop] = episodes[number].label
    return Disturbed(labels, owners, episodes)


def disturb(values: Floats, noise: Floats, times_ms: Times, disturbed: Disturbed) -> None:
    """Change `values` in place where an episode asks for it; missing rows are left to the caller."""
    # Not by np.unique, which imports numpy.ma: more than a megabyte of a sensor's process.
    for number in sorted(set(disturbed.owners[disturbed.owners >= 0].tolist())):
        rows = np.flatnonzero(disturbed.owners == number)
        episode = disturbed.episodes[number]
        elapsed_s = (times_ms[rows] - episode.start_ms) / 1000
        if episode.label == NOISE:
            values[:, rows] += 2 * noise[:, rows]
        elif episode.label == PATTERN:
            swing = 0.2 * np.sin(elapsed_s / 10)
            values[_TEMPERATURE, rows] += _LEVELS[_TEMPERATURE] * swing
            values[_HUMIDITY, rows] -= _LEVELS[_HUMIDITY] * swing
        elif episode.label in (SPIKE, TREND):
            factor = 1 + 0.1 * elapsed_s / 60 if episode.label == TREND else np.full(len(rows), 2.0)
            change = factor - 1 if episode.upward else 1 / factor - 1
            values[episode.measure, rows] += _LEVELS[episode.measure] * change


def _durations_ms(period_ms: int) -> tuple[int, ...]:
    """For each of `KINDS`; a spike lasts one reading."""
    return (period_ms, 300_000, 600_000, 60_000, 120_000)


@lru_cache(maxsize=1_024)
def _beginning_in(key: tuple[int, str, str], window: int, mean_count: float) -> tuple[_Episode, ...]:
    """The episodes that begin within one hour since 1970, in order: any hour can be asked for alone."""
    rng = generator(*key, "anomalies", window)
    starts = np.sort(rng.integers(0, _WINDOW_MS, int(rng.poisson(mean_count)))) + window * _WINDOW_MS
    labels = rng.choice(len(KINDS), len(starts), p=_WEIGHTS) + 1
    measures = rng.choice(tuple(_LEVELS), len(starts))
    upward = rng.random(len(starts)) < 0.5
    columns = (starts.tolist(), labels.tolist(), measures.tolist(), upward.tolist())
    return tuple(_Episode(*values) for values in zip(*columns, strict=True))
