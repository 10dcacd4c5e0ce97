from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.retry import FIRST_S, LONGEST_S, SHORTEST_S, TRANSIENT, decide

transient = st.sampled_from([None, *sorted(TRANSIENT)])


def wait(
    status: int | None = 503,
    attempt: int = 1,
    elapsed_s: float = 0.0,
    advice_s: float | None = None,
    jitter: float = 1.0,
) -> float | None:
    return decide(status, attempt, elapsed_s, advice_s, budget_s=60.0, jitter=jitter)


@pytest.mark.parametrize("status", [200, 304, 400, 401, 403, 404, 409, 412, 413, 424, 0])
def test_stops_at_once_for_what_waiting_does_not_change(status: int) -> None:
    assert wait(status, advice_s=1.0) is None


@pytest.mark.parametrize("status", [None, 408, 410, 429, 449, 500, 502, 503, 504])
def test_waits_for_what_may_pass(status: int | None) -> None:
    assert wait(status) == FIRST_S


def test_throttling_waits_as_long_as_the_server_advises_whatever_the_attempt() -> None:
    assert wait(429, attempt=9, advice_s=1.234, jitter=0.3) == 1.234


def test_an_advice_of_nothing_is_no_busy_loop() -> None:
    assert wait(429, advice_s=0.0) == SHORTEST_S


def test_advice_counts_for_throttling_only() -> None:
    assert wait(503, advice_s=30.0) == FIRST_S


def test_doubles_up_to_the_longest_wait() -> None:
    assert [wait(attempt=attempt) for attempt in (1, 2, 3, 6, 7, 5000)] == [
        0.1,
        0.2,
        0.4,
        3.2,
        LONGEST_S,
        LONGEST_S,
    ]


def test_jitter_takes_away_up_to_half() -> None:
    assert wait(attempt=3, jitter=0.0) == pytest.approx(0.2)
    assert wait(attempt=3, jitter=0.5) == pytest.approx(0.3)


def test_stops_when_the_next_attempt_would_begin_after_the_budget() -> None:
    assert wait(429, elapsed_s=59.0, advice_s=1.0) == 1.0
    assert wait(429, elapsed_s=59.0, advice_s=1.001) is None
    assert wait(503, elapsed_s=60.0) is None


@given(
    transient,
    st.integers(1, 10_000),
    st.floats(0, 100),
    st.none() | st.floats(0, 100),
    st.floats(0, 1),
)
def test_every_wait_is_positive_and_ends_within_the_budget(
    status: int | None, attempt: int, elapsed_s: float, advice_s: float | None, jitter: float
) -> None:
    wait_s = wait(status, attempt, elapsed_s, advice_s, jitter)
    assert wait_s is None or (wait_s > 0 and elapsed_s + wait_s <= 60.0)
