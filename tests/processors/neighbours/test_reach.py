"""Up to when sensors can be compared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from processors.neighbours.reach import reach
from processors.schema import TIMESTAMP_TYPE

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
NEVER = NOON + timedelta(days=10_000)


def seen(*minutes: float, tables: str = "", behind: str = "") -> pl.DataFrame:
    """Sensors so many minutes from noon, each in a database of its own where `tables` does not name one for each."""
    names = list(tables) or [str(number) for number in range(len(minutes))]
    return pl.DataFrame(
        {
            "database": names,
            "sensorId": [f"s{number}" for number in range(len(minutes))],
            "watermark": [NOON + timedelta(minutes=each) for each in minutes],
            "behind": [name in behind for name in names],
        },
        schema_overrides={"watermark": TIMESTAMP_TYPE},
    )


def minutes(watermarks: pl.DataFrame, now: datetime = NEVER) -> float | None:
    found = reach(watermarks, now)
    return None if found is None else (found - NOON) / timedelta(minutes=1)


def test_it_is_a_whole_minute_of_the_sensor_that_is_least_far() -> None:
    assert minutes(seen(5, 3.9, 4, 60)) == 3


def test_a_sensor_more_than_an_hour_behind_is_not_waited_for() -> None:
    assert minutes(seen(70, 70, 70, 10)) == 10
    assert minutes(seen(70, 70, 70, 9.9)) == 70


def test_two_clocks_that_run_ahead_do_not_matter() -> None:
    assert minutes(seen(5, 4, 3, 9_000, 9_000)) == 3


def test_more_clocks_that_run_ahead_end_at_the_present() -> None:
    now = NOON + timedelta(minutes=10)
    assert minutes(seen(5, 4, 3, 9_000, 9_000, 9_000), now) == 3
    assert minutes(seen(9_000, 9_000, 9_000), now) == 10


def test_where_rows_wait_a_sensor_is_waited_for_however_far_behind() -> None:
    ahead = (9_000, 9_000, 9_000, 5)
    assert minutes(seen(*ahead)) == 9_000
    assert minutes(seen(*ahead, behind="3")) == 5


def test_a_silent_sensor_of_a_table_whose_rows_wait_is_not_waited_for() -> None:
    assert minutes(seen(9_000, 9_000, 9_000, 100, 5, tables="abctt", behind="t")) == 100


def test_a_database_ahead_of_the_others_is_not_waited_for_by_its_own_measure() -> None:
    assert minutes(seen(100, 100, 100, 50, 900, tables="abctt", behind="t")) == 50


@pytest.mark.parametrize("tables", ["ab", "aa"])
def test_of_two_sensors_nothing_is_said(tables: str) -> None:
    assert minutes(seen(1, 2, tables=tables)) is None


def test_one_sensor_in_two_databases_is_one() -> None:
    twice = seen(1, 2, 3).with_columns(sensorId=pl.Series(["s0", "s1", "s1"]))
    assert minutes(twice) is None
