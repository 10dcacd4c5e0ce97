from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

import polars as pl
import pytest

from processors.detect.blocks import BLOCK_ROWS, KNOWN_ROWS, MEMORY_BLOCKS
from processors.detect.contract import Judged
from processors.detect.drift import LEVEL_BLOCKS, MOST, USUAL_SHARE, WARM_UP_BLOCKS, WINDOW_ROWS, Drift
from processors.detect.spike import SMALLEST_SPREAD
from processors.schema import MEASURE_NAMES, SENSOR_ID

Build = Callable[[Sequence[Mapping[str, Any]]], pl.DataFrame]
Judge = Callable[..., Judged]
Rows = Callable[[int, int], list[dict[str, Any]]]

DETECTOR = Drift(6.0)


def oracle(values: Sequence[float | None], smallest: float) -> list[float | None]:
    """Scores of one sensor's measure, row after row."""
    medians: list[float | None] = []
    wandered: list[float | None] = []
    ratios: list[float | None] = []
    scores: list[float | None] = []
    level: float | None = None
    usual: float | None = None
    for index, value in enumerate(values):
        known = value is not None and level is not None and usual is not None
        ratios.append(max(-MOST, min((value - level) / usual, MOST)) if known else None)  # type: ignore[operator]
        window = [each for each in ratios[-WINDOW_ROWS:] if each is not None]
        told = known and index >= WINDOW_ROWS - 1 and 2 * len(window) >= WINDOW_ROWS
        scores.append(abs(sum(window) / len(window)) if told else None)
        if (index + 1) % BLOCK_ROWS == 0:
            block = [each for each in values[index + 1 - BLOCK_ROWS : index + 1] if each is not None]
            medians.append(median(block) if len(block) >= KNOWN_ROWS else None)
            wandered.append(None if medians[-1] is None or level is None else abs(medians[-1] - level))
            levels = [each for each in medians[-LEVEL_BLOCKS:] if each is not None]
            level = median(levels) if len(levels) >= LEVEL_BLOCKS // 2 else None
            shares = sorted(each for each in wandered[-MEMORY_BLOCKS:] if each is not None)
            enough = len(shares) >= WARM_UP_BLOCKS
            usual = max(shares[int((len(shares) - 1) * USUAL_SHARE + 0.5)], smallest) if enough else None
    return scores


@pytest.mark.parametrize("seed", range(6))
def test_scores_are_those_of_the_definition(conformed: Build, judged: Judge, interleaved: Rows, seed: int) -> None:
    rows = conformed(interleaved(seed, 3_000))
    scores = judged(DETECTOR, rows).scores
    assert scores.columns == list(MEASURE_NAMES)
    for (sensor,), own in rows.group_by(SENSOR_ID):
        for name in ("temperatureC", "pressurePa"):
            expected = oracle(own[name].to_list(), SMALLEST_SPREAD[name])
            got = scores.filter(rows[SENSOR_ID] == sensor)[name].to_list()
            assert [value is None for value in got] == [value is None for value in expected]
            assert [v for v in got if v is not None] == pytest.approx([v for v in expected if v is not None], abs=1e-5)
    assert scores["temperatureC"].count() > 200
    assert scores["voltageV"].null_count() == len(rows)


@pytest.mark.parametrize("seed", range(8))
def test_no_bit_depends_on_how_rows_are_split_into_calls(
    conformed: Build, judged: Judge, interleaved: Rows, seed: int
) -> None:
    source = random.Random(seed)
    rows = conformed(interleaved(100 + seed, source.randint(1, 1_500)))
    cuts = sorted(source.choices(range(len(rows) + 1), k=source.randint(1, 8)))
    whole, split = judged(DETECTOR, rows), judged(DETECTOR, rows, cuts)
    assert whole.scores.equals(split.scores)
    assert whole.findings.sort("row", "measure").equals(split.findings.sort("row", "measure"))
    assert whole.state.sort(SENSOR_ID, maintain_order=True).equals(split.state.sort(SENSOR_ID, maintain_order=True))


@pytest.mark.parametrize("cut", [2_010, 2_039])
def test_all_that_is_remembered_is_carried(conformed: Build, judged: Judge, interleaved: Rows, cut: int) -> None:
    rows = conformed([row | {SENSOR_ID: "a"} for row in interleaved(1, 3_000)])
    whole, split = judged(DETECTOR, rows), judged(DETECTOR, rows, [cut])
    assert split.scores.equals(whole.scores)
    assert len(split.state.filter("isBlock")) == MEMORY_BLOCKS


def test_one_row_a_call(conformed: Build, judged: Judge, interleaved: Rows) -> None:
    rows = conformed([row | {SENSOR_ID: "a"} for row in interleaved(7, 520)])
    whole, split = judged(DETECTOR, rows), judged(DETECTOR, rows, list(range(480, 520)))
    assert split.scores.equals(whole.scores)
    assert whole.scores[480:]["temperatureC"].count() > 20


def around(levels: Sequence[float], spread: float = 0.3) -> list[dict[str, Any]]:
    source = random.Random(1)
    return [{"temperatureC": level + source.gauss(0, spread)} for level in levels]


def test_a_trend_is_found_before_it_is_far_and_says_where_the_sensor_was(conformed: Build, judged: Judge) -> None:
    levels = [20.0] * 1_000 + [20 + 0.03 * number for number in range(300)]
    found = judged(DETECTOR, conformed(around(levels))).findings
    first = found.sort("row").row(0, named=True)
    assert 1_000 < first["row"] < 1_100
    assert 19 < first["expectedLow"] < 20 < first["expectedHigh"] < 21.5
    assert first["score"] >= 6


def test_a_spike_is_no_drift_and_noise_is_none(conformed: Build, judged: Judge) -> None:
    rows = around([20.0] * 5_000)
    rows[3_000] = {"temperatureC": 4_000.0}
    assert judged(DETECTOR, conformed(rows)).findings.is_empty()


@pytest.mark.parametrize("a_day", [288, 1_440, 86_400])
def test_a_daily_cycle_is_no_drift(conformed: Build, judged: Judge, a_day: int) -> None:
    """Readings every five minutes, minute and second; the first days of the slowest are its warm-up."""
    rows = conformed(around([20 + 5 * math.sin(2 * math.pi * number / a_day) for number in range(5_000)]))
    found = judged(DETECTOR, rows).findings
    assert found.filter(pl.col("row") >= 1_500).is_empty()


def test_the_warm_up_is_unknown(conformed: Build, judged: Judge) -> None:
    warm = BLOCK_ROWS * (LEVEL_BLOCKS // 2 + WARM_UP_BLOCKS)
    scores = judged(DETECTOR, conformed(around([20.0] * (warm + 100)))).scores["temperatureC"]
    first = warm + WINDOW_ROWS // 2 - 1
    assert scores[:first].null_count() == first
    assert scores[first:].null_count() == 0


def test_a_constant_that_moves_by_its_last_digit_is_no_drift(conformed: Build, judged: Judge) -> None:
    rows = conformed([{"temperatureC": 20.0}] * 900 + [{"temperatureC": 20.1}] * 300)
    assert judged(DETECTOR, rows).findings.is_empty()


def test_nothing_and_one_row_each_of_many_sensors(conformed: Build, judged: Judge) -> None:
    many = conformed([{SENSOR_ID: f"s{index}", "temperatureC": float(index)} for index in range(1_000)])
    said = judged(DETECTOR, many, [0, 0, 500, 1_000])
    assert said.scores.null_count().row(0) == (1_000,) * len(MEASURE_NAMES)
    assert sorted(said.state[SENSOR_ID]) == sorted(many[SENSOR_ID])
    nothing = DETECTOR.judge(many.clear(), said.state)
    assert nothing.scores.shape == (0, len(MEASURE_NAMES))
    assert nothing.state.sort(SENSOR_ID).equals(said.state.sort(SENSOR_ID))
