"""All of a city's sensors at once."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tests.harness.town import compared, means, minute, weather

DAY = 1_440
THEN = 4 * DAY + 600
"""A minute for which enough days are known."""


def of_kind(found: pl.DataFrame, kind: str) -> list[object]:
    return found.filter(pl.col("kind") == kind)["windowStart"].to_list()


def test_twelve_hot_sensors_are_weather() -> None:
    city = weather(5 * DAY, 12)
    city[:11, THEN : THEN + 30] += 6
    found, _ = compared(means(city))
    assert of_kind(found, "environment") == [minute(THEN + 4)]
    one = found.row(by_predicate=pl.col("kind") == "environment", named=True)
    assert one["sensorId"] == "*"
    assert one["sensors"] == {"moved": 11, "of": 12}
    assert one["explanation"].startswith("temperature rose by ")
    assert one["explanation"].endswith(" °C within an hour at 11 of 12 sensors: the environment, not the sensors")
    assert one["expectedLow"] < one["expectedHigh"] < one["value"]


def test_no_sensor_is_blamed_for_what_all_have() -> None:
    city = weather(5 * DAY, 12, cycle_c=0.1)
    city[:, THEN : THEN + 30] -= 6
    found, _ = compared(means(city))
    assert found.select("kind", "windowStart").rows() == [("environment", minute(THEN + 4))]
    assert " fell by " in found["explanation"][0]


@pytest.mark.parametrize(("moved", "expected"), [(8, 1), (7, 0)])
def test_two_thirds_of_the_sensors_make_an_environment(moved: int, expected: int) -> None:
    city = weather(5 * DAY, 12)
    city[:moved, THEN : THEN + 30] += 30
    assert len(of_kind(compared(means(city))[0], "environment")) == expected


def test_two_of_two_compared_with_a_third_are_no_environment() -> None:
    city = weather(5 * DAY, 3)
    city[:2, THEN : THEN + 30] += 30
    assert of_kind(compared(means(city))[0], "environment") == []


@pytest.mark.parametrize("first_weekday", [0, 3, 5])
def test_a_day_like_the_others_is_in_its_range_however_large_the_cycle(first_weekday: int) -> None:
    """A rush on workdays alone, and a record that begins before, or on, a weekend."""
    days = 9
    city = weather(days * DAY, 3)
    workday = (np.arange(days) + first_weekday) % 7 < 5
    rush = np.repeat(workday, DAY) & (np.arange(days * DAY) % DAY >= 480)
    assert of_kind(compared(means(city + 20 * rush))[0], "environment") == []


def test_of_the_first_days_nothing_is_known() -> None:
    city = weather(4 * DAY, 12)
    city[:, 3 * DAY + 600 : 3 * DAY + 630] += 6
    assert compared(means(city))[0].is_empty()


def test_a_new_level_is_told_once() -> None:
    city = weather(6 * DAY, 6)
    city[:, THEN:] += 10
    found, state = compared(means(city))
    assert of_kind(found, "environment") == [minute(THEN + 4)]
    assert len(state.course) == 60
    assert len(state.days) == 6


def test_sensors_that_come_and_go_do_not_move_the_level() -> None:
    city = weather(6 * DAY, 6)
    city += 10 * np.arange(6)[:, np.newaxis]
    city[3:, THEN:] = np.nan
    assert compared(means(city))[0].is_empty()
