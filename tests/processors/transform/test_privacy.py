from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl
import pytest

from processors.schema import DESCRIPTIONS
from processors.transform.privacy import Privacy, sanitize

Build = Callable[[Sequence[Mapping[str, Any]]], pl.DataFrame]

KEY = b"a key"
HIDEABLE = [field.name for field in DESCRIPTIONS]


def digest(text: str, key: bytes = KEY) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32]


@pytest.mark.parametrize(
    ("decimals", "expected"), [(0, (40.0, -105.0)), (2, (39.74, -104.99)), (8, (39.7392358, -104.990251))]
)
def test_coordinates_are_rounded(conformed: Build, decimals: int, expected: tuple[float, float]) -> None:
    rows = conformed([{"latitude": 39.7392358, "longitude": -104.990251}, {}])
    hidden = sanitize(rows, Privacy(coordinate_decimals=decimals))
    assert hidden.select("latitude", "longitude").rows() == [expected, (None, None)]
    assert hidden.drop("latitude", "longitude").equals(rows.drop("latitude", "longitude"))


def test_dropped_fields_are_gone_and_no_others(conformed: Build) -> None:
    rows = conformed([{"serialNumber": "S1", "latitude": 1.0}])
    assert set(rows.columns) - set(sanitize(rows, Privacy(drop=("serialNumber", "latitude"))).columns) == {
        "serialNumber",
        "latitude",
    }


def test_a_hash_is_keyed_and_null_stays_null(conformed: Build) -> None:
    values = ["S1", "S2", "S1", None, "", "\u00e9\U0001f600\0"]
    rows = conformed([{"serialNumber": value} for value in values])
    hidden = sanitize(rows, Privacy(hash=("serialNumber",), hash_key=KEY))["serialNumber"].to_list()
    assert hidden == [None if value is None else digest(value) for value in values]
    other = sanitize(rows, Privacy(hash=("serialNumber",), hash_key=b"another"))["serialNumber"].to_list()
    assert other[0] == digest("S1", b"another") != hidden[0]


@pytest.mark.parametrize("name", HIDEABLE)
def test_every_field_that_can_be_hidden_can_be_hashed_or_dropped(conformed: Build, name: str) -> None:
    value = {"text": "x", "integer": 7, "real": 39.7392358}[next(f.kind for f in DESCRIPTIONS if f.name == name)]
    rows = conformed([{name: value}, {}])
    assert sanitize(rows, Privacy(hash=(name,), hash_key=KEY))[name].to_list() == [digest(str(value)), None]
    assert name not in sanitize(rows, Privacy(drop=(name,))).columns


def test_a_hash_does_not_depend_on_the_page(conformed: Build) -> None:
    rows = conformed([{"model": value} for value in ("b", None, "a", "b")])
    privacy = Privacy(hash=("model",), hash_key=KEY)
    assert sanitize(rows, privacy).equals(pl.concat([sanitize(rows[:1], privacy), sanitize(rows[1:], privacy)]))


@pytest.mark.parametrize("rows", [[], [{}]])
def test_nothing_to_hide(conformed: Build, rows: list[dict[str, Any]]) -> None:
    hidden = sanitize(conformed(rows), Privacy(drop=("model",), hash=("serialNumber", "statusCode"), hash_key=KEY))
    assert len(hidden) == len(rows)
    assert hidden["statusCode"].to_list() == [None] * len(rows)


def test_the_key_is_not_shown() -> None:
    assert "a key" not in repr(Privacy(hash_key=KEY))
