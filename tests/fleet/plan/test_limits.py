"""When a city comes to the limits of partitions, and how storage grows."""

from __future__ import annotations

import pytest

from fleet.plan.limits import GB, autoscale_floor, manual_floor, reaches, storage_gb
from fleet.plan.traffic import DAY_S, MONTH_S, Load, Sensor, Traffic


def city(gb: float, *, backlog_gb: float = 0.0, ttl_s: int = -1, rate: float = 1.0, sensor_gb: float = 1.0) -> Load:
    month = Traffic("readings", gb * GB, rate * MONTH_S, ttl_s)
    waiting = Traffic("readings", backlog_gb * GB, 0.0, ttl_s)
    return Load([waiting], [month], 60.0, [Sensor("s1", {"readings": sensor_gb * GB}, 1.0)])


def test_storage_grows_by_the_month() -> None:
    assert storage_gb(city(2.0, backlog_gb=3.0), 0) == {"readings": 3.0}
    assert storage_gb(city(2.0, backlog_gb=3.0), 12) == {"readings": 27.0}


def test_what_expires_is_gone() -> None:
    load = city(2.0, backlog_gb=3.0, ttl_s=round(MONTH_S * 1.5))
    assert storage_gb(load, 1)["readings"] == pytest.approx(5.0)
    assert storage_gb(load, 2)["readings"] == pytest.approx(3.0)
    assert storage_gb(load, 12)["readings"] == pytest.approx(3.0)


def test_a_container_without_backlog_or_without_month() -> None:
    load = Load([Traffic("a", GB, 0.0)], [Traffic("b", GB, 0.0)], 1.0)
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


def test_the_container_that_is_full_first_need_not_be_the_fullest() -> None:
    readings = Traffic("readings", 20.0 * GB, 0.0, 7 * DAY_S)
    aggregates = Traffic("aggregates", 2.0 * GB, 0.0)
    _, physical, _ = reaches(Load((), [readings, aggregates], 60.0))
    assert "aggregates" in physical.name
    assert physical.months == 25.0


def test_a_sensors_month_is_never_whole_where_it_expires_before() -> None:
    assert reaches(city(30.0, ttl_s=round(MONTH_S / 2), sensor_gb=30.0))[0].months is None
    logical = reaches(city(30.0, ttl_s=round(MONTH_S / 2), sensor_gb=50.0))[0]
    assert (logical.now, logical.months) == (25.0, 0.4)


def test_a_city_of_which_nothing_is_known() -> None:
    logical, physical, spent = reaches(Load((), (), 60.0))
    assert (logical.now, logical.months, physical.now, physical.months) == (None, None, None, None)
    assert spent.now == 0.0
    assert not logical.is_known
    assert not physical.is_known


def test_what_is_not_known_is_not_never() -> None:
    waiting = Traffic("readings", 10.0 * GB, 0.0)
    logical, physical, spent = reaches(Load([waiting], [Traffic("readings", None, None)], 60.0))
    assert (logical.is_known, physical.is_known, spent.is_known) == (False, False, False)
    assert (physical.now, physical.months) == (10.0, None)
    assert [each.is_known for each in reaches(city(4.0))] == [True, True, True]


@pytest.mark.parametrize(
    ("gb", "highest", "manual", "autoscale"),
    # https://learn.microsoft.com/azure/cosmos-db/concepts-limits, its examples first
    [(20, 50_000, 500, 5_000), (2_000, 50_000, 2_000, 20_000), (0, 0, 400, 1_000), (1_500, 20_000, 1_500, 15_000),
     (100, 150_000, 1_500, 15_000), (110, 0, 400, 2_000)],
)  # fmt: skip
def test_floors(gb: float, highest: float, manual: int, autoscale: int) -> None:
    assert (manual_floor(gb, highest), autoscale_floor(gb, highest)) == (manual, autoscale)
