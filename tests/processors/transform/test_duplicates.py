from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl
import pytest

from processors.schema import IS_DUPLICATE, MEASURE_NAMES, OBSERVED_AT, SENSOR_ID
from processors.transform.duplicates import LOOK_BACK_ROWS, flag_duplicates

Build = Callable[[Sequence[Mapping[str, Any]]], pl.DataFrame]
InCalls = Callable[..., tuple[pl.DataFrame, pl.DataFrame]]


def oracle(rows: pl.DataFrame) -> list[bool]:
    """A row repeats one of the last rows of its own sensor."""
    before: dict[str, list[Any]] = {}
    flags = []
    for row in rows.select(SENSOR_ID, OBSERVED_AT, *MEASURE_NAMES).rows():
        own = before.setdefault(row[0], [])
        flags.append(row in own[-LOOK_BACK_ROWS:])
        own.append(row)
    return flags


def flags(rows: pl.DataFrame) -> list[bool]:
    return flag_duplicates(rows, None)[0][IS_DUPLICATE].to_list()


@pytest.mark.parametrize("seed", range(20))
def test_flags_are_those_of_the_definition_however_rows_are_split(
    conformed: Build, in_calls: InCalls, seed: int
) -> None:
    source = random.Random(seed)
    moments = conformed([{}] * source.choice([3, 60, 150]))[OBSERVED_AT].to_list()
    rows = conformed(
        [
            {
                SENSOR_ID: source.choice("ab"),
                OBSERVED_AT: source.choice(moments),
                "temperatureC": source.choice([1.0, None]),
            }
            for _ in range(source.randint(1, 400))
        ]
    )
    cuts = sorted(source.choices(range(len(rows) + 1), k=source.randint(0, 10)))
    marked, state = in_calls(flag_duplicates, rows, cuts)
    assert marked[IS_DUPLICATE].to_list() == oracle(rows)
    assert marked.drop(IS_DUPLICATE).equals(rows)
    whole = in_calls(flag_duplicates, rows, [])[1]
    assert whole.sort(SENSOR_ID, maintain_order=True).equals(state.sort(SENSOR_ID, maintain_order=True))


@pytest.mark.parametrize(("between", "noticed"), [(0, True), (LOOK_BACK_ROWS - 1, True), (LOOK_BACK_ROWS, False)])
def test_a_repeat_is_noticed_within_the_look_back(
    conformed: Build, in_calls: InCalls, between: int, noticed: bool
) -> None:
    moment = conformed([{}])[OBSERVED_AT][0]
    repeated = {OBSERVED_AT: moment, "temperatureC": 1.0}
    same = conformed([repeated, *([{}] * between), repeated])
    for cuts in ([], [1], list(range(1, len(same)))):
        assert in_calls(flag_duplicates, same, cuts)[0][IS_DUPLICATE][-1] is noticed


def test_rows_of_another_sensor_time_or_value_are_no_repeats(conformed: Build) -> None:
    first, second = conformed([{}, {}])[OBSERVED_AT]
    rows = [
        {OBSERVED_AT: first, "temperatureC": 1.0},
        {OBSERVED_AT: first, "temperatureC": 1.0, SENSOR_ID: "s2"},
        {OBSERVED_AT: second, "temperatureC": 1.0},
        {OBSERVED_AT: first, "temperatureC": 1.0 + 2**-52},
        {OBSERVED_AT: first, "temperatureC": None},
        {OBSERVED_AT: first, "temperatureC": 1.0, "model": "other words, the same reading"},
    ]
    assert flags(conformed(rows)) == [False, False, False, False, False, True]


def test_nulls_in_the_same_places_are_the_same(conformed: Build) -> None:
    moment = conformed([{}])[OBSERVED_AT][0]
    assert flags(conformed([{OBSERVED_AT: moment}] * 3)) == [False, True, True]


def test_nothing_and_one_row_each_of_many_sensors(conformed: Build) -> None:
    many = conformed([{SENSOR_ID: f"s{index}"} for index in range(1_000)])
    marked, state = flag_duplicates(many, flag_duplicates(many.clear(), None)[1])
    assert marked[IS_DUPLICATE].to_list() == [False] * 1_000
    assert flag_duplicates(many, state)[0][IS_DUPLICATE].to_list() == [True] * 1_000
    assert flag_duplicates(many.clear(), state)[1].equals(state)
