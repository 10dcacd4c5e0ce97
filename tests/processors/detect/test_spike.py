from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

import polars as pl
import pytest

from processors.detect.blocks import BLOCK_ROWS, MEMORY_BLOCKS
from processors.detect.blocks import KNOWN_ROWS as KNOWN_OF_BLOCK
from processors.detect.contract import Judged
from processors.detect.spike import (
    GREATEST_OF_BLOCK,
    KNOWN_ROWS,
    SMALLEST_SPREAD,
    USUAL_SHARE,
    WARM_UP_BLOCKS,
    WINDOW_ROWS,
    Spike,
)
from processors.schema import MEASURE_NAMES, SENSOR_ID

Build = Callable[[Sequence[Mapping[str, Any]]], pl.DataFrame]
Judge = Callable[..., Judged]
Rows = Callable[[int, int], list[dict[str, Any]]]

DETECTOR = Spike(8.0)
WARM = BLOCK_ROWS * (WARM_UP_BLOCKS)


def oracle(values: Sequence[float | None], smallest: float) -> list[float | None]:
    """Scores of one sensor's measure, row after row."""
    deviations: list[float | None] = []
    greatest: list[float | None] = []
    scores: list[float | None] = []
    spread: float | None = None
    for index, value in enumerate(values):
        known = [each for each in values[max(0, index - WINDOW_ROWS) : index] if each is not None]
        deviation = None if value is None or len(known) < KNOWN_ROWS else abs(value - median(known))
        deviations.append(deviation)
        scores.append(None if deviation is None or spread is None else deviation / spread)
        if (index + 1) % BLOCK_ROWS == 0:
            block = [each for each in deviations[-BLOCK_ROWS:] if each is not None]
            greatest.append(max(block) if len(block) >= KNOWN_OF_BLOCK else None)
            blocks = sorted(each for each in greatest[-MEMORY_BLOCKS:] if each is not None)
            if len(blocks) >= WARM_UP_BLOCKS:
                spread = max(blocks[int((len(blocks) - 1) * USUAL_SHARE + 0.5)] / GREATEST_OF_BLOCK, smallest)
            else:
                spread = None
    return scores


@pytest.mark.parametrize("seed", range(6))
def test_scores_are_those_of_the_definition(conformed: Build, judged: Judge, interleaved: Rows, seed: int) -> None:
    rows = conformed(interleaved(seed, 2_000))
    scores = judged(DETECTOR, rows).scores
    assert scores.columns == list(MEASURE_NAMES)
    for (sensor,), own in rows.group_by(SENSOR_ID):
        for name in ("temperatureC", "pressurePa"):
            expected = oracle(own[name].to_list(), SMALLEST_SPREAD[name])
            got = scores.filter(rows[SENSOR_ID] == sensor)[name].to_list()
            assert [value is None for value in got] == [value is None for value in expected]
            assert [v for v in got if v is not None] == pytest.approx([v for v in expected if v is not None], rel=1e-12)
    assert scores["temperatureC"].count() > 500
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
    rows = conformed([row | {SENSOR_ID: "a"} for row in interleaved(7, 340)])
    whole, split = judged(DETECTOR, rows), judged(DETECTOR, rows, list(range(300, 340)))
    assert split.scores.equals(whole.scores)
    assert whole.scores[300:]["temperatureC"].count() > 20


def test_the_warm_up_is_unknown_and_then_a_jump_is_found(conformed: Build, judged: Judge) -> None:
    values = [20.0] * WARM + [20.0 + 8 * SMALLEST_SPREAD["temperatureC"], 20.0]
    said = judged(DETECTOR, conformed([{"temperatureC": value} for value in values]))
    score = said.scores["temperatureC"].to_list()
    assert score[:WARM] == [None] * WARM
    assert score[WARM:] == [pytest.approx(8.0), 0.0]


def test_the_score_of_normal_noise_is_in_standard_deviations(conformed: Build, judged: Judge) -> None:
    source = random.Random(3)
    values = [source.gauss(20, 0.5) for _ in range(6_000)]
    values[5_000] = 30.0
    score = judged(DETECTOR, conformed([{"temperatureC": value} for value in values])).scores["temperatureC"]
    assert score[5_000] == pytest.approx(20, rel=0.15)


def test_what_happens_every_few_rows_is_usual(conformed: Build, judged: Judge) -> None:
    source = random.Random(3)
    rows = [{"temperatureC": source.gauss(20, 0.1) + 30 * (source.random() < 0.05)} for _ in range(3_000)]
    assert judged(DETECTOR, conformed(rows)).findings.filter(pl.col("row") > 20 * BLOCK_ROWS).is_empty()


def test_a_null_is_unknown_and_does_not_count(conformed: Build, judged: Judge) -> None:
    values = [None, 20.0] * WARM + [None, 99.0]
    score = judged(DETECTOR, conformed([{"temperatureC": value} for value in values])).scores["temperatureC"]
    assert [value for value, given in zip(score, values, strict=True) if given is None and value is not None] == []
    assert score[-1] is None


def test_nothing_and_one_row_each_of_many_sensors(conformed: Build, judged: Judge) -> None:
    many = conformed([{SENSOR_ID: f"s{index}", "temperatureC": float(index)} for index in range(1_000)])
    said = judged(DETECTOR, many, [0, 0, 500, 1_000])
    assert said.scores.equals(
        pl.DataFrame({name: pl.Series([None] * 1_000, dtype=pl.Float64) for name in MEASURE_NAMES})
    )
    assert sorted(said.state[SENSOR_ID]) == sorted(many[SENSOR_ID])
    nothing = DETECTOR.judge(many.clear(), said.state)
    assert nothing.scores.shape == (0, len(MEASURE_NAMES))
    assert nothing.state.equals(said.state)
