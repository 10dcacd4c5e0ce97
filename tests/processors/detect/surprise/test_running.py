"""Counts are what counting step by step gives."""

from __future__ import annotations

import random
from collections import Counter

import polars as pl
import pytest

from processors.detect.surprise import counts, running
from processors.detect.surprise.counts import TABLES, cell_of, generation_of
from processors.detect.surprise.features import FEATURES, HOUR

GENERATION = 40


@pytest.fixture(autouse=True)
def short_generations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "GENERATION_STEPS", GENERATION)


def steps_of(source: random.Random, lengths: dict[int, tuple[int, int]]) -> pl.DataFrame:
    """Steps of series -> number of the first and of the one after the last, that stay in a cell for a while."""
    columns: dict[str, list[float]] = {name: [] for name in ("series", "number", HOUR, *(f.place for f in FEATURES))}
    for series, (first, end) in lengths.items():
        at = {feature.place: 60.0 for feature in FEATURES}
        for number in range(first, end):
            columns["series"].append(series)
            columns["number"].append(number)
            columns[HOUR].append(number // 5 % 3)
            for place, last in at.items():
                at[place] = source.choice([last, last, 60 + 5 * source.random()])
                columns[place].append(at[place])
    integers = {"series": pl.UInt32, "number": pl.Int64, HOUR: pl.Int64}
    return pl.DataFrame(columns, schema_overrides=integers)


def one_by_one(steps: pl.DataFrame, met: Counter[tuple[int, int]]) -> list[list[int]]:
    """Counts before each step, a list a table; `met` goes on counting."""
    found = []
    for table in TABLES:
        cells = steps.select(cell_of(pl.col("series"), table.place()), generation_of(pl.col("number"))).rows()
        before = []
        for cell, generation in cells:
            before.append(met[cell, generation] + met[cell, generation - 1])
            met[cell, generation] += 1
        found.append(before)
    return found


@pytest.mark.parametrize("steps_of_a_thread", [1, 10, running.STEPS_OF_A_THREAD])
@pytest.mark.parametrize("seed", range(4))
def test_counts_are_those_of_one_step_after_another(
    seed: int, steps_of_a_thread: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "STEPS_OF_A_THREAD", steps_of_a_thread)
    source, met = random.Random(seed), Counter[tuple[int, int]]()
    carried = pl.DataFrame(schema=running.COUNTS)
    ends = dict.fromkeys(source.sample(range(50), 4), 0)
    for _ in range(4):
        spans = {series: (ends[series], ends[series] + source.choice([1, 7, 130])) for series in sorted(ends)}
        steps = steps_of(source, spans)
        found, carried = running.counted(steps, carried)
        assert [found[str(table.number)].to_list() for table in TABLES] == one_by_one(steps, met)
        assert dict(zip(carried.select("cell", "generation").rows(), carried["count"], strict=True)) == dict(met)
        assert carried.equals(carried.sort("cell", "generation"))
        ends = {series: end for series, (_, end) in spans.items()}


def test_more_than_one_integer_can_tell_apart_is_refused() -> None:
    steps = steps_of(random.Random(1), {0: (0, 3)})
    carried = pl.DataFrame({"cell": [2**60], "generation": [0], "count": [1]}, schema=running.COUNTS)
    with pytest.raises(ValueError, match="read smaller pages"):
        running.counted(steps, carried)
