from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from processors.detect.contract import Judged
from processors.detect.gap import MEASURE, USUAL_SHARE, WARM_UP_ROWS, WINDOW_ROWS, Gap
from processors.schema import OBSERVED_AT, SENSOR_ID

Build = Callable[[Sequence[Mapping[str, Any]]], pl.DataFrame]
Judge = Callable[..., Judged]
Rows = Callable[[int, int], list[dict[str, Any]]]

DETECTOR = Gap(10.0)
BEGIN = datetime(2026, 11, 22, tzinfo=UTC)


def at(seconds: Sequence[float]) -> list[dict[str, Any]]:
    return [{OBSERVED_AT: BEGIN + timedelta(seconds=second)} for second in seconds]


def after(intervals: Sequence[float]) -> list[dict[str, Any]]:
    return at(list(itertools.accumulate(intervals, initial=0.0)))


def drawn(seed: int, rows: int) -> list[dict[str, Any]]:
    """Interleaved sensors with duplicates, gaps and clocks that jump."""
    source = random.Random(seed)
    second = 0.0
    built = []
    for _ in range(rows):
        second += source.choice([1.0, 1.0, 1.0, 2.5, 0.0, -0.25, source.expovariate(0.1), source.uniform(-500, 500)])
        built.append({SENSOR_ID: source.choice("ab"), **at([round(second, 3)])[0]})
    return built


def oracle(times: Sequence[datetime]) -> list[float | None]:
    passed: list[float] = []
    scores: list[float | None] = []
    for before, time in zip([None, *times], times, strict=False):
        seconds = None if before is None else (time - before) / timedelta(seconds=1)
        window = sorted(each for each in passed[-WINDOW_ROWS:] if each > 0)
        usual = window[int((len(window) - 1) * USUAL_SHARE + 0.5)] if len(window) >= WARM_UP_ROWS else None
        scores.append(None if seconds is None or usual is None else max(seconds, 0.0) / usual)
        passed.append(-1.0 if seconds is None else seconds)
    return scores


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_those_of_the_definition(conformed: Build, judged: Judge, seed: int) -> None:
    rows = conformed(drawn(seed, 600))
    scores = judged(DETECTOR, rows).scores
    assert scores.columns == [MEASURE]
    for (sensor,), own in rows.group_by(SENSOR_ID):
        got = scores.filter(rows[SENSOR_ID] == sensor)[MEASURE].to_list()
        expected = oracle(own[OBSERVED_AT].to_list())
        assert [value is None for value in got] == [value is None for value in expected]
        assert [v for v in got if v is not None] == pytest.approx([v for v in expected if v is not None], rel=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_no_bit_depends_on_how_rows_are_split_into_calls(conformed: Build, judged: Judge, seed: int) -> None:
    source = random.Random(seed)
    rows = conformed(drawn(100 + seed, source.randint(1, 600)))
    cuts = sorted(source.choices(range(len(rows) + 1), k=source.randint(1, 8)))
    whole, split = judged(DETECTOR, rows), judged(DETECTOR, rows, cuts)
    assert whole.scores.equals(split.scores)
    assert whole.findings.equals(split.findings)
    assert whole.state.sort(SENSOR_ID, maintain_order=True).equals(split.state.sort(SENSOR_ID, maintain_order=True))
    assert split.state.group_by(SENSOR_ID).len()["len"].max() <= WINDOW_ROWS  # type: ignore[operator]


def test_one_row_a_call(conformed: Build, judged: Judge) -> None:
    rows = conformed(drawn(7, 150))
    assert judged(DETECTOR, rows, list(range(1, 150))).scores.equals(judged(DETECTOR, rows).scores)


def test_the_first_row_after_a_gap_has_it(conformed: Build, judged: Judge) -> None:
    found = judged(DETECTOR, conformed(after([1.0] * 50 + [61.0] + [1.0] * 50)), [51]).findings
    assert found.rows() == [(51, MEASURE, "gap", 61.0, 61.0, 10.0, 0.0, 10.0, None)]


def test_irregular_sampling_is_no_gap(conformed: Build, judged: Judge) -> None:
    source = random.Random(5)
    found = judged(DETECTOR, conformed(after([source.expovariate(1 / 60) for _ in range(20_000)]))).findings
    assert found.is_empty()


def test_duplicates_and_a_clock_set_back_are_no_gap_and_teach_nothing(conformed: Build, judged: Judge) -> None:
    scores = judged(DETECTOR, conformed(after([1.0, 0.0] * 40 + [-3_600.0] + [0.0] * 200 + [1.0]))).scores[MEASURE]
    assert set(scores[60:80]) == {0.0, 1.0}
    assert scores[81] == 0.0
    assert scores[-1] is None


def test_a_clock_that_jumps_ahead_looks_like_a_gap(conformed: Build, judged: Judge) -> None:
    found = judged(DETECTOR, conformed(after([5.0] * 50 + [3_600.0] + [5.0] * 50))).findings
    assert found.select("row", "value").rows() == [(51, 3_600.0)]


def test_the_warm_up_is_unknown(conformed: Build, judged: Judge) -> None:
    scores = judged(DETECTOR, conformed(after([2.0] * (WARM_UP_ROWS + 1)))).scores[MEASURE].to_list()
    assert scores == [None] * (WARM_UP_ROWS + 1) + [1.0]


def test_nothing_and_one_row_each_of_many_sensors(conformed: Build, judged: Judge) -> None:
    many = conformed([{SENSOR_ID: f"s{index}", "temperatureC": float(index)} for index in range(1_000)])
    said = judged(DETECTOR, many, [0, 0, 500, 1_000])
    assert said.scores.null_count().row(0) == (1_000,) * 1
    assert sorted(said.state[SENSOR_ID]) == sorted(many[SENSOR_ID])
    nothing = DETECTOR.judge(many.clear(), said.state)
    assert nothing.scores.shape == (0, 1)
    assert nothing.state.sort(SENSOR_ID).equals(said.state.sort(SENSOR_ID))
