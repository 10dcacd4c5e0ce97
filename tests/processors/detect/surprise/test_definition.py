"""Scores are those of the definition, written down row by row."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Sequence

import pytest

from processors.detect.surprise import Surprise
from processors.detect.surprise.counts import GENERATION_STEPS
from processors.detect.surprise.lesson import WARM_UP_STEPS
from tests.harness.surprise import every, in_calls, rows_of

WEEK_S = 604_800


def place(value: float, low: float, high: float, shift: float) -> int:
    """The bin: thirty to the range of the warm-up, fewer and fewer beyond it, and the last for all that is far away."""
    half = (high - low) / 2
    distance = (value - (low + half)) / half
    if abs(distance) > 1:
        distance = math.copysign(1 + 0.5 * math.asinh((abs(distance) - 1) / 0.5), distance)
    return math.floor((min(max(distance, -4.0), 4.0) + 4.0) * 15 + shift)


def oracle(times: Sequence[float], values: Sequence[float]) -> list[float | None]:
    """The scores of a sensor that has one step a row."""
    low, high = min(values[:WARM_UP_STEPS]), max(values[:WARM_UP_STEPS])
    middle = (low + high) / 2
    half = max((high - low) / 2, abs(middle) * 1e-3 / 2, 1e-9 / 2)
    low, high = middle - half, middle + half
    met: Counter[tuple[object, ...]] = Counter()
    scores: list[float | None] = []
    for index, at in enumerate(times):
        last = values[max(0, index - 9) : index + 1]
        looks = {
            "mean": (values[index], (0, 1 / 3, 2 / 3)),
            "least": (min(last), (0, 1 / 3, 2 / 3)),
            "greatest": (max(last), (0, 1 / 3, 2 / 3)),
            "level": (sum(last) / len(last), (0, 1 / 3)),
        }
        generation, hour = index // GENERATION_STEPS, int(at % WEEK_S // 3_600)
        seen = index % GENERATION_STEPS + (GENERATION_STEPS if generation else 0)

        def before(*key: object, generation: int = generation) -> int:
            return met[generation, *key] + met[generation - 1, *key]

        bits = []
        for name, (value, shifts) in looks.items():
            each = []
            for shift in shifts:
                where = place(value, low, high, shift)
                share = (before(name, shift, where) + 0.5 / 30) / (seen + 0.5)
                if name == "level":
                    share = (before(shift, hour, where) + 10 * share) / (before("hour", hour) + 10)
                each.append(-math.log2(share))
            bits.append(sum(each) / len(each))
        scores.append(sum(bits) / 4 if index >= WARM_UP_STEPS else None)
        for name, (value, shifts) in looks.items():
            for shift in shifts:
                where = place(value, low, high, shift)
                met[generation, name, shift, where] += 1
                if name == "level":
                    met[generation, shift, hour, where] += 1
        met[generation, "hour", hour] += 1
    return scores


@pytest.mark.parametrize("seed", range(3))
def test_scores_are_those_of_the_definition(seed: int) -> None:
    source = random.Random(seed)
    count = 2 * GENERATION_STEPS + 900 if seed == 0 else 1_200
    times = every(1_800, count)
    values = [source.gauss(20 + 5 * math.sin(at / 86_400 * 6.283), 1) for at in times]
    values = [value if source.random() > 0.01 else value * source.choice([-40, 3, 1e6]) for value in values]
    scores = in_calls(Surprise(99.0), rows_of(times, pressurePa=values)).scores
    expected = oracle(times, values)
    assert scores["pressurePa"].to_list()[:WARM_UP_STEPS] == [None] * WARM_UP_STEPS
    assert scores["pressurePa"].to_list()[WARM_UP_STEPS:] == pytest.approx(expected[WARM_UP_STEPS:], abs=1e-9)
    assert scores.drop("pressurePa").null_count().row(0) == (count,) * 4


def test_what_one_sensor_does_says_nothing_of_another() -> None:
    source = random.Random(5)
    times = [at for at in every(600, 400) for _ in "ab"]
    values = [source.gauss(20, 1) * (1 if index % 2 else 7) for index in range(800)]
    scores = in_calls(Surprise(99.0), rows_of(times, sensors=["b", "a"] * 400, voltageV=values)).scores["voltageV"]
    for first in (0, 1):
        assert scores[first::2].to_list()[WARM_UP_STEPS:] == pytest.approx(
            oracle(times[first::2], values[first::2])[WARM_UP_STEPS:], abs=1e-9
        )
