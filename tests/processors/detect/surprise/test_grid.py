from __future__ import annotations

import math
import random

import polars as pl
import pytest

from processors.detect.surprise.grid import HALF, MIDDLE, REACH, WIDTH, bin_of, bounds, distance, edge_of, on_grid

LAST = int(2 * REACH * WIDTH) + 1


def bins(values: list[float], shift: float = 0.0, low: float = 0.0, high: float = 10.0) -> list[int]:
    frame = pl.DataFrame({"value": values}, schema={"value": pl.Float64}).with_columns(
        pl.lit((low + high) / 2).alias(MIDDLE), pl.lit((high - low) / 2).alias(HALF)
    )
    return frame.select(bin_of(on_grid(distance(pl.col("value"))), shift)).to_series().to_list()


def test_bins_are_even_within_the_warm_up_and_wider_beyond() -> None:
    inside = bins([10 * index / 30 + 0.01 for index in range(30)])
    assert inside == list(range(inside[0], inside[0] + 30))
    near, far = (bins([edge, edge + 1.0]) for edge in (12.0, 60.0))
    assert near[1] > near[0]
    assert far[1] == far[0]


@pytest.mark.parametrize("value", [0.0, -1.0, 1e7, -1e7, 1e300, -1e300, math.nextafter(10.0, 11)])
def test_every_value_has_a_bin(value: float) -> None:
    for shift in (0.0, 1 / 3, 2 / 3):
        assert 0 <= bins([value], shift)[0] <= LAST < 128


def test_bins_rise_with_values_and_an_edge_is_the_least_value_of_its_bin() -> None:
    source = random.Random(3)
    values = sorted(source.choice([1, 10, 1_000]) * source.gauss(0, 1) for _ in range(500))
    found = bins(values, 1 / 3)
    assert found == sorted(found)
    frame = pl.DataFrame({"value": values, "bin": found, MIDDLE: [5.0] * 500, HALF: [5.0] * 500})
    edges = frame.select("value", low=edge_of(pl.col("bin"), 1 / 3), high=edge_of(pl.col("bin") + 1, 1 / 3), bin="bin")
    for value, low, high, number in edges.rows():
        assert number in (0, LAST - 1) or low - 1e-9 <= value <= high + 1e-9


@pytest.mark.parametrize(("level", "width"), [(20.0, 0.02), (-20.0, 0.02), (0.0, 1e-9), (101_325.0, 101.325)])
def test_a_flat_warm_up_has_a_narrow_grid_around_its_level(level: float, width: float) -> None:
    middle, half = bounds(pl.col("least"), pl.col("greatest"))
    found = pl.DataFrame({"least": [level], "greatest": [level]}).select(middle, half)
    assert found.row(0) == pytest.approx((level, width / 2))
