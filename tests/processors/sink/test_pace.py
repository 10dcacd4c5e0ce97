"""What is learned from answers, without a service."""

from __future__ import annotations

import pytest

from processors.sink.pace import CUT, FLOOR, MOST_GROWTH, STEP, Pace, Sent


def sent(pace: Pace, documents: int = 10, *, limited: bool = True) -> Sent:
    return Sent(documents, pace.expected(documents), pace.cuts, limited)


@pytest.fixture
def pace() -> Pace:
    """Ten documents of 10 RU were taken in two seconds, then one request was throttled."""
    learned = Pace()
    learned.begins(0.0)
    learned.taken(sent(learned), 100.0, 1.0)
    learned.throttled(sent(learned), 2.0)
    return learned


def test_nothing_is_paced_before_a_request_is_throttled() -> None:
    free = Pace()
    free.begins(0.0)
    for second in range(10):
        free.taken(sent(free), 1_000.0, float(second))
    assert free.rate is None
    assert free.size(100) == 100


def test_the_first_rate_is_what_was_taken_less_a_cut(pace: Pace) -> None:
    assert pace.rate == pytest.approx(100 / 2 * (1 - CUT))


def test_where_the_first_request_is_throttled_the_rate_is_known_with_the_first_charge() -> None:
    late = Pace()
    late.begins(0.0)
    late.throttled(sent(late), 3.0)
    assert late.rate is None
    late.taken(sent(late), 80.0, 4.0)
    assert late.rate == pytest.approx(80 / 4 * (1 - CUT))


def test_requests_that_were_under_way_together_are_throttled_once(pace: Pace) -> None:
    together = [sent(pace) for _ in range(5)]
    before = pace.rate
    for each in together:
        pace.throttled(each, 2.5)
    assert before is not None
    assert pace.rate == pytest.approx(before * (1 - CUT))


def test_a_cut_leaves_the_floor_however_little_was_taken(pace: Pace) -> None:
    before = pace.rate
    assert before is not None
    pace.throttled(sent(pace), 1_000.0)
    assert pace.rate == pytest.approx(before * FLOOR)


def test_a_rest_before_the_first_throttling_says_nothing_of_the_rate() -> None:
    quiet = Pace()
    for hour in range(10):
        quiet.begins(3_600.0 * hour)
        quiet.taken(sent(quiet), 50.0, 3_600.0 * hour + 0.1)
    quiet.begins(40_000.0)
    quiet.taken(sent(quiet, 100), 500.0, 40_000.5)
    quiet.throttled(sent(quiet, 100), 40_001.5)
    assert quiet.rate == pytest.approx(500 / 1.5 * (1 - CUT))


def test_a_document_a_second_is_always_left(pace: Pace) -> None:
    for second in range(50):
        pace.throttled(sent(pace), 1_000.0 * second)
    assert pace.rate == pytest.approx(pace.expected(1))


def test_the_rate_rises_only_where_it_is_what_holds_us_back(pace: Pace) -> None:
    before = pace.rate
    assert before is not None
    pace.taken(sent(pace, limited=False), 100.0, 3.0)
    assert pace.rate == before
    pace.taken(sent(pace), 100.0, 4.0)
    assert pace.rate is not None
    assert pace.rate > before


def test_the_rate_rises_faster_the_longer_nothing_is_throttled(pace: Pace) -> None:
    shares = []
    for _ in range(200):
        before = pace.rate
        assert before is not None
        pace.taken(sent(pace), before, 3.0)  # a second's worth
        assert pace.rate is not None
        shares.append(pace.rate / before - 1)
    assert shares[-1] > max(shares[:3]) > shares[3]
    assert shares[-1] <= MOST_GROWTH + STEP


def test_requests_are_small_where_the_rate_is_low_and_never_empty(pace: Pace) -> None:
    assert pace.size(100) == 1
    pace.rate = 100_000.0
    assert 1 < pace.size(100) <= 100


def test_a_service_that_states_no_charge_teaches_nothing() -> None:
    silent = Pace()
    silent.begins(0.0)
    silent.throttled(sent(silent), 1.0)
    silent.taken(sent(silent), 0.0, 2.0)
    assert silent.rate is None
