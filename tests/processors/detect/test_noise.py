from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

import polars as pl
import pytest

from processors.detect.blocks import BLOCK_ROWS, KNOWN_ROWS, MEMORY_BLOCKS
from processors.detect.contract import Judged
from processors.detect.noise import MEDIAN_TO_MEAN, MOST, USUAL_SHARE, WARM_UP_BLOCKS, WINDOW_ROWS, Noise
from processors.detect.spike import SMALLEST_SPREAD
from processors.schema import MEASURE_NAMES, SENSOR_ID

Build = Callable[[Sequence[Mapping[str, Any]]], pl.DataFrame]
Judge = Callable[..., Judged]
Rows = Callable[[int, int], list[dict[str, Any]]]

DETECTOR = Noise(2.0)
WARM = BLOCK_ROWS * WARM_UP_BLOCKS


def oracle(values: Sequence[float | None], smallest: float) -> list[float | None]:
    """Scores of one sensor's measure, row after row."""
    known: list[float] = []
    medians: list[float | None] = []
    ratios: list[float | None] = []
    changes: list[float | None] = []
    scores: list[float | None] = []
    usual: float | None = None
    for index, value in enumerate(values):
        before = values[index - 1] if index else None
        change = None if value is None or before is None else abs(value - before)
        ratio = None if change is None or usual is None else min(change / usual, MOST)
        changes.append(change)
        ratios.append(ratio)
        window = [each for each in ratios[-WINDOW_ROWS:] if each is not None]
        told = ratio is not None and index >= WINDOW_ROWS - 1 and 2 * len(window) >= WINDOW_ROWS
        scores.append(sum(window) / len(window) if told else None)
        if (index + 1) % BLOCK_ROWS == 0:
            known = [each for each in changes[-BLOCK_ROWS:] if each is not None]
            medians.append(median(known) if len(known) >= KNOWN_ROWS else None)
            blocks = sorted(each for each in medians[-MEMORY_BLOCKS:] if each is not None)
            if len(blocks) >= WARM_UP_BLOCKS:
                share = blocks[int((len(blocks) - 1) * USUAL_SHARE + 0.5)]
                usual = max(share * MEDIAN_TO_MEAN, smallest)
            else:
                usual = None
    return scores


@pytest.mark.parametrize("seed", range(6))
def test_scores_are_those_of_the_definition(conformed: Build, judged: Judge, interleaved: Rows, seed: int) -> None:
    rows = conformed(interleaved(seed, 2_500))
    scores = judged(DETECTOR, rows).scores
    assert scores.columns == list(MEASURE_NAMES)
    for (sensor,), own in rows.group_by(SENSOR_ID):
        for name in ("temperatureC", "pressurePa"):
            expected = oracle(own[name].to_list(), SMALLEST_SPREAD[name])
            got = scores.filter(rows[SENSOR_ID] == sensor)[name].to_list()
            assert [value is None for value in got] == [value is None for value in expected]
            assert [v for v in got if v is not None] == pytest.approx([v for v in expected if v is not None], abs=1e-5)
    assert scores["temperatureC"].count() + scores["pressurePa"].count() > 100
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
    rows = conformed([row | {SENSOR_ID: "a"} for row in interleaved(7, 370)])
    whole, split = judged(DETECTOR, rows), judged(DETECTOR, rows, list(range(330, 370)))
    assert split.scores.equals(whole.scores)
    assert whole.scores[330:]["temperatureC"].count() > 20


def noisy(spreads: Sequence[tuple[int, float]]) -> list[dict[str, Any]]:
    source = random.Random(1)
    return [{"temperatureC": 20 + source.gauss(0, spread)} for rows, spread in spreads for _ in range(rows)]


def test_three_times_the_noise_is_found_while_it_lasts_and_not_before(conformed: Build, judged: Judge) -> None:
    found = judged(DETECTOR, conformed(noisy([(1_000, 0.3), (120, 0.9), (400, 0.3)]))).findings
    assert set(found["measure"]) == {"temperatureC"}
    assert 1_000 < found["row"].min() < 1_000 + 1.5 * WINDOW_ROWS  # type: ignore[operator]
    assert found["row"].max() < 1_120 + WINDOW_ROWS  # type: ignore[operator]


def test_one_spike_or_a_new_level_is_no_noise(conformed: Build, judged: Judge) -> None:
    rows = noisy([(1_000, 0.3)])
    rows[500] = {"temperatureC": 1e6}
    rows[700:] = [{"temperatureC": row["temperatureC"] + 300} for row in rows[700:]]
    assert judged(DETECTOR, conformed(rows)).findings.is_empty()


def test_a_sensor_that_is_noisy_by_turns_is_not_noisy(conformed: Build, judged: Judge) -> None:
    rows = conformed(noisy([(60, 0.3), (60, 3.0)] * 20))
    found = judged(DETECTOR, rows).findings
    assert found.filter(pl.col("row") > 20 * BLOCK_ROWS).is_empty()


def test_a_flat_sensor_whose_last_digit_moves_is_not_noisy(conformed: Build, judged: Judge) -> None:
    rows = conformed([{"temperatureC": 20.0}] * 600 + [{"temperatureC": 20.0 + 0.05 * (n % 2)} for n in range(200)])
    assert judged(DETECTOR, rows).findings.is_empty()


def test_the_warm_up_is_unknown(conformed: Build, judged: Judge) -> None:
    scores = judged(DETECTOR, conformed(noisy([(WARM + WINDOW_ROWS, 0.3)]))).scores["temperatureC"]
    first = WARM + WINDOW_ROWS // 2 - 1
    assert scores[:first].null_count() == first
    assert scores[first:].null_count() == 0


def test_nothing_and_one_row_each_of_many_sensors(conformed: Build, judged: Judge) -> None:
    many = conformed([{SENSOR_ID: f"s{index}", "temperatureC": float(index)} for index in range(1_000)])
    said = judged(DETECTOR, many, [0, 0, 500, 1_000])
    assert said.scores.null_count().row(0) == (1_000,) * len(MEASURE_NAMES)
    assert sorted(said.state[SENSOR_ID]) == sorted(many[SENSOR_ID])
    nothing = DETECTOR.judge(many.clear(), said.state)
    assert nothing.scores.shape == (0, len(MEASURE_NAMES))
    assert nothing.state.sort(SENSOR_ID).equals(said.state.sort(SENSOR_ID))
