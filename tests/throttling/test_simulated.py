"""Goodput, throttled requests and fairness, over minutes that take no time."""

from __future__ import annotations

import pytest

from tests.throttling.simulation import simulate

SETTLED_S = 20.0
LONG_S = 60.0

GOODPUT = 0.9
THROTTLED = 0.05


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("ru_per_s", [400.0, 4_000.0, 50_000.0])
def test_one_process_uses_what_it_is_allowed(ru_per_s: float, seed: int) -> None:
    settled = simulate(1, ru_per_s, LONG_S, seed=seed).within(SETTLED_S, LONG_S)
    assert settled.spent[0] >= GOODPUT * ru_per_s * (LONG_S - SETTLED_S)
    assert settled.throttled_share < THROTTLED


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("ru_per_s", "least"), [(400.0, 0.7), (4_000.0, 0.3)])
def test_four_processes_share_and_none_starves(ru_per_s: float, least: float, seed: int) -> None:
    """`least` is the share of a fair one that each must have: where there is more to share it takes longer to agree."""
    settled = simulate(4, ru_per_s, LONG_S, seed=seed).within(SETTLED_S, LONG_S)
    allowed = ru_per_s * (LONG_S - SETTLED_S)
    assert sum(settled.spent.values()) >= GOODPUT * allowed
    assert min(settled.spent.values()) >= least * allowed / 4
    assert settled.throttled_share < THROTTLED


def test_a_budget_that_was_raised_is_found() -> None:
    settled = simulate(1, 400.0, 120.0, changes={40.0: 4_000.0}).within(100.0, 120.0)
    assert settled.spent[0] >= GOODPUT * 4_000 * 20


def test_a_budget_that_was_lowered_is_kept() -> None:
    settled = simulate(1, 4_000.0, 80.0, changes={40.0: 400.0}).within(60.0, 80.0)
    assert settled.spent[0] >= GOODPUT * 400 * 20
    assert settled.throttled_share < THROTTLED
