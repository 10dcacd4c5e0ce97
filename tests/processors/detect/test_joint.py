from __future__ import annotations

import io
import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest

from processors import checkpoint
from processors.detect.joint import USUAL_DISTANCE, Joint, tail
from processors.detect.joint.blocks import BLOCK_ROWS
from processors.detect.thresholds import DEFAULT_THRESHOLDS
from processors.schema import MEASURE_NAMES, SENSOR_ID
from tests.harness.joint import scored

Build = Callable[[Sequence[Mapping[str, Any]]], pl.DataFrame]
Values = Mapping[str, float | None]

DETECTOR = Joint(DEFAULT_THRESHOLDS["joint"])
EMPTY = pl.DataFrame(schema=DETECTOR.carries)
LEVELS = (20.0, 50.0, 101_325.0, 3.0, 12.0)
NOISE = (0.25, 1.2, 35.0, 0.15, 0.03)


def in_calls(rows: pl.DataFrame, cuts: Sequence[int]) -> tuple[pl.Series, pl.DataFrame, pl.DataFrame]:
    scores, found, state = [], [], EMPTY
    for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        judged = DETECTOR.judge(rows[start:end], state)
        state = pl.read_ipc(io.BytesIO(checkpoint._pack(judged.state)))
        assert state.schema == pl.Schema(DETECTOR.carries)
        scores.append(judged.scores)
        found.append(judged.findings.with_columns(pl.col("row") + start))
    return pl.concat(scores).to_series(), pl.concat(found), state


def usual(seed: int, rows: int, *, follows: float = 0.0) -> list[dict[str, Any]]:
    """Noise about levels; humidity against temperature with this correlation."""
    source = np.random.default_rng(seed)
    drawn = source.standard_normal((rows, len(LEVELS)))
    drawn[:, 1] = -follows * drawn[:, 0] + math.sqrt(1 - follows**2) * drawn[:, 1]
    values = np.array(LEVELS) + drawn * np.array(NOISE)
    return [dict(zip(MEASURE_NAMES, row, strict=True)) for row in values.tolist()]


def disturbed(seed: int, rows: int, nulls: float) -> list[dict[str, Any]]:
    """Interleaved sensors with outliers of all magnitudes, flat stretches and nulls."""
    source = random.Random(seed)
    whole = usual(seed, rows, follows=0.8)
    for row in whole:
        row[SENSOR_ID] = source.choice("aab")
        for name in MEASURE_NAMES:
            if source.random() < nulls:
                row[name] = None
            elif source.random() < 0.01:
                row[name] = source.choice([20.0, 0.0, 1e7, -1e7, 1e-9])
    return whole


@pytest.mark.parametrize(("seed", "nulls"), [(1, 0.0), (2, 0.02), (3, 0.5), (4, 0.0), (5, 0.02)])
def test_no_bit_depends_on_how_rows_are_split_into_calls(conformed: Build, seed: int, nulls: float) -> None:
    source = random.Random(seed)
    rows = conformed(disturbed(seed, 1_200, nulls))
    whole = in_calls(rows, [])
    assert whole[0].is_not_null().any()
    for count in (1, 12):
        split = in_calls(rows, sorted(source.choices(range(len(rows) + 1), k=count)))
        assert [a.equals(b) for a, b in zip(whole, split, strict=True)] == [True] * 3


@pytest.mark.parametrize("cut", [BLOCK_ROWS - 1, BLOCK_ROWS, BLOCK_ROWS + 1, 2 * BLOCK_ROWS, 3 * BLOCK_ROWS])
def test_a_block_may_end_with_a_call(conformed: Build, cut: int) -> None:
    rows = conformed(usual(cut, 4 * BLOCK_ROWS))
    whole, split = in_calls(rows, []), in_calls(rows, [cut, cut, cut + 1])
    assert [a.equals(b) for a, b in zip(whole, split, strict=True)] == [True] * 3


@pytest.mark.parametrize("nulls", [0.0, 0.1])
def test_scores_are_those_of_the_definition(conformed: Build, nulls: float) -> None:
    rows = conformed([row | {SENSOR_ID: "s"} for row in disturbed(11, 7 * BLOCK_ROWS, nulls)])
    got = in_calls(rows, [])[0].to_list()
    expected = scored(rows.select(MEASURE_NAMES).rows())
    assert [score is None for score in got] == [score is None for score in expected]
    known = [(a, b) for a, b in zip(got, expected, strict=True) if a is not None and b is not None]
    assert len(known) > 4 * BLOCK_ROWS
    assert [a for a, _ in known] == pytest.approx([b for _, b in known], rel=3e-3, abs=1e-3)


@pytest.mark.parametrize("degrees", [2, 3, 4, 5])
def test_bits_are_those_of_chi_square(degrees: int) -> None:
    squares = [0.0, 1e-9, 0.5, 1.0, 4.35, 12.0, 40.0, 200.0, 1_000.0]
    frame = pl.DataFrame({"square": squares, "degrees": degrees})
    got = frame.select(tail.chi_square_bits(pl.col("square"), pl.col("degrees"))).to_series().to_list()
    expected = [-math.log2(survival(square, degrees)) for square in squares]
    assert got == pytest.approx(expected, abs=4e-7)
    assert survival(USUAL_DISTANCE[degrees] ** 2, degrees) == pytest.approx(1 / 32, rel=0.02)
    huge = frame.head(1).select(tail.chi_square_bits(pl.lit(1e12), pl.col("degrees"))).item()
    assert huge == pytest.approx(1e12 / (2 * math.log(2)), rel=1e-6)


def survival(square: float, degrees: int) -> float:
    half = square / 2
    if degrees % 2 == 0:
        return math.exp(-half) * (1 + half if degrees == 4 else 1)
    terms = {3: 1.0, 5: 1 + square / 3}[degrees]
    return math.erfc(math.sqrt(half)) + math.sqrt(2 * square / math.pi) * math.exp(-half) * terms


def test_usual_rows_score_what_they_are_worth(conformed: Build) -> None:
    scores = in_calls(conformed(usual(5, 20_000, follows=0.9)), [])[0].drop_nulls()
    assert scores.mean() == pytest.approx(1 / math.log(2), rel=0.05)
    assert (scores > 5).mean() == pytest.approx(1 / 32, rel=0.2)
    assert (scores >= DETECTOR.threshold).sum() == 0


def test_a_combination_is_found_whose_measures_are_in_range(conformed: Build) -> None:
    rows = usual(6, 3_000, follows=0.98)
    rows[-1] = dict(zip(MEASURE_NAMES, LEVELS, strict=True))
    rows[-1]["temperatureC"] += 2 * NOISE[0]
    rows[-1]["humidityPct"] += 2 * NOISE[1]
    _, found, _ = in_calls(conformed(rows), [])
    assert found["row"].to_list() == [2_999]
    assert found.row(0, named=True) | {"value": 0, "score": 0} == {
        "row": 2_999, "measure": "joint", "kind": "joint", "value": 0, "score": 0,
        "threshold": 21.0, "expectedLow": 0.0, "expectedHigh": 3.5, "context": "above all humidityPct and temperatureC",
    }  # fmt: skip
    apart = usual(6, 3_000)
    apart[-1] = rows[-1]
    assert in_calls(conformed(apart), [])[1].is_empty()


def test_a_little_off_in_all_measures_at_once_is_found(conformed: Build) -> None:
    rows = usual(7, 3_020)
    for row in rows[3_000:]:
        for name, noise in zip(MEASURE_NAMES, NOISE, strict=True):
            row[name] += 2.5 * noise
    _, found, _ = in_calls(conformed(rows), [])
    assert not found.is_empty()
    assert found["row"].is_between(3_000, 3_019).all()


def test_a_day_that_goes_by_is_usual_a_second_and_five_minutes_apart(conformed: Build) -> None:
    for period_s, count in ((1, 6_000), (300, 3_000)):
        rows = usual(8, count)
        for index, row in enumerate(rows):
            swing = 4.5 * math.sin(2 * math.pi * index * period_s / 86_400)
            row["temperatureC"] += swing
            row["humidityPct"] -= 2.4 * swing
        scores, found, _ = in_calls(conformed(rows), [])
        assert found.is_empty()
        assert (scores > 5).mean() < 1.5 / 32


def test_a_new_regime_is_reported_and_then_learned(conformed: Build) -> None:
    rows = usual(9, 2_000) + [
        {name: 100 + 20 * (value - level) for (name, value), level in zip(row.items(), LEVELS, strict=True)}
        for row in usual(10, 4_000)
    ]
    scores, found, _ = in_calls(conformed(rows), [])
    assert found["row"].to_list()[0] == 2_000
    assert found["row"].max() < 2_000 + 20 * BLOCK_ROWS
    assert scores.tail(1_000).mean() == pytest.approx(1 / math.log(2), rel=0.25)


def test_an_outlier_neither_becomes_usual_nor_hides_the_next(conformed: Build) -> None:
    rows = usual(12, 3_000)
    rows[1_000]["pressurePa"] = 1e7
    rows[1_500]["pressurePa"] += 10 * NOISE[2]
    assert in_calls(conformed(rows), [])[1]["row"].to_list() == [1_000, 1_500]


def test_fewer_than_two_known_measures_are_unknown(conformed: Build) -> None:
    rows = usual(13, 1_000)
    rows[-2] = {"temperatureC": 99.0}
    rows[-1] = {"temperatureC": 99.0, "humidityPct": 50.0}
    scores, found, _ = in_calls(conformed(rows), [])
    assert scores[: 2 * BLOCK_ROWS].null_count() == 2 * BLOCK_ROWS
    assert scores[2 * BLOCK_ROWS : -2].null_count() == 0
    assert scores[-2] is None
    assert found["row"].to_list() == [999]
    one = conformed([{"temperatureC": row["temperatureC"]} for row in rows])
    assert in_calls(one, [])[0].null_count() == 1_000


def test_constants_and_copies_divide_by_nothing(conformed: Build) -> None:
    constant = conformed([dict(zip(MEASURE_NAMES, LEVELS, strict=True))] * 600)
    assert in_calls(constant, [])[0].drop_nulls().to_list() == [0.0] * (600 - 2 * BLOCK_ROWS)
    copies = [dict.fromkeys(MEASURE_NAMES, row["temperatureC"]) for row in usual(14, 600)]
    scores, found, _ = in_calls(conformed(copies), [])
    assert found.is_empty()
    assert scores.drop_nulls().is_finite().all()
    assert scores.null_count() == 2 * BLOCK_ROWS


def test_nothing_and_one_row_each_of_many_sensors(conformed: Build) -> None:
    many = conformed([{SENSOR_ID: f"s{index:04}", "temperatureC": float(index)} for index in range(1_000)])
    scores, found, state = in_calls(many, [0, 0, 500, 1_000])
    assert scores.to_list() == [None] * 1_000
    assert found.is_empty()
    assert state[SENSOR_ID].to_list() == many[SENSOR_ID].to_list()
    nothing = DETECTOR.judge(many.clear(), state)
    assert nothing.scores.schema == pl.Schema({"joint": pl.Float64()})
    assert nothing.state.equals(state)
    assert DETECTOR.judge(many[:1], EMPTY).scores.to_series().to_list() == [None]
