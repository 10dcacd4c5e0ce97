from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from processors.schema import MONTH, OBSERVED_AT
from processors.transform.derive import DEW_POINT, derive

Build = Callable[[Sequence[Mapping[str, Any]]], pl.DataFrame]


@pytest.mark.parametrize(
    ("moment", "month"),
    [
        (datetime(2026, 11, 30, 23, 59, 59, 999_999, tzinfo=UTC), "2026-11"),
        (datetime(2026, 12, 1, tzinfo=UTC), "2026-12"),
        (datetime(2027, 1, 1, tzinfo=UTC), "2027-01"),
        (datetime(2000, 1, 1, tzinfo=UTC), "2000-01"),
    ],
)
def test_the_month_is_that_of_utc(conformed: Build, moment: datetime, month: str) -> None:
    assert derive(conformed([{OBSERVED_AT: moment, "originalTimezone": "Pacific/Apia"}]))[MONTH].item() == month


def dew_points(conformed: Build, *pairs: tuple[float | None, float | None]) -> list[float | None]:
    return derive(conformed([{"temperatureC": t, "humidityPct": h} for t, h in pairs]))[DEW_POINT].to_list()


@pytest.mark.parametrize("temperature", [-40.0, -10.0, 0.0, 20.0, 50.0])
@pytest.mark.parametrize("humidity", [0.01, 1.0, 50.0, 99.9])
def test_air_at_its_dew_point_holds_all_its_water(conformed: Build, temperature: float, humidity: float) -> None:
    """The vapour pressure of the air is the saturation pressure at its dew point, by the same formula."""
    (dew_point,) = dew_points(conformed, (temperature, humidity))

    def saturation(celsius: float) -> float:
        return 6.1094 * math.exp(17.625 * celsius / (243.04 + celsius))

    assert dew_point is not None
    assert dew_point == round(dew_point, 2)
    assert saturation(dew_point) == pytest.approx(saturation(temperature) * humidity / 100, rel=2e-3)


def test_a_published_value(conformed: Build) -> None:
    assert dew_points(conformed, (25.0, 60.0)) == [pytest.approx(16.7, abs=0.05)]


def test_saturated_air_is_at_its_dew_point(conformed: Build) -> None:
    assert dew_points(conformed, (21.5, 100.0), (0.0, 100.0)) == [21.5, 0.0]


def test_unknown_where_the_formula_does_not_hold(conformed: Build) -> None:
    outside = [(20.0, 0.0), (20.0, -1.0), (20.0, 100.01), (-40.01, 50.0), (50.01, 50.0), (None, 50.0), (20.0, None)]
    assert dew_points(conformed, *outside, (-273.15, 1_000.0), (-243.04, 50.0), (None, None)) == [None] * 10


def test_nothing(conformed: Build) -> None:
    empty = derive(conformed([]))
    assert (empty.height, empty[MONTH].dtype, empty[DEW_POINT].dtype) == (0, pl.String, pl.Float64)
