from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

import polars as pl
import pytest

from processors.schema import (
    ACCUMULATOR,
    IS_ANOMALY,
    MEASURE_NAMES,
    MEASURES,
    OBSERVED_AT,
    ROW_ID,
    SENSOR_ID,
    WINDOW_START,
)
from processors.transform.aggregate import KEY, WINDOW_S, accumulate, means, merge, summarize

Build = Callable[[Sequence[Mapping[str, Any]]], pl.DataFrame]

MINUTE = datetime(2026, 11, 22, 4, 49, tzinfo=UTC)


def readings(conformed: Build, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Conformed rows with `isAnomaly`."""
    flags = pl.Series(IS_ANOMALY, [row.get(IS_ANOMALY) for row in rows], pl.Boolean)
    return conformed([{name: value for name, value in row.items() if name != IS_ANOMALY} for row in rows]).with_columns(
        flags
    )


def noise(seed: int) -> list[dict[str, Any]]:
    source = random.Random(seed)
    scale = source.choice([1e-6, 1.0, 1e3, 1e7])
    return [
        {
            SENSOR_ID: source.choice("ab"),
            OBSERVED_AT: MINUTE + timedelta(milliseconds=source.randint(0, 200) * source.choice([1, 777])),
            "temperatureC": source.choice([None, source.uniform(-273, 5_000), 20.1]),
            "pressurePa": source.uniform(-1, 1) * scale,
            "voltageV": source.choice([None, None, 3.3]),
            IS_ANOMALY: source.choice([None, True, False]),
        }
        for _ in range(source.randint(1, 120))
    ]


def bits(frame: pl.DataFrame) -> list[tuple[Any, ...]]:
    flat = frame.sort(KEY).unnest(*(name for name in MEASURE_NAMES if name in frame.columns), separator=".")
    return [tuple(value.hex() if isinstance(value, float) else value for value in row) for row in flat.rows()]


@pytest.mark.parametrize("seed", range(12))
def test_any_order_and_split_gives_the_same_bits(conformed: Build, seed: int) -> None:
    source = random.Random(seed)
    rows = readings(conformed, noise(seed))
    whole = accumulate(rows)
    shuffled = rows.sample(fraction=1.0, shuffle=True, seed=seed)
    cuts = sorted(source.choices(range(len(rows) + 1), k=source.randint(1, 6)))
    parts = [accumulate(shuffled[start:end]) for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
    source.shuffle(parts)
    for merged in (reduce(merge, parts), reduce(lambda one, other: merge(other, one), parts), accumulate(shuffled)):
        assert merged.schema == pl.Schema(ACCUMULATOR)
        assert bits(merged) == bits(whole)
        assert bits(summarize(merged)) == bits(summarize(whole))


@pytest.mark.parametrize("seed", range(12))
def test_a_summary_is_what_statistics_say(conformed: Build, seed: int) -> None:
    rows = readings(conformed, noise(100 + seed))
    found = {(row[SENSOR_ID], row[WINDOW_START]): row for row in summarize(accumulate(rows)).rows(named=True)}
    windows: dict[tuple[str, datetime], list[dict[str, Any]]] = {}
    for row in sorted(rows.rows(named=True), key=lambda row: (row[OBSERVED_AT], row[ROW_ID])):
        windows.setdefault((row[SENSOR_ID], row[OBSERVED_AT].replace(second=0, microsecond=0)), []).append(row)
    assert found.keys() == windows.keys()
    for key, own in windows.items():
        assert found[key]["count"] == len(own)
        assert found[key]["anomalies"] == sum(row[IS_ANOMALY] is True for row in own)
        for name in MEASURE_NAMES:
            values = [row[name] for row in own if row[name] is not None]
            got = found[key][name]
            if not values:
                assert got is None
                continue
            assert (got["count"], got["min"], got["max"]) == (len(values), min(values), max(values))
            assert got["last"] == own[-1][name]
            assert got["mean"] == pytest.approx(statistics.fmean(values), rel=1e-12, abs=2e-6)
            if len(values) == 1:
                assert got["std"] is None
            else:
                assert got["std"] == pytest.approx(statistics.stdev(values), rel=1e-9, abs=2e-6)


def test_sums_are_exact_at_the_bounds_of_the_contract(conformed: Build) -> None:
    rows = readings(
        conformed,
        [
            {OBSERVED_AT: MINUTE, ROW_ID: index}
            | {field.name: field.plausible[index % 2] for field in MEASURES if field.plausible}
            for index in range(1_000)
        ],
    )
    window = accumulate(rows).row(0, named=True)
    for field in MEASURES:
        assert field.plausible is not None
        low, high = (round(bound * 1_000_000) for bound in field.plausible)
        assert window[f"{field.name}.sum"] == 500 * (low + high)
        assert window[f"{field.name}.squares"] == 500 * (low * low + high * high)


def test_a_window_of_a_million_rows_at_the_bound_does_not_overflow(conformed: Build) -> None:
    one = accumulate(readings(conformed, [{OBSERVED_AT: MINUTE, "pressurePa": value} for value in (1e7 - 1, -1e6)]))
    whole = one
    for _ in range(19):
        whole = merge(whole, whole)
    summary = summarize(whole).row(0, named=True)["pressurePa"]
    assert summary["count"] == 2**20
    assert summary["mean"] == pytest.approx((1e7 - 1 - 1e6) / 2)
    assert summary["std"] == pytest.approx((1e7 - 1 + 1e6) / 2 * math.sqrt(2**20 / (2**20 - 1)), rel=1e-9)


def test_values_that_are_the_same_have_no_deviation(conformed: Build) -> None:
    rows = readings(conformed, [{OBSERVED_AT: MINUTE, "temperatureC": 0.1}] * 7)
    summary = summarize(accumulate(rows)).row(0, named=True)["temperatureC"]
    assert summary == {"count": 7, "min": 0.1, "max": 0.1, "mean": 0.1, "last": 0.1, "std": 0.0}


def test_one_value_has_no_deviation_and_none_no_summary(conformed: Build) -> None:
    rows = readings(conformed, [{OBSERVED_AT: MINUTE, "temperatureC": 21.5}, {OBSERVED_AT: MINUTE}])
    row = summarize(accumulate(rows)).row(0, named=True)
    expected = {"count": 1, "min": 21.5, "max": 21.5, "mean": 21.5, "last": None, "std": None}
    assert (row["count"], row["temperatureC"], row["humidityPct"]) == (2, expected, None)


def test_the_last_value_is_that_of_the_latest_time_then_of_the_largest_id(conformed: Build) -> None:
    rows = readings(
        conformed,
        [
            {OBSERVED_AT: MINUTE + timedelta(seconds=9), "temperatureC": 1.0},
            {OBSERVED_AT: MINUTE + timedelta(seconds=9), "temperatureC": 2.0},
            {OBSERVED_AT: MINUTE, "temperatureC": 3.0},
        ],
    )
    for parts in ([rows], [rows[:1], rows[1:]], [rows[1:], rows[:1]], [rows[2:], rows[:2]]):
        merged = reduce(merge, map(accumulate, parts))
        assert merged.select("lastId", "temperatureC.last").row(0) == (2, 2.0)


def test_a_window_is_a_minute_with_its_start_and_without_its_end(conformed: Build) -> None:
    moments = [MINUTE, MINUTE + timedelta(seconds=WINDOW_S, microseconds=-1), MINUTE + timedelta(seconds=WINDOW_S)]
    windows = summarize(accumulate(readings(conformed, [{OBSERVED_AT: moment} for moment in moments])))
    assert windows.select(WINDOW_START, "count").rows() == [(MINUTE, 2), (moments[2], 1)]


def test_nothing(conformed: Build) -> None:
    empty = accumulate(readings(conformed, []))
    some = accumulate(readings(conformed, [{"temperatureC": 1.0}]))
    assert empty.schema == merge(empty, empty).schema == pl.Schema(ACCUMULATOR)
    assert summarize(empty).is_empty()
    assert bits(merge(empty, some)) == bits(merge(some, empty)) == bits(some)


def test_one_row_each_of_many_sensors(conformed: Build) -> None:
    many = readings(conformed, [{SENSOR_ID: f"s{index:03}", "temperatureC": float(index)} for index in range(1_000)])
    found = summarize(accumulate(many))
    assert found.group_by(SENSOR_ID).agg(pl.col("count").sum())["count"].to_list() == [1] * 1_000
    assert found.sort(SENSOR_ID)["temperatureC"].struct["mean"].to_list() == [float(index) for index in range(1_000)]


def test_a_small_deviation_of_large_values_is_not_lost(conformed: Build) -> None:
    values = [9_999_999.0, 9_999_999.000_01, 9_999_999.000_02]
    rows = readings(conformed, [{OBSERVED_AT: MINUTE, "pressurePa": value} for value in values])
    assert summarize(accumulate(rows)).row(0, named=True)["pressurePa"]["std"] == 0.000_01


@pytest.mark.parametrize("seed", range(3))
def test_means_are_those_of_the_summary_also_where_windows_lie_in_two_parts(conformed: Build, seed: int) -> None:
    rows = readings(conformed, noise(seed))
    whole = summarize(accumulate(rows)).sort(WINDOW_START, SENSOR_ID)
    half = len(rows) // 2
    found = means(pl.concat([accumulate(rows[:half]), accumulate(rows[half:])]))
    assert found.select(KEY).equals(whole.select(KEY))
    for name in MEASURE_NAMES:
        summaries = whole[name].to_list()
        assert found[name].round(6).to_list() == [each and each["mean"] for each in summaries]
