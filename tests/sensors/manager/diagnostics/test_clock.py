"""Clocks that agree, and that do not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sensors.manager.diagnostics.check import Outcome
from sensors.manager.diagnostics.clock import clock

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ours_ahead_s", "coarse_s", "outcome"),
    [
        (0, 0, Outcome.OK),
        (5, 0, Outcome.OK),
        (-5, 0, Outcome.OK),
        (5.001, 0, Outcome.WARNING),
        (-5.001, 0, Outcome.WARNING),
        (5.9, 1, Outcome.OK),
        (6.1, 1, Outcome.WARNING),
        (-5.9, 1, Outcome.WARNING),
        (900, 0, Outcome.WARNING),
        (900.1, 0, Outcome.FAILED),
        (-900.1, 0, Outcome.FAILED),
    ],
)
def test_the_limits(ours_ahead_s: float, coarse_s: float, outcome: Outcome) -> None:
    check = clock("theirs", NOW, NOW + timedelta(seconds=ours_ahead_s), coarse_s=coarse_s)
    assert check.outcome is outcome
    assert bool(check.remedy) == (outcome is not Outcome.OK)


def test_it_says_by_how_much_and_in_which_direction() -> None:
    assert clock("x", NOW, NOW + timedelta(hours=3)).found.startswith("this machine's clock is 3 h ahead of it")
    behind = clock("x", NOW, NOW - timedelta(seconds=42))
    assert behind.found == "this machine's clock is 42 s behind it"
    assert "Azure refuses" not in behind.found
    assert "Azure refuses" in clock("x", NOW, NOW - timedelta(days=4)).found
