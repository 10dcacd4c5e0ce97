"""What is said, how often, and with which words behind it."""

from __future__ import annotations

import itertools
import math
import random

import polars as pl
import pytest

from processors import checkpoint
from processors.detect.surprise import SILENCE_STEPS, Surprise
from processors.detect.surprise.counts import GENERATION_STEPS
from processors.detect.surprise.lesson import REGIME_STEPS, WARM_UP_STEPS
from processors.schema import MEASURE_NAMES
from tests.harness.surprise import MONDAY_S, every, in_calls, rows_of

THRESHOLD = 12.0
"""Above the default, at which mere noise is found now and then."""

DETECTOR = Surprise(THRESHOLD)

STATE_BYTES = 64_000


def gauss(seed: int, count: int, level: float = 20.0, spread: float = 1.0) -> list[float | None]:
    source = random.Random(seed)
    return [source.gauss(level, spread) for _ in range(count)]


def test_an_alert_says_what_was_seen_and_what_is_usual() -> None:
    values = gauss(1, 3_000)
    values[2_500] = 60.0
    (found,) = in_calls(DETECTOR, rows_of(every(300, 3_000), humidityPct=values)).findings.to_dicts()
    assert (found["row"], found["measure"], found["kind"], found["value"]) == (2_500, "humidityPct", "surprise", 60.0)
    assert found["score"] >= found["threshold"] == THRESHOLD
    assert found["expectedLow"] == pytest.approx(18, abs=0.3)
    assert found["expectedHigh"] == pytest.approx(22, abs=0.3)
    assert found["context"] is None


def test_what_is_usual_at_noon_is_not_usual_at_night() -> None:
    times = every(300, 6 * 2_016)
    values: list[float | None] = [30.0 if 8 <= at % 86_400 // 3_600 < 18 else 10.0 for at in times]
    night = 5 * 2_016 + 3 * 12 + 2
    values[night : night + 20] = [30.0] * 20
    said = in_calls(Surprise(1.5), rows_of(times, temperatureC=values))
    noon = said.scores["temperatureC"][night + 8 * 12 : night + 9 * 12].max()
    assert said.scores["temperatureC"][night + 12] > noon + 0.5
    (found,) = said.findings.filter(pl.col("row").is_between(night, night + 20)).to_dicts()
    assert found["context"] == "mean of ten steps, Mondays 3 to 4 h UTC"
    assert found["expectedHigh"] < 11 < found["value"]


def test_the_warm_up_says_nothing() -> None:
    values = gauss(1, WARM_UP_STEPS)
    values[50] = 1e6
    said = in_calls(DETECTOR, rows_of(every(300, WARM_UP_STEPS), voltageV=values))
    assert said.findings.is_empty()
    assert said.scores["voltageV"].null_count() == WARM_UP_STEPS


def test_silence_and_a_threshold_that_rises() -> None:
    values = gauss(4, 6_000)
    for row in range(2_000, 6_000, 60):
        values[row] = 40.0 + row / 100
    rows = in_calls(DETECTOR, rows_of(every(300, 6_000), voltageV=values)).findings["row"].to_list()
    assert rows[0] == 2_000
    assert all(later - earlier > SILENCE_STEPS for earlier, later in itertools.pairwise(rows))
    assert len(rows) < 12


def test_silence_is_of_steps_however_many_rows_one_has() -> None:
    rows_of_a_step = 10
    values = gauss(4, 20_000)
    for step, odd in ((1_500, 40.0), (1_550, 0.0), (1_700, -100.0)):
        values[step * rows_of_a_step : (step + 1) * rows_of_a_step] = [odd] * rows_of_a_step
    rows = in_calls(Surprise(10.0), rows_of(every(30, 20_000), voltageV=values)).findings["row"].to_list()
    assert [row // rows_of_a_step for row in rows] == [1_501, 1_700]


def test_of_five_measures_each_is_less_rare() -> None:
    times = every(300, 600)
    alone = in_calls(DETECTOR, rows_of(times, voltageV=gauss(1, 600))).scores["voltageV"]
    five = in_calls(DETECTOR, rows_of(times, **{name: gauss(1, 600) for name in MEASURE_NAMES})).scores["voltageV"]
    assert (alone - five).drop_nulls().to_list() == pytest.approx([math.log2(5)] * (600 - WARM_UP_STEPS))


def test_of_several_measures_in_a_row_the_rarest_is_told() -> None:
    measures = {name: gauss(number, 3_000) for number, name in enumerate(MEASURE_NAMES)}
    measures["humidityPct"][2_500], measures["voltageV"][2_500] = 40.0, 900.0
    (found,) = (
        in_calls(Surprise(8.0), rows_of(every(300, 3_000), **measures))
        .findings.filter(pl.col("row") == 2_500)
        .to_dicts()
    )
    assert found["measure"] == "voltageV"


def test_a_change_of_unit_is_reported_once_and_learned() -> None:
    celsius = gauss(5, 4_000, 20.0, 0.5)
    changed: list[float | None] = [
        value if value is None or row < 1_500 else value * 1.8 + 32 for row, value in enumerate(celsius)
    ]
    changed[3_600] = 90.0
    said = in_calls(DETECTOR, rows_of(every(300, 4_000), temperatureC=changed))
    assert said.findings["row"].to_list() == [1_500, 3_600]
    begun = 1_500 + REGIME_STEPS
    unknown = said.scores["temperatureC"].is_null().arg_true().to_list()
    assert unknown[:WARM_UP_STEPS] == list(range(WARM_UP_STEPS))
    assert len(unknown) == 2 * WARM_UP_STEPS
    assert begun <= unknown[WARM_UP_STEPS] <= begun + 10
    last = said.findings.to_dicts()[1]
    assert 64 < last["expectedLow"] < 68 < last["expectedHigh"] < 72


def test_a_night_far_below_the_warm_up_is_no_new_regime() -> None:
    times = every(300, 2_016)
    values: list[float | None] = [20 + 10 * math.cos(at / 86_400 * 2 * math.pi) for at in times]
    values[:WARM_UP_STEPS] = gauss(6, WARM_UP_STEPS, 30.0, 0.1)
    scores = in_calls(DETECTOR, rows_of(times, temperatureC=values)).scores["temperatureC"]
    assert scores.null_count() == WARM_UP_STEPS


def test_a_constant_says_nothing_until_it_changes() -> None:
    values: list[float | None] = [5.0] * 2_000 + [5.1] + [5.0] * 99
    assert in_calls(DETECTOR, rows_of(every(300, 2_100), voltageV=values)).findings["row"].to_list() == [2_000]


def test_irregular_times_alone_are_no_surprise() -> None:
    source = random.Random(7)
    at, times = float(MONDAY_S), []
    for _ in range(3_000):
        at += source.choice([0, 1, 60, 300, 900, 7_200])
        times.append(at)
    assert len(in_calls(DETECTOR, rows_of(times, voltageV=gauss(8, 3_000, 12.0, 0.1))).findings) <= 2


def test_no_row_one_row_and_no_value() -> None:
    for rows in (rows_of([]), rows_of([MONDAY_S], voltageV=[1.0]), rows_of(every(300, 200))):
        said = in_calls(DETECTOR, rows, [len(rows) // 2])
        assert said.scores.null_count().row(0) == (len(rows),) * 5
        assert said.findings.is_empty()


def test_ten_thousand_sensors_of_one_row_each() -> None:
    sensors = [f"s{number}" for number in range(10_000)]
    rows = rows_of([MONDAY_S] * 10_000, sensors=sensors, **{name: gauss(1, 10_000) for name in MEASURE_NAMES})
    said = in_calls(DETECTOR, rows)
    assert said.findings.is_empty()
    assert len(said.state) == 60_000


def test_huge_values_beside_small_ones() -> None:
    values = gauss(9, 1_000, 0.0, 1e-3)
    values[500], values[700] = 1e7, -1e300
    assert in_calls(DETECTOR, rows_of(every(300, 1_000), pressurePa=values)).findings["row"].to_list() == [500, 700]


def test_what_is_carried_is_bounded() -> None:
    source = random.Random(10)
    steps = 2 * GENERATION_STEPS - 1
    values: list[float | None] = [
        50 + 50 * math.sinh(7 * (abs(index / 60 % 2 - 1) - 0.5)) / 17 + source.gauss(0, 3) for index in range(steps)
    ]
    values[:WARM_UP_STEPS] = gauss(11, WARM_UP_STEPS, 50.0, 5.0)
    said = in_calls(DETECTOR, rows_of(every(300, steps), voltageV=values))
    assert said.state["places"].list.len().max() > 10_000
    assert len(checkpoint._pack(said.state)) < STATE_BYTES
