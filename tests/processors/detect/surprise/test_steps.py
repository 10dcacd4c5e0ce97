from __future__ import annotations

import math
import random

import polars as pl

from processors.detect.surprise.steps import OPEN, STEP_S, known, steps
from tests.harness.surprise import MONDAY_S, every, rows_of

NOTHING = pl.DataFrame({"series": [0], **dict.fromkeys(OPEN)}, schema={"series": pl.UInt32, **OPEN})


def ended(seconds: list[float], values: list[float | None]) -> pl.DataFrame:
    own, series = known(rows_of(seconds, voltageV=values))
    assert series.drop("series").rows() == [("s1", "voltageV")]
    nothing = NOTHING.with_columns(series["series"])
    return steps(own, nothing)[0].drop("series")


def test_a_slow_sensor_has_a_step_for_each_row() -> None:
    found = ended(every(STEP_S, 50), [float(index) for index in range(50)])
    assert found["row"].to_list() == list(range(50))
    for column in ("mean", "min", "max"):
        assert found[column].to_list() == [float(index) for index in range(50)]


def test_a_fast_sensor_has_a_step_every_five_minutes_of_all_rows_since() -> None:
    source = random.Random(1)
    values = [source.gauss(20, 2) for _ in range(1_000)]
    found = ended(every(1, 1_000, MONDAY_S + 100), values)
    assert found["row"].to_list() == [0, 200, 500, 800]
    pieces = [values[:1], values[1:201], values[201:501], values[501:801]]
    assert found["min"].to_list() == [min(piece) for piece in pieces]
    assert found["max"].to_list() == [max(piece) for piece in pieces]
    for mean, piece in zip(found["mean"], pieces, strict=True):
        assert math.isclose(mean, math.fsum(piece) / len(piece), rel_tol=1e-14)


def test_unknown_values_are_no_rows_of_a_step() -> None:
    found = ended(every(STEP_S / 3, 12), [1.0, None, 3.0, None, 5.0, 6.0, None, None, None, 8.0, None, 9.0])
    assert found.select("row", "mean").rows() == [(0, 1.0), (4, 4.0), (9, 7.0)]


def test_rows_of_one_instant_are_one_step_and_a_clock_that_jumps_ends_one() -> None:
    at = float(MONDAY_S)
    found = ended([at, at, at, at - 4 * STEP_S, at + STEP_S], [1.0, 2.0, 3.0, 4.0, 9.0])
    assert found.select("row", "mean").rows() == [(0, 1.0), (3, 3.0), (4, 9.0)]


def test_times_before_1970_have_steps_too() -> None:
    assert ended(every(STEP_S, 5, -4 * STEP_S), [1.0] * 5)["row"].to_list() == list(range(5))
