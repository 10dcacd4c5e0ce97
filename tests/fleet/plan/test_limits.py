"""When a city comes to the limits of partitions, and how storage grows."""

from __future__ import annotations

import pytest

from fleet.plan.limits import GB, autoscale_floor, manual_floor, reaches, storage_gb
from fleet.plan.traffic import DAY_S, MONTH_S, Load, Sensor, Traffic


def city(gb: float, *, backlog_gb: float = 0.0, ttl_s: int = -1, rate: float = 1.0, sensor_gb: float = 1.0) -> Load:
    month = Traffic("readings", 1.0, 0.0, gb * GB, rate * MONTH_S, ttl_s)
    waiting = Traffic("readings", 1.0, 0.0, backlog_gb * GB, 0.0, ttl_s)
    return Load([waiting], [month], 60.0, [Sensor("s1", sensor_gb * GB, 1.0)])


def test_storage_grows_by_the_month() -> None:
    assert storage_gb(city(2.0, backlog_gb=3.0), 0) == {"readings": 3.0}
    assert storage_gb(city(2.0, backlog_gb=3.0), 12) == {"readings": 27.0}


def test_what_expires_is_gone() -> None:
    load = city(2.0, backlog_gb=3.0, ttl_s=round(MONTH_S * 1.5))
    assert storage_gb(load, 1)["readings"] == pytest.approx(5.0)
    assert storage_gb(load, 2)["readings"] == pytest.approx(3.0)
    assert storage_gb(load, 12)["readings"] == pytest.approx(3.0)


def test_a_container_without_backlog_or_without_month() -> None:
    load = Load([Traffic("a", 1, 0, GB, 0.0)], [Traffic("b", 1, 0, GB, 0.0)], 1.0)
    assert storage_gb(load, 3) == {"a": 1.0, "b": 3.0}


def test_limits_and_when_they_are_reached() -> None:
    logical, physical, spent = reaches(city(4.0, backlog_gb=10.0, rate=26.0, sensor_gb=0.6))
    assert (logical.now, logical.months) == (0.6, None)
    assert (physical.now, physical.months) == (10.0, 10.0)
    assert (spent.now, spent.months) == (pytest.approx(26.0), None)


def test_limits_that_are_reached_already() -> None:
    logical, physical, spent = reaches(city(90.0, backlog_gb=60.0, rate=12_000.0, sensor_gb=40.0))
    assert logical.months == 0.5
    assert physical.months == 0.0
    assert spent.months == 0.0


def test_what_expires_in_time_never_fills_a_partition() -> None:
    assert reaches(city(4.0, ttl_s=90 * DAY_S))[1].months is None
    assert reaches(city(40.0, ttl_s=90 * DAY_S))[1].months == 1.25


def test_a_city_of_which_nothing_is_known() -> None:
    logical, physical, spent = reaches(Load((), (), 60.0))
    assert (logical.now, logical.months, physical.now, physical.months) == (None, None, None, None)
    assert spent.now == 0.0


@pytest.mark.parametrize(
    ("gb", "highest", "manual", "autoscale"),
    # https://learn.microsoft.com/azure/cosmos-db/concepts-limits, its examples first
    [(20, 50_000, 500, 5_000), (2_000, 50_000, 2_000, 20_000), (0, 0, 400, 1_000), (1_500, 20_000, 1_500, 15_000),
     (100, 150_000, 1_500, 15_000), (110, 0, 400, 2_000)],
)  # fmt: skip
def test_floors(gb: float, highest: float, manual: int, autoscale: int) -> None:
    assert (manual_floor(gb, highest), autoscale_floor(gb, highest)) == (manual, autoscale)
