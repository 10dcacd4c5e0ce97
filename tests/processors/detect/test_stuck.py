from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl
import pytest

from processors.detect.stuck import Stuck
from processors.schema import MEASURE_NAMES, SENSOR_ID

Build = Callable[[Sequence[Mapping[str, Any]]], pl.DataFrame]
InCalls = Callable[..., tuple[pl.DataFrame, pl.DataFrame]]


def oracle(values: Sequence[float | None], threshold: int) -> list[float | None]:
    scores: list[float | None] = []
    last, run = None, 0
    for value in values:
        if value is None:
            scores.append(None)
            continue
        run = 1 if value != last or run == threshold else run + 1
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


def scores(rows: pl.DataFrame, threshold: int, name: str = "temperatureC") -> list[float | None]:
    return Stuck(threshold).score(rows, None)[0][name].to_list()


@pytest.mark.parametrize("seed", range(25))
def test_scores_are_those_of_the_definition_however_rows_are_split(
    conformed: Build, in_calls: InCalls, seed: int
) -> None:
    source = random.Random(seed)
    rows = conformed(runs(seed))
    threshold = source.randint(2, 6)
    cuts = sorted(source.choices(range(len(rows) + 1), k=source.randint(0, 10)))
    found, state = in_calls(Stuck(threshold).score, rows, cuts)
    assert found.columns == list(MEASURE_NAMES)
    for (sensor,), own in rows.group_by(SENSOR_ID):
        for name in ("humidityPct", "voltageV"):
            got = found.filter(rows[SENSOR_ID] == sensor)[name].to_list()
            assert got == oracle(own[name].to_list(), threshold)
    assert found["temperatureC"].null_count() == len(rows)
    assert sorted(state[SENSOR_ID]) == sorted(set(rows[SENSOR_ID]))
    whole = in_calls(Stuck(threshold).score, rows, [])[1]
    assert whole.sort(SENSOR_ID).equals(state.sort(SENSOR_ID))


def test_one_row_a_call(conformed: Build, in_calls: InCalls) -> None:
    rows = conformed([{"temperatureC": 4.0}] * 10)
    assert in_calls(Stuck(4).score, rows, list(range(1, 10)))[0]["temperatureC"].to_list() == [*(1, 2, 3, 4) * 2, 1, 2]


def test_alarms_at_the_threshold_and_once_in_as_many_rows(conformed: Build) -> None:
    rows = conformed([{"temperatureC": 4.0}] * 361)
    score = scores(rows, 120)
    assert [index for index, value in enumerate(score, start=1) if value >= Stuck(120).threshold] == [120, 240, 360]


def test_another_value_begins_anew_even_by_the_last_bit(conformed: Build) -> None:
    rows = conformed([{"temperatureC": value} for value in (1.0, 1.0, 1.0 + 2**-52, 1.0, 1.0, 1.0)])
    assert scores(rows, 3) == [1, 2, 1, 1, 2, 3]


def test_a_null_is_unknown_and_neither_counts_nor_ends_a_run(conformed: Build) -> None:
    rows = conformed([{"temperatureC": value} for value in (None, 1.0, None, None, 1.0, None, 1.0)])
    assert scores(rows, 3) == [None, 1, None, None, 2, None, 3]


def test_nothing_and_one_row_each_of_many_sensors(conformed: Build, in_calls: InCalls) -> None:
    many = conformed([{SENSOR_ID: f"s{index}", "temperatureC": 4.0} for index in range(1_000)])
    once, state = in_calls(Stuck(2).score, many, [0, 0, 500])
    assert once["temperatureC"].to_list() == [1.0] * 1_000
    again, _ = Stuck(2).score(many, state)
    assert again["temperatureC"].to_list() == [2.0] * 1_000
    nothing, kept = Stuck(2).score(many.clear(), state)
    assert nothing.shape == (0, len(MEASURE_NAMES))
    assert kept.equals(state)
