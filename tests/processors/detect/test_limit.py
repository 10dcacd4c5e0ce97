from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl
import pytest

from processors.detect.contract import Judged
from processors.detect.limit import DEFAULT_LIMITS, THRESHOLD, Limit
from processors.schema import MEASURE_NAMES

Build = Callable[[Sequence[Mapping[str, Any]]], pl.DataFrame]
Judge = Callable[..., Judged]

NOTHING = pl.DataFrame(schema=Limit.carries)


def score(rows: pl.DataFrame, **limits: tuple[float, float]) -> pl.DataFrame:
    return Limit(limits).judge(rows, NOTHING).scores


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
    assert [value >= THRESHOLD for value in outside] == [True, True]
    assert THRESHOLD > 0


def test_limits_of_ones_own_replace_those_of_their_measure_only(conformed: Build) -> None:
    rows = conformed([{"temperatureC": 150.0, "humidityPct": 150.0}])
    assert score(rows, temperatureC=(-200.0, 1_200.0)).row(0)[:2] == (0.0, 0.5)


def test_any_split_and_extreme_values(conformed: Build, judged: Judge) -> None:
    values = [None, 5_000.0, -273.15, 0.0, -0.0, math.nextafter(85.0, 0.0), 85.0]
    rows = conformed([{"temperatureC": value} for value in values])
    whole = judged(Limit({}), rows).scores
    split = judged(Limit({}), rows, [0, 1, 2, 2, 5]).scores
    assert whole.equals(split)
    assert whole["temperatureC"].to_list() == [None, 39.32, pytest.approx(1.8652), 0.0, 0.0, 0.0, 0.0]
    assert whole.drop("temperatureC").null_count().row(0) == (7,) * 4


def test_nothing(conformed: Build) -> None:
    assert score(conformed([])).schema == dict.fromkeys(MEASURE_NAMES, pl.Float64)


def test_a_finding_says_the_value_and_the_limits(conformed: Build) -> None:
    rows = conformed([{"humidityPct": 50.0}, {"humidityPct": 130.0}])
    assert Limit({}).judge(rows, NOTHING).findings.rows() == [
        (1, "humidityPct", "limit", 130.0, 0.3, THRESHOLD, 0.0, 100.0, None)
    ]
