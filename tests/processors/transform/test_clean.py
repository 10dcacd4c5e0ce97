from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.schema import DESCRIPTIONS, SENSOR_ID, SOURCE_TIMESTAMP
from processors.transform.clean import clean

Build = Callable[[Sequence[Mapping[str, Any]]], pl.DataFrame]

TEXTS = [field.name for field in DESCRIPTIONS if field.kind == "text"]


@pytest.mark.parametrize("name", TEXTS)
def test_white_space_around_goes_and_nothing_is_null(conformed: Build, name: str) -> None:
    values = [" a b\t", "\u00a0x\n", "", "  \n", None, "0", "null"]
    cleaned = clean(conformed([{name: value} for value in values]))
    assert cleaned[name].to_list() == ["a b", "x", None, None, None, "0", "null"]


def test_identity_and_numbers_stay(conformed: Build) -> None:
    rows = conformed(
        [{SENSOR_ID: " s ", SOURCE_TIMESTAMP: " t ", "statusCode": 0, "latitude": 0.0, "temperatureC": None}]
    )
    assert clean(rows).equals(rows)


def test_nothing(conformed: Build) -> None:
    empty = conformed([])
    assert clean(empty).equals(empty)


@given(st.lists(st.none() | st.text(st.characters(codec="utf-8"), max_size=6), max_size=8))
@settings(deadline=None, max_examples=30)
def test_cleaning_twice_changes_nothing_more(conformed: Build, values: list[str | None]) -> None:
    once = clean(conformed([{"model": value} for value in values]))
    assert clean(once).equals(once)
    assert "" not in once["model"].to_list()
