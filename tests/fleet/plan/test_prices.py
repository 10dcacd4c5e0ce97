"""Prices, and what is said of a file that has none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fleet.errors import PriceError
from fleet.plan.prices import PUBLISHED, Prices, read


def written(path: Path, **changes: Any) -> Path:
    told = {**json.loads(PUBLISHED.read_text()), **changes}
    path.write_text(json.dumps({name: value for name, value in told.items() if value is not ...}, indent=2))
    return path


def test_the_published_prices_have_a_date_and_a_source() -> None:
    prices = read()
    assert (prices.serverless, prices.manual, prices.autoscale, prices.storage) == (0.25, 0.008, 0.012, 0.25)
    assert (prices.date, prices.currency) == ("2022-03-31", "USD")
    assert prices.source.startswith("https://learn.microsoft.com/")


def test_prices_of_ones_own(tmp_path: Path) -> None:
    own = read(written(tmp_path / "own.json", currency="EUR", storagePerGbAndMonth=0, date="2026-11-01"))
    assert own == Prices(
        date="2026-11-01",
        source=read().source,
        region=read().region,
        currency="EUR",
        serverless=0.25,
        manual=0.008,
        autoscale=0.012,
        storage=0.0,
    )


@pytest.mark.parametrize(
    ("changes", "line", "said"),
    [
        ({"storagePerGbAndMonth": "0,25"}, 10, 'expected a number of 0 or more, found "0,25"'),
        ({"manualPer100RequestUnitsPerSecondAndHour": -1}, 8, "expected a number of 0 or more, found -1"),
        ({"serverlessPerMillionRequestUnits": True}, 7, "expected a number of 0 or more, found true"),
        ({"serverlessPerMillionRequestUnits": 10**400}, 7, "expected a number of 0 or more, found 1000"),
        ({"schemaVersion": True}, 2, "expected 1, found true"),
        ({"date": "March"}, 3, 'expected a date such as 2026-01-31, found "March"'),
        ({"schemaVersion": 2}, 2, "expected 1, found 2"),
        ({"discount": 5}, 11, "there is no such price"),
    ],
)
def test_a_wrong_value_is_told_with_its_line(tmp_path: Path, changes: dict[str, Any], line: int, said: str) -> None:
    path = written(tmp_path / "own.json", **changes)
    (name,) = changes
    with pytest.raises(PriceError) as raised:
        read(path)
    assert f"line {line}, {name}: {said}" in str(raised.value)
    assert str(path) in str(raised.value)
    assert raised.value.exit_code == 2


def test_a_missing_price_is_told(tmp_path: Path) -> None:
    with pytest.raises(PriceError, match="storagePerGbAndMonth is missing, expected a number of 0 or more"):
        read(written(tmp_path / "own.json", storagePerGbAndMonth=...))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{\n "date": "2026-01-01",\n "source" "x"}', "line 3, column 11: Expecting ':' delimiter"),
        ("[]", "line 1: expected an object with schemaVersion, date"),
        ("[" * 100_000, "recursion"),
        ('{"storagePerGbAndMonth": NaN}', "found NaN"),
        ('{"storagePerGbAndMonth": Infinity}', "found Infinity"),
    ],
)
def test_what_is_no_object_of_prices(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "own.json"
    path.write_text(text)
    with pytest.raises(PriceError) as raised:
        read(path)
    assert said in str(raised.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(PriceError, match="No such file"):
        read(tmp_path / "none.json")
    (tmp_path / "odd.json").write_bytes(b'{"date": "\xff"}')
    with pytest.raises(PriceError, match="byte 11 is not UTF-8"):
        read(tmp_path / "odd.json")
