"""One sensor against its city's others."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from tests.harness.town import BEGIN, compared, means, minute, weather

DAY = 1_440


def told(found: pl.DataFrame) -> list[tuple[str, str, datetime]]:
    return found.select("sensorId", "kind", "windowStart").rows()


def test_one_hot_sensor_is_told_once_and_in_words() -> None:
    city = weather(DAY, 12)
    city[3, 600:630] += 3
    found, _ = compared(means(city))
    assert told(found) == [("s3", "sensor", minute(604))]
    (one,) = found.rows(named=True)
    assert one["measure"] == "temperatureC"
    assert one["value"] == pytest.approx(city[3, 604], abs=1e-6)
    assert one["sensors"] == {"moved": 1, "of": 12}
    assert one["expectedLow"] < city[3, 604] - 3 < one["expectedHigh"] < one["value"]
    assert (one["score"] > 30, one["threshold"]) == (True, 8.0)
    assert one["explanation"].startswith("temperature of s3 is ")
    assert " above its city's others, usually " in one["explanation"]
    assert one["explanation"].endswith(" °C")


def test_what_does_not_last_is_not_told() -> None:
    city = weather(DAY, 5)
    city[2, 600:604] += 3
    assert told(compared(means(city))[0]) == []
    city[2, 604] += 3
    assert told(compared(means(city))[0]) == [("s2", "sensor", minute(604))]


def test_an_episode_ends_after_an_hour_of_quiet_minutes() -> None:
    city = weather(DAY, 5)
    for begin in (300, 370, 440, 510):
        city[1, begin : begin + 10] -= 3
    assert told(compared(means(city))[0]) == [
        ("s1", "sensor", minute(304)),
        ("s1", "sensor", minute(374)),
        ("s1", "sensor", minute(444)),
        ("s1", "sensor", minute(514)),
    ]
    city[1, 340:345] -= 3
    city[1, 410:415] -= 3
    assert told(compared(means(city))[0]) == [("s1", "sensor", minute(304)), ("s1", "sensor", minute(514))]


def test_a_constant_offset_and_the_weather_of_a_day_are_usual() -> None:
    city = weather(3 * DAY, 6)
    city[4] += 25
    assert told(compared(means(city))[0]) == []
    city[4, 2 * DAY + 600 : 2 * DAY + 610] += 1
    assert told(compared(means(city))[0]) == [("s4", "sensor", minute(2 * DAY + 604))]


def test_a_new_offset_is_told_once_then_learned() -> None:
    city = weather(4 * DAY, 6)
    city[4, DAY + 90 :] += 2
    found, state = compared(means(city))
    assert told(found) == [("s4", "sensor", minute(DAY + 94))]
    city[4, 4 * DAY - 60 :] -= 2
    found, _ = compared(means(city))
    assert told(found)[1:] == [("s4", "sensor", minute(4 * DAY - 56))]
    assert len(state.blocks) == 6 * 25


def test_a_sensor_that_begins_later_is_known_after_its_warm_up() -> None:
    city = weather(DAY, 6)
    city[5] += 10
    city[5, :600] = np.nan
    city[5, 670:680] += 3
    assert told(compared(means(city))[0]) == []
    city[5, 800:810] += 3
    assert told(compared(means(city))[0]) == [("s5", "sensor", minute(804))]


def test_a_sensor_that_was_silent_is_what_it_was() -> None:
    city = weather(3 * DAY, 6)
    city[2] += 10
    city[2, DAY : 2 * DAY] = np.nan
    assert told(compared(means(city))[0]) == []
    city[2, 2 * DAY :] += 3
    assert told(compared(means(city))[0]) == [("s2", "sensor", minute(2 * DAY + 4))]


def test_minutes_that_are_missing_neither_count_nor_end_anything() -> None:
    city = weather(DAY, 6)
    city[2, 600:610] += 3
    city[2, 601:606] = np.nan
    assert told(compared(means(city))[0]) == [("s2", "sensor", minute(609))]


def test_what_was_learned_is_forgotten_after_thirty_days() -> None:
    before, after = weather(DAY, 4), weather(DAY, 4, seed=2)
    after[1, :30] += 30
    for days, count in ((29, 1), (31, 0)):
        later = BEGIN + timedelta(days=days)
        found, _ = compared(pl.concat([means(before), means(after, begin=later)]))
        assert (
            len(found.filter(pl.col("sensorId") == "s1", pl.col("windowStart") == later + timedelta(minutes=4)))
            == count
        )


@pytest.mark.parametrize("sensors", [1, 2])
def test_of_fewer_than_three_sensors_nothing_is_known(sensors: int) -> None:
    city = weather(DAY, sensors)
    city[0, 600:] += 30
    found, state = compared(means(city))
    assert found.is_empty()
    assert state.blocks.is_empty()


def test_with_one_of_three_silent_nothing_is_told_of_the_others() -> None:
    city = weather(DAY, 3)
    city[2, 600:700] = np.nan
    city[0, 610:690] += 30
    assert compared(means(city))[0].is_empty()


def test_a_wild_value_of_one_sensor_does_not_move_what_is_usual() -> None:
    city = weather(DAY, 5)
    city[0, 300:302] = 4_999.0
    city[0, 900:910] += 3
    assert told(compared(means(city))[0]) == [("s0", "sensor", minute(904))]
