from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl
import pytest

from processors.detect.contract import Judged
from processors.detect.stuck import Stuck
from processors.schema import MEASURE_NAMES, SENSOR_ID

Build = Callable[[Sequence[Mapping[str, Any]]], pl.DataFrame]
Judge = Callable[..., Judged]

DETECTOR = Stuck(4)


def oracle(values: Sequence[float | None]) -> list[float | None]:
    scores: list[float | None] = []
    last, run = None, 0
    for value in values:
        if value is None:
            scores.append(None)
            continue
        run = 1 if value != last else run + 1
        last = value
        scores.append(float(run))
    return scores


def runs(seed: int) -> list[dict[str, Any]]:
    source = random.Random(seed)
    sensors = "abc"[: source.randint(1, 3)]
    values = [1.0, 1.0, 1.0, 1.0 + 2**-52, 0.0, -0.0, None]
    return [
        {
            SENSOR_ID: source.choice(sensors),
            "humidityPct": source.choice(values),
            "voltageV": source.choice([3.3, None]),
        }
        for _ in range(source.randint(1, 150))
    ]


def scores(rows: pl.DataFrame, name: str = "temperatureC") -> list[float | None]:
    return DETECTOR.judge(rows, pl.DataFrame(schema=DETECTOR.carries)).scores[name].to_list()


@pytest.mark.parametrize("seed", range(25))
def test_scores_are_those_of_the_definition_however_rows_are_split(conformed: Build, judged: Judge, seed: int) -> None:
    source = random.Random(seed)
    rows = conformed(runs(seed))
    cuts = sorted(source.choices(range(len(rows) + 1), k=source.randint(0, 10)))
    whole, split = judged(DETECTOR, rows), judged(DETECTOR, rows, cuts)
    found, state = split.scores, split.state
    assert found.columns == list(MEASURE_NAMES)
    for (sensor,), own in rows.group_by(SENSOR_ID):
        for name in ("humidityPct", "voltageV"):
            got = found.filter(rows[SENSOR_ID] == sensor)[name].to_list()
            assert got == oracle(own[name].to_list())
    assert found["temperatureC"].null_count() == len(rows)
    assert sorted(state[SENSOR_ID]) == sorted(set(rows[SENSOR_ID]))
    assert whole.findings.sort("row", "measure").equals(split.findings.sort("row", "measure"))
    assert whole.state.sort(SENSOR_ID).equals(state.sort(SENSOR_ID))


def test_one_row_a_call(conformed: Build, judged: Judge) -> None:
    rows = conformed([{"temperatureC": 4.0}] * 10)
    assert judged(DETECTOR, rows, list(range(1, 10))).scores["temperatureC"].to_list() == [*range(1, 11)]


def test_a_run_is_found_from_the_threshold_on_for_as_long_as_it_lasts(conformed: Build, judged: Judge) -> None:
    rows = conformed([{"temperatureC": value} for value in (4.0, 4.0, 4.0, 4.0, None, 4.0, 5.0)])
    assert judged(DETECTOR, rows, [2]).findings.rows() == [
        (3, "temperatureC", "stuck", 4.0, 4.0, 4.0, None, None, None),
        (5, "temperatureC", "stuck", 4.0, 5.0, 4.0, None, None, None),
    ]


def test_another_value_begins_anew_even_by_the_last_bit(conformed: Build) -> None:
    rows = conformed([{"temperatureC": value} for value in (1.0, 1.0, 1.0 + 2**-52, 1.0, 1.0, 1.0)])
    assert scores(rows) == [1, 2, 1, 1, 2, 3]


def test_a_null_is_unknown_and_neither_counts_nor_ends_a_run(conformed: Build) -> None:
    rows = conformed([{"temperatureC": value} for value in (None, 1.0, None, None, 1.0, None, 1.0)])
    assert scores(rows) == [None, 1, None, None, 2, None, 3]


def test_nothing_and_one_row_each_of_many_sensors(conformed: Build, judged: Judge) -> None:
    many = conformed([{SENSOR_ID: f"s{index}", "temperatureC": 4.0} for index in range(1_000)])
    once = judged(DETECTOR, many, [0, 0, 500])
    assert once.scores["temperatureC"].to_list() == [1.0] * 1_000
    again = DETECTOR.judge(many, once.state)
    assert again.scores["temperatureC"].to_list() == [2.0] * 1_000
    nothing = DETECTOR.judge(many.clear(), once.state)
    assert nothing.scores.shape == (0, len(MEASURE_NAMES))
    assert nothing.state.equals(once.state)
