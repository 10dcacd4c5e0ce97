"""A budget is used up and not overrun, whatever rows cost."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from processors.budget import FIRST_ROWS, Budget, Hour, Purse, parse
from processors.charges import INSERT, Charge, Kind, Meter, Spent

START = datetime(2026, 11, 22, 4, 55, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


def spend(meter: Meter, request_units: float) -> None:
    meter.add(Spent({Kind("readings", INSERT, 1): Charge(1, 100, request_units)}))


def run(purse: Purse, meter: Meter, cost: float, most: int = 20_000, databases: int = 1) -> list[int]:
    """Batches until none may begin."""
    batches: list[int] = []
    while rows := purse.batch(most, databases):
        spend(meter, rows * cost)
        purse.taken(rows)
        batches.append(rows)
    return batches


def test_what_is_written() -> None:
    assert parse("") is None
    assert parse("5000") == Budget(5_000.0, hourly=False)
    assert parse(" 0.5/h") == Budget(0.5, hourly=True)
    for wrong in ("0", "-5", "5/d", "h", "5000 /h", "inf"):
        with pytest.raises(ValueError, match="request units above 0"):
            parse(wrong)


def test_without_a_budget_batches_are_as_large_as_they_may_be() -> None:
    purse = Purse(None, Meter(), Clock())

    assert purse.batch(20_000, 5) == 20_000
    assert purse.spare
    assert purse.left > 1e300


@pytest.mark.parametrize("known", [None, 0.2, 6.5, 200.0])
@pytest.mark.parametrize("cost", [0.12, 6.5, 14.0])
@pytest.mark.parametrize("units", [1_000.0, 5_000.0, 250_000.0])
def test_it_is_used_up_and_exceeded_by_few_percent_at_most(units: float, cost: float, known: float | None) -> None:
    """Also where what was known before is wrong, unless the budget is small beside the rows that tell so."""
    meter = Meter()
    purse = Purse(Budget(units, hourly=False), meter, Clock(), row=known)
    batches = run(purse, meter, cost)

    assert meter.spent.request_units is not None
    assert meter.spent.request_units >= 0.95 * units
    if known is None or cost <= 3 * known or units > 5_000:
        assert meter.spent.request_units <= 1.03 * units
    assert purse.closed
    assert len(batches) < 20 + units / cost / 20_000


def test_rows_that_differ_do_not_overrun_it() -> None:
    for seed in range(50):
        dice = random.Random(seed)
        meter = Meter()
        purse = Purse(Budget(5_000.0, hourly=False), meter, Clock())
        while rows := purse.batch(20_000, 1):
            spend(meter, rows * 6.5 * dice.uniform(0.85, 1.2))
            purse.taken(rows)
        assert 4_750 <= (meter.spent.request_units or 0.0) <= 5_150, seed


def test_nothing_known_begins_small_and_grows() -> None:
    meter = Meter()
    purse = Purse(Budget(1e9, hourly=False), meter, Clock())

    sizes = []
    for _ in range(4):
        sizes.append(purse.batch(20_000, 1))
        spend(meter, sizes[-1] * 6.0)
        purse.taken(sizes[-1])

    assert sizes == [FIRST_ROWS, 4 * FIRST_ROWS, 16 * FIRST_ROWS, 64 * FIRST_ROWS]


def test_a_service_that_states_no_charge_ends_nothing() -> None:
    purse = Purse(Budget(10.0, hourly=False), Meter(), Clock())
    for _ in range(20):
        rows = purse.batch(20_000, 1)
        purse.taken(rows)

    assert rows == 20_000
    assert not purse.closed


def test_each_database_gets_its_part() -> None:
    meter = Meter()
    purse = Purse(Budget(100_000.0, hourly=False), meter, Clock(), row=10.0)
    spend(meter, purse.batch(20_000, 1) * 10.0)
    purse.taken(100)
    alone = purse.batch(20_000, 20)

    assert purse.batch(20_000, 40) == alone // 2


def test_rejects_say_nothing_of_what_rows_cost() -> None:
    purse = Purse(Budget(5_000.0, hourly=False), Meter(), Clock())
    for _ in range(10):
        purse.batch(20_000, 1)
        purse.taken(0)

    assert purse.batch(20_000, 1) == FIRST_ROWS


def test_what_is_spent_beside_batches_counts_and_is_not_what_rows_cost() -> None:
    meter = Meter()
    purse = Purse(Budget(1_000.0, hourly=False), meter, Clock(), row=10.0)
    rows = purse.batch(20_000, 1)
    spend(meter, rows * 10.0)
    purse.taken(rows)
    assert purse.spare
    spend(meter, 700.0)  # a preview

    assert not purse.spare
    assert purse.left == pytest.approx(300.0 - rows * 10.0)
    more = purse.batch(20_000, 1)
    assert 0 < more <= 10
    spend(meter, more * 10.0)
    purse.taken(more)
    assert purse.spent == (rows + more) * 10.0


def test_an_hour_goes_on_in_the_next_run_and_begins_anew_after_it() -> None:
    clock, kept = Clock(), list[Hour]()
    budget = Budget(1_000.0, hourly=True)
    spent = []
    hour: Hour | None = None
    for _ in range(130):  # a run a minute
        meter = Meter()
        purse = Purse(budget, meter, clock, hour=hour, row=6.5, keep=kept.append)
        for _ in range(2):  # what came in
            if rows := purse.batch(5, 1):
                spend(meter, rows * 6.5)
                purse.taken(rows)
        hour = kept[-1]
        spent.append((clock.now, meter.spent.request_units or 0.0))
        clock.now += timedelta(minutes=1)

    for begin in range(3):
        within = [units for at, units in spent if begin <= (at - START) / timedelta(hours=1) < begin + 1]
        assert sum(within) <= 1_030
    assert sum(units for _, units in spent[:60]) >= 950
    assert sum(units for _, units in spent[60:120]) >= 950
    assert kept[-1].began == START + timedelta(hours=2)


def test_an_hour_may_end_within_a_run() -> None:
    clock, meter = Clock(), Meter()
    purse = Purse(Budget(1_000.0, hourly=True), meter, clock, hour=Hour(START - timedelta(minutes=30), 990.0))
    assert purse.batch(20_000, 1) == 0
    clock.now += timedelta(minutes=30)

    assert purse.batch(20_000, 1) == FIRST_ROWS
    assert purse.left == 1_000.0


def test_a_clock_that_was_set_back_ends_no_hour_and_makes_none_longer() -> None:
    hour = Hour(START + timedelta(days=365), 700.0).at(START)

    assert hour == Hour(START, 700.0)
    assert hour.at(START + timedelta(minutes=59)) == hour
    assert hour.at(START + timedelta(minutes=60)) == Hour(START + timedelta(minutes=60), 0.0)


def test_without_a_budget_each_batch_has_cost_what_it_has() -> None:
    meter = Meter()
    purse = Purse(None, meter, Clock())
    for _ in range(3):
        purse.batch(1_000, 1)
        spend(meter, 50.0)
        purse.taken(10)
    assert (purse.rows, purse.spent) == (30, 150.0)


def test_in_the_middle_of_a_batch_the_hour_is_kept_when_it_is_worth_a_write() -> None:
    meter, kept = Meter(), []
    purse = Purse(parse("1000/h"), meter, Clock(), keep=lambda hour: kept.append(hour.spent))
    for _ in range(25):
        spend(meter, 1.0)
        purse.note()
    assert kept == [10.0, 20.0]
    purse.settle()
    assert kept == [10.0, 20.0, 25.0]


def test_an_hour_is_kept_as_often_as_something_is_spent_in_it() -> None:
    meter, kept = Meter(), list[Hour]()
    purse = Purse(Budget(1_000.0, hourly=True), meter, Clock(), keep=kept.append)
    purse.settle()
    assert kept == []
    spend(meter, 5.0)
    purse.settle()
    purse.settle()
    assert kept == [Hour(START, 5.0)]
    by_run = Purse(Budget(1_000.0, hourly=False), meter, Clock(), keep=kept.append)
    spend(meter, 5.0)
    by_run.settle()
    assert len(kept) == 1
