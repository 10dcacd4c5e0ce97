"""What an undisturbed sensor measures: pure in sensor and time, so any moment can be asked for alone."""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sensors.randomness import generator
from sensors.sensor import Sensor

MEASURES = ("temperature", "humidity", "pressure", "vibration", "voltage")

Times = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_DAY_MS = 86_400_000
_EPOCH_2020_MS = 1_577_836_800_000
_SEA_LEVEL_PA = 101_325.0
_NOISE_BLOCK = 1_024


def usual(sensor: Sensor, times_ms: Times) -> Floats:
    """What the sensor would read without noise, one row for each of `MEASURES`, one column a time.

    The weather belongs to the city and so correlates its sensors; the constant error is the sensor's own.
    Pressure is reduced to sea level, as weather services report it, so Denver reads like Boston.
    """
    city = sensor.city
    local_days = (times_ms - _EPOCH_2020_MS) / _DAY_MS + city.utc_offset_h / 24
    hour = local_days % 1.0 * 24
    weekday = (np.floor(local_days).astype(np.int64) + 2) % 7  # 2020-01-01 was a Wednesday; Monday is 0
    workday = np.where(weekday < 5, 1.0, 0.25)
    work = workday * (np.tanh((hour - 7) / 0.7) - np.tanh((hour - 18) / 0.7)) / 2

    front, air_mass = _weather(sensor.seed, city.slug).at(local_days)
    mean_c = 27 - 0.4 * max(abs(city.latitude) - 12, 0)
    season_c = mean_c + 0.28 * city.latitude * np.cos(2 * np.pi * (local_days - 200) / 365.25)
    departure_c = 4.5 * np.cos(2 * np.pi * (hour - 15) / 24) + 2.5 * air_mass - 1.2 * front + 0.4 * workday

    usual_values = np.empty((len(MEASURES), len(times_ms)))
    usual_values[0] = season_c + departure_c
    usual_values[1] = 58 - 2.4 * departure_c - 4 * front
    usual_values[2] = _SEA_LEVEL_PA + 650 * front
    usual_values[3] = 1.1 + 1.9 * work
    usual_values[4] = 12.05 - 0.006 * (usual_values[0] - 20)
    usual_values += np.array(sensor.offset.as_tuple())[:, np.newaxis]
    np.clip(usual_values[1], 5, 97, out=usual_values[1])
    return usual_values


def noise(sensor: Sensor, first_slot: int, count: int) -> Floats:
    """The noise of the sensor's model in `count` consecutive slots, shaped like `usual`.

    A slot is the number of periods since 1970, so the noise of a reading does not depend on where a run
    began or how it was cut into pieces.
    """
    first_block, last_block = first_slot // _NOISE_BLOCK, (first_slot + count - 1) // _NOISE_BLOCK
    block = _noise_blocks(sensor.key)
    blocks = [block(number) for number in range(first_block, last_block + 1)]
    skipped = first_slot - first_block * _NOISE_BLOCK
    drawn = np.concatenate(blocks, axis=1)[:, skipped : skipped + count]
    spread: Floats = np.array(sensor.model.noise.as_tuple())[:, np.newaxis]
    return drawn * spread


@lru_cache(maxsize=256)
def _noise_blocks(key: tuple[int, str, str]) -> Callable[[int], Floats]:
    """Block number -> its noise; the last two are kept, for a live run asks for the same ones once a reading."""

    @lru_cache(maxsize=2)
    def block(number: int) -> Floats:
        return generator(*key, "noise", number).standard_normal((len(MEASURES), _NOISE_BLOCK))

    return block


class _Weather(NamedTuple):
    """Two slow, independent signals of unit variance: sums of waves between half a day and twelve days."""

    cycles_per_day: Floats
    amplitudes: Floats
    phases: Floats

    def at(self, days: Floats) -> tuple[Floats, Floats]:
        waves = np.sin(2 * np.pi * (self.cycles_per_day[..., np.newaxis] * days + self.phases[..., np.newaxis]))
        first, second = np.sum(self.amplitudes[..., np.newaxis] * waves, axis=1)
        return first, second


@lru_cache(maxsize=256)
def _weather(seed: int, slug: str) -> _Weather:
    rng = generator(seed, slug, "weather")
    periods_days = np.exp(rng.uniform(np.log(0.6), np.log(12), (2, 7)))
    amplitudes = np.sqrt(periods_days)
    amplitudes *= np.sqrt(2 / np.sum(amplitudes**2, axis=1, keepdims=True))
    return _Weather(1 / periods_days, amplitudes, rng.random((2, 7)))
