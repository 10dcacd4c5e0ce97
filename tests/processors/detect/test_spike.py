from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

import polars as pl
import pytest

from processors.detect.contract import Judged
from processors.detect.spike import MAD_TO_SIGMA, SMALLEST_SPREAD, WARM_UP_ROWS, WINDOW_ROWS, Spike
from processors.schema import MEASURE_NAMES, SENSOR_ID

Build = Callable[[Sequence[Mapping[str, Any]]], pl.DataFrame]
Judge = Callable[..., Judged]

DETECTOR = Spike(8.0)


def noise(seed: int, rows: int) -> list[dict[str, Any]]:
    """Interleaved sensors with jumps, flat stretches, extreme magnitudes and nulls."""
    source = random.Random(seed)
    sensors, nulls = "abcd"[: source.randint(1, 4)], source.choice([0.0, 0.02, 0.4])

    def value() -> float | None:
        if source.random() < nulls:
            return None
        return source.choice(
            [
                source.gauss(20, 3),
                round(source.gauss(20, 1), 1),
                20.0,
                source.uniform(-1, 1) * 10 ** source.randint(-9, 7),
            ]
        )

    return [{SENSOR_ID: source.choice(sensors), "temperatureC": value(), "pressurePa": value()} for _ in range(rows)]


def oracle(values: Sequence[float | None], smallest: float) -> list[float | None]:
    """Scores of one sensor's measure, row after row."""
    deviations: list[float | None] = []
    scores: list[float | None] = []
    for index, value in enumerate(values):
        window = slice(max(0, index - WINDOW_ROWS), index)
        known = [v for v in values[window] if v is not None]
        spread = [d for d in deviations[window] if d is not None]
        deviation = None if value is None or len(known) < WARM_UP_ROWS else abs(value - median(known))
        deviations.append(deviation)
        if deviation is None or len(spread) < WARM_UP_ROWS:
            scores.append(None)
        else:
            scores.append(deviation / max(median(spread) * MAD_TO_SIGMA, smallest))
    return scores


@pytest.mark.parametrize("seed", range(10))
def test_scores_are_those_of_the_definition(conformed: Build, judged: Judge, seed: int) -> None:
    rows = conformed(noise(seed, 400))
    scores = judged(DETECTOR, rows).scores
    found = scores.with_columns(rows[SENSOR_ID])
    assert found.columns == [*MEASURE_NAMES, SENSOR_ID]
    for (sensor,), own in rows.group_by(SENSOR_ID):
        for name in ("temperatureC", "pressurePa"):
            expected = oracle(own[name].to_list(), SMALLEST_SPREAD[name])
            got = found.filter(pl.col(SENSOR_ID) == sensor)[name].to_list()
            assert [value is None for value in got] == [value is None for value in expected]
            assert [v for v in got if v is not None] == pytest.approx([v for v in expected if v is not None], rel=1e-12)
    assert scores["voltageV"].null_count() == len(rows)


@pytest.mark.parametrize("seed", range(15))
def test_no_bit_depends_on_how_rows_are_split_into_calls(conformed: Build, judged: Judge, seed: int) -> None:
    source = random.Random(seed)
    rows = conformed(noise(1_000 + seed, source.randint(1, 500)))
    cuts = sorted(source.choices(range(len(rows) + 1), k=source.randint(1, 8)))
    whole, split = judged(DETECTOR, rows), judged(DETECTOR, rows, cuts)
    assert whole.scores.equals(split.scores)
    assert whole.findings.sort("row", "measure").equals(split.findings.sort("row", "measure"))
    assert whole.state.sort(SENSOR_ID, maintain_order=True).equals(split.state.sort(SENSOR_ID, maintain_order=True))
    assert split.state.group_by(SENSOR_ID).len()["len"].max() <= WINDOW_ROWS


@pytest.mark.parametrize("cut", [WINDOW_ROWS - 1, WINDOW_ROWS, WINDOW_ROWS + 1, 2 * WINDOW_ROWS, 2 * WINDOW_ROWS + 1])
def test_a_full_window_is_carried_whole(conformed: Build, judged: Judge, cut: int) -> None:
    source = random.Random(cut)
    values = [source.gauss(20, 3) for _ in range(3 * WINDOW_ROWS)]
    rows = conformed([{"temperatureC": value} for value in values])
    scores = judged(DETECTOR, rows, [cut]).scores["temperatureC"].to_list()
    expected = oracle(values, SMALLEST_SPREAD["temperatureC"])
    assert scores[: 2 * WARM_UP_ROWS] == expected[: 2 * WARM_UP_ROWS] == [None] * (2 * WARM_UP_ROWS)
    assert scores[2 * WARM_UP_ROWS :] == pytest.approx(expected[2 * WARM_UP_ROWS :], rel=1e-12)


def test_one_row_a_call(conformed: Build, judged: Judge) -> None:
    rows = conformed(noise(7, 160))
    assert judged(DETECTOR, rows, list(range(1, 160))).scores.equals(judged(DETECTOR, rows).scores)


def test_the_warm_up_is_unknown_and_then_a_jump_is_found(conformed: Build, judged: Judge) -> None:
    values = [20.0] * (2 * WARM_UP_ROWS) + [20.0 + 8 * SMALLEST_SPREAD["temperatureC"], 20.0]
    said = judged(DETECTOR, conformed([{"temperatureC": value} for value in values]))
    score = said.scores["temperatureC"].to_list()
    assert score[: 2 * WARM_UP_ROWS] == [None] * (2 * WARM_UP_ROWS)
    assert score[2 * WARM_UP_ROWS :] == [pytest.approx(8.0), 0.0]


def test_a_null_is_unknown_and_does_not_count(conformed: Build, judged: Judge) -> None:
    values = [None, 20.0] * (2 * WARM_UP_ROWS) + [None, 99.0]
    score = judged(DETECTOR, conformed([{"temperatureC": value} for value in values])).scores["temperatureC"]
    assert [value for value, given in zip(score, values, strict=True) if given is None and value is not None] == []
    assert score[-1] == pytest.approx(79.0 / SMALLEST_SPREAD["temperatureC"])


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
