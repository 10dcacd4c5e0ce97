"""Values leave at whole steps, off by half a step at most, in the shortest text."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st

from processors.form import is_step
from processors.transform.resolution import rounded

NAME = "temperatureC"
STEPS = st.sampled_from([0.01, 0.1, 0.25, 0.05, 0.3, 1.0, 5.0, 1e-6, 1e-9, 100.0, 0.007]) | st.builds(
    lambda digits, places: digits / 10**places, st.integers(1, 9_999), st.integers(0, 6)
)
VALUES = st.floats(-1e7, 1e7) | st.integers(-(10**6), 10**6).map(lambda number: number / 1000)


@given(st.lists(VALUES, min_size=1, max_size=40), STEPS)
@example([0.1 + 0.2, 1.234], 0.1)
@example([21.005, -0.001, 21.004999], 0.01)
@example([1e7, 1.5], 1e-9)
def test_a_value_moves_by_half_a_step_at_most(values: list[float], step: float) -> None:
    exact = Fraction(Decimal(repr(step)))
    for value, sent in zip(values, rounded(pl.DataFrame({NAME: values}), {NAME: step})[NAME], strict=True):
        assert abs(Fraction(sent) - Fraction(value)) <= exact / 2 + Fraction(math.ulp(max(abs(value), abs(sent))))
        whole = Fraction(Decimal(repr(sent))) / exact
        assert whole.denominator == 1 or (sent == value and abs(value / step * exact.numerator) > 2**53)
        assert math.copysign(1, sent) == 1 or sent != 0


def test_what_is_not_named_or_not_known_stays() -> None:
    rows = pl.DataFrame({"temperatureC": [1.234, None], "humidityPct": [1.234, None]})
    assert rounded(rows, {"humidityPct": 0.1, "voltageV": 0.1}).to_dict(as_series=False) == {
        "temperatureC": [1.234, None],
        "humidityPct": [1.2, None],
    }


def test_steps() -> None:
    assert all(map(is_step, (0.01, 5.0, 1e-9, 1e9, 0.007, 0.123456789)))
    assert not any(map(is_step, (0.0, -0.1, 1e-10, 2e9, 0.1234567891, math.inf)))
