"""A month's bill, against examples that are published and sums done by hand."""

from __future__ import annotations

import pytest

from fleet.plan.bill import HOURS, Bill, Choice, Scaled, billed, bills, of_backlog, scaled_to
from fleet.plan.duration import SAVED_S, seconds
from fleet.plan.limits import GB
from fleet.plan.prices import read
from fleet.plan.traffic import MONTH_S, Load, Traffic

PRICES = read()


def load(*rates: float | None, gb: float = 0.0, pass_s: float = 3_600.0) -> Load:
    """Containers with so many RU/s in the mean, and GB a month each."""
    month = [
        Traffic(f"c{number}", gb * GB, None if rate is None else rate * MONTH_S) for number, rate in enumerate(rates)
    ]
    return Load((), month, pass_s)


def bill(found: object, mode: str, *, shared: bool = False) -> Bill:
    return next(each for each in found if (each.mode, each.shared) == (mode, shared))  # type: ignore[attr-defined]


def test_serverless_is_request_units_and_storage() -> None:
    # 500,000 RU are $0.125: https://learn.microsoft.com/azure/cosmos-db/understand-your-bill
    one = bill(bills(load(500_000 / MONTH_S, gb=4), PRICES, Choice(free_tier=True)), "serverless")
    assert one.throughput == pytest.approx(0.125)
    assert one.storage == pytest.approx(1.0)  # no free tier
    assert one.cost == pytest.approx(1.125)


def test_manual_is_paid_whether_it_is_used_or_not() -> None:
    # 1,000 RU/s are $0.08 an hour, by the same page.
    one = bill(bills(load(3.0), PRICES, Choice(1_000)), "manual")
    assert one.ru_s == 1_000
    assert one.throughput == pytest.approx(0.08 * HOURS)


def test_the_least_that_carries_the_rate() -> None:
    found = bills(load(410.0, 3.0), PRICES, Choice())
    assert bill(found, "manual").ru_s == 500 + 400
    assert bill(found, "manual", shared=True).ru_s == 500
    assert bill(found, "autoscale").ru_s == 2_000
    assert bill(found, "autoscale", shared=True).ru_s == 1_000
    assert all(each.carries for each in found)


def test_what_is_given_may_be_too_little() -> None:
    found = bills(load(1_500.0), PRICES, Choice(1_000))
    assert bill(found, "manual").carries is False
    assert bill(found, "autoscale").carries is False


def test_floors_follow_storage_and_the_highest_ever() -> None:
    stored = bills(load(1.0, gb=600.0), PRICES, Choice(), months=12)
    assert bill(stored, "manual").ru_s == 7_200
    assert bill(stored, "autoscale").ru_s == 72_000
    ever = bills(load(1.0), PRICES, Choice(highest_ru_s=150_000))
    assert bill(ever, "manual").ru_s == 1_500
    assert bill(ever, "autoscale").ru_s == 15_000


def test_autoscale_is_billed_by_the_peak_of_each_hour() -> None:
    assert scaled_to(4_000, 1.0, 30.0) == Scaled(400, 400, 1.0)  # 30 RU at once: below a tenth
    assert scaled_to(4_000, 50.0, 30.0) == Scaled(1_500, 400, 1.0)  # 1,500 RU at once
    assert scaled_to(4_000, 50.0, 3_600.0) == Scaled(4_000, 400, 1.0)  # 180,000 RU at once, in each hour
    daily = scaled_to(4_000, 50.0, 86_400.0)  # 4,320,000 RU in 1,080 s, in one hour of 24
    assert daily == Scaled(4_000, 400, pytest.approx(1 / 24))
    assert billed([daily], 0.0) == pytest.approx((4_000 + 23 * 400) / 24)
    assert scaled_to(4_000, 500.0, 86_400.0) == Scaled(4_000, 400, pytest.approx(3 / 24))
    found = bills(load(50.0, pass_s=30.0), PRICES, Choice(4_000))
    assert bill(found, "autoscale").throughput == pytest.approx(15 * 0.012 * HOURS)


def test_the_free_tier() -> None:
    # A container of 1,200 RU/s and 30 GB: 200 RU/s and 5 GB are billed.
    found = bills(load(1.0, gb=30), PRICES, Choice(1_200, free_tier=True))
    assert bill(found, "manual").throughput == pytest.approx(2 * 0.008 * HOURS)
    assert bill(found, "manual").storage == pytest.approx(5 * 0.25)
    least = bills(load(1.0, gb=1, pass_s=30), PRICES, Choice(free_tier=True))
    assert bill(least, "autoscale", shared=True).cost == 0.0
    assert bill(least, "manual", shared=True).cost == 0.0


def test_the_free_tier_is_of_each_hour() -> None:
    # One hour of six at 4,000 RU/s, of which 3,000 are billed; 400 in the others, and nothing is billed of that.
    found = bills(load(50.0, pass_s=6 * 3_600.0), PRICES, Choice(4_000, free_tier=True))
    assert bill(found, "autoscale", shared=True).throughput == pytest.approx(5 * 0.012 * HOURS)
    # A container that takes three hours of each day, and one that takes one of them.
    found = bills(load(500.0, 50.0, pass_s=86_400.0), PRICES, Choice(4_000, free_tier=True))
    hours = 1 * (8_000 - 1_000) + 2 * (4_400 - 1_000) + 21 * 0
    assert bill(found, "autoscale").throughput == pytest.approx(hours / 24 / 100 * 0.012 * HOURS)


def test_serverless_has_an_end_too() -> None:
    assert bill(bills(load(5_000.0, 5_000.0), PRICES, Choice()), "serverless").carries is True
    assert bill(bills(load(1.0, 5_001.0), PRICES, Choice()), "serverless").carries is False
    assert bill(bills(load(1.0, None), PRICES, Choice()), "serverless").carries is None


def test_what_is_not_known_is_not_guessed() -> None:
    found = bills(load(1.0, None), PRICES, Choice())
    assert bill(found, "serverless").cost is None
    assert bill(found, "serverless").storage == 0.0
    assert bill(found, "manual").ru_s is None
    assert bill(found, "autoscale").throughput is None
    given = bills(load(1.0, None), PRICES, Choice(1_000))
    assert bill(given, "manual").cost == pytest.approx(20 * 0.008 * HOURS)
    assert bill(given, "manual").carries is None
    assert of_backlog(load(None), PRICES) == 0.0
    assert of_backlog(Load([Traffic("c", 1, None)], (), 1.0), PRICES) is None


def test_storage_that_is_not_known_costs_nobody_knows_what() -> None:
    unknown = Load((), [Traffic("a", GB, 0.0), Traffic("b", None, None)], 60.0)
    for each in bills(unknown, PRICES, Choice(1_000)):
        assert (each.storage, each.cost) == (None, None)
        assert each.carries is None


def test_a_backlog_takes_its_request_units_by_the_throughput() -> None:
    assert seconds([("a", 40_000.0)], 400, 3.0) == pytest.approx(103 - SAVED_S)
    assert seconds([], 400, 3.0) == 3.0


def test_a_container_saves_up_while_another_is_written_to() -> None:
    steps = [("a", 4_000.0), ("b", 4_000.0)] * 3
    assert seconds(steps, 400, 0.0) == pytest.approx(60 - 6 * SAVED_S)


def test_a_city_has_one_physical_partition() -> None:
    assert seconds([("a", 1e6)], 50_000, 0.0) == seconds([("a", 1e6)], 10_000, 0.0)
