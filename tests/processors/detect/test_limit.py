from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl
import pytest

from processors.detect.limit import DEFAULT_LIMITS, Limit
from processors.schema import MEASURE_NAMES

Build = Callable[[Sequence[Mapping[str, Any]]], pl.DataFrame]
InCalls = Callable[..., tuple[pl.DataFrame, pl.DataFrame]]


def score(rows: pl.DataFrame, **limits: tuple[float, float]) -> pl.DataFrame:
    return Limit(limits).score(rows, None)[0]


def test_there_are_limits_for_every_measure() -> None:
    assert DEFAULT_LIMITS.keys() == set(MEASURE_NAMES)


@pytest.mark.parametrize("name", MEASURE_NAMES)
def test_the_score_is_how_many_spans_outside(conformed: Build, name: str) -> None:
    low, high = DEFAULT_LIMITS[name]
    span = high - low
    values = [low, high, (low + high) / 2, high + span / 4, low - 2 * span, None]
    assert score(conformed([{name: value} for value in values]))[name].to_list() == [0, 0, 0, 0.25, 2, None]


@pytest.mark.parametrize("name", MEASURE_NAMES)
def test_just_outside_is_an_anomaly(conformed: Build, name: str) -> None:
    low, high = DEFAULT_LIMITS[name]
    outside = score(conformed([{name: low - 1e-3}, {name: high + 1e-3}]))[name]
    assert [value >= Limit.threshold for value in outside] == [True, True]
    assert Limit.threshold > 0


def test_limits_of_ones_own_replace_those_of_their_measure_only(conformed: Build) -> None:
    rows = conformed([{"temperatureC": 150.0, "humidityPct": 150.0}])
    assert score(rows, temperatureC=(-200.0, 1_200.0)).row(0)[:2] == (0.0, 0.5)


def test_any_split_and_extreme_values(conformed: Build, in_calls: InCalls) -> None:
    values = [None, 5_000.0, -273.15, 0.0, -0.0, math.nextafter(85.0, 0.0), 85.0]
    rows = conformed([{"temperatureC": value} for value in values])
    whole, _ = in_calls(Limit({}).score, rows, [])
    split, _ = in_calls(Limit({}).score, rows, [0, 1, 2, 2, 5])
    assert whole.equals(split)
    assert whole["temperatureC"].to_list() == [None, 39.32, pytest.approx(1.8652), 0.0, 0.0, 0.0, 0.0]
    assert whole.drop("temperatureC").null_count().row(0) == (7,) * 4


def test_nothing(conformed: Build) -> None:
    assert score(conformed([])).schema == dict.fromkeys(MEASURE_NAMES, pl.Float64)
