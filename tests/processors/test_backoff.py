"""How long a run waits for its next pass."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.backoff import FIRST_S, LONGEST_S, failures, wait_s
from processors.heartbeat import PATIENCE_S

EVERY = st.floats(0.001, 100_000.0)
ELAPSED = st.floats(0.0, 100_000.0)
JITTER = st.floats(0.0, 1.0)
FAILURES = st.integers(0, 10**6)


@pytest.mark.parametrize(
    ("every_s", "elapsed_s", "expected"), [(30.0, 2.0, 28.0), (30.0, 30.0, 0.0), (30.0, 45.0, 0.0), (0.05, 0.0, 0.05)]
)
def test_without_a_failure_passes_begin_every_so_often(every_s: float, elapsed_s: float, expected: float) -> None:
    assert wait_s(every_s, elapsed_s, 0, jitter=1.0) == expected


def test_waits_double_up_to_five_minutes() -> None:
    assert [wait_s(30.0, 30.0, failed, jitter=1.0) for failed in range(1, 7)] == [30, 60, 120, 240, 300, 300]
    assert [wait_s(0.001, 30.0, failed, jitter=0.0) for failed in range(1, 4)] == [0.5, 1, 2]
    assert LONGEST_S == 300


@given(every_s=EVERY, elapsed_s=ELAPSED, failed=FAILURES, jitter=JITTER)
def test_a_wait_is_bounded_and_passes_never_begin_more_often_than_asked(
    every_s: float, elapsed_s: float, failed: int, jitter: float
) -> None:
    wait = wait_s(every_s, elapsed_s, failed, jitter=jitter)
    assert 0 <= wait <= max(every_s, LONGEST_S)
    assert elapsed_s + wait >= every_s or wait == pytest.approx(every_s - elapsed_s)
    if failed:
        assert wait >= min(LONGEST_S, max(FIRST_S, every_s)) / 2


@given(every_s=EVERY, elapsed_s=ELAPSED, jitter=JITTER)
def test_waits_never_fall_while_failures_go_on(every_s: float, elapsed_s: float, jitter: float) -> None:
    waits = [wait_s(every_s, elapsed_s, failed, jitter=jitter) for failed in range(40)]
    assert all(one <= next_one for one, next_one in pairwise(waits))


@given(elapsed_s=st.floats(0.0, 60.0), failed=FAILURES, jitter=JITTER)
def test_a_pass_of_a_long_period_stays_at_it(elapsed_s: float, failed: int, jitter: float) -> None:
    assert wait_s(3_600.0, elapsed_s, failed, jitter=jitter) == 3_600.0 - elapsed_s


def test_nodes_do_not_return_together() -> None:
    waits = [wait_s(30.0, 1.0, 10, jitter=part / 100) for part in range(101)]
    assert (min(waits), max(waits)) == (150, 300)
    assert len(set(waits)) == 101


def test_a_run_that_waits_is_healthy() -> None:
    """Connecting takes 10 s at most, and then the containers are read: see `cosmos.START_S`."""
    assert LONGEST_S + 2 * 10.0 < PATIENCE_S


def test_failures_are_counted_until_a_pass_takes_something_in() -> None:
    assert failures(3, stopped=False, rows=0) == 0
    assert failures(0, stopped=True, rows=0) == 1
    assert failures(3, stopped=True, rows=0) == 4
    assert failures(3, stopped=True, rows=1) == 1
