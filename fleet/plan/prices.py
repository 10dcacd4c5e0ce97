"""Prices, as they are in a file: `prices.json` beside this one, or the user's own."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from fleet.errors import PriceError

PUBLISHED = Path(__file__).with_name("prices.json")
"""Published list prices, with their date and source."""

VERSION = 1
"""Of the file."""

_TEXTS = ("date", "source", "region", "currency")
_AMOUNTS = (
    "serverlessPerMillionRequestUnits",
    "manualPer100RequestUnitsPerSecondAndHour",
    "autoscalePer100RequestUnitsPerSecondAndHour",
    "storagePerGbAndMonth",
)
_NAMES = ("schemaVersion", *_TEXTS, *_AMOUNTS)


@dataclass(frozen=True)
class Prices:
    """Prices of one account, in its currency.

    Attributes:
        date: Of the prices, ISO 8601.
        source: Where they are from.
        region: Of which place.
        currency: Such as USD.
        serverless: Of a million request units.
        manual: Of 100 RU/s for an hour.
        autoscale: Likewise, of what was scaled to.
        storage: Of a GB for a month.
    """

    date: str
    source: str
    region: str
    currency: str
    serverless: float
    manual: float
    autoscale: float
    storage: float


def read(path: Path = PUBLISHED) -> Prices:
    """The prices of a file.

    Raises:
        PriceError: It cannot be read, is no JSON, or lacks a price; the error says which line, and what belongs there.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise _refused(path, error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise _refused(path, f"byte {error.start + 1} is not UTF-8") from error
    try:
        told = json.loads(text)
    except json.JSONDecodeError as error:
        raise _refused(path, f"line {error.lineno}, column {error.colno}: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise _refused(path, str(error)) from error
    problems = _problems(told, text)
    if problems:
        raise _refused(path, "; ".join(problems))
    serverless, manual, autoscale, storage = (float(told[name]) for name in _AMOUNTS)
    return Prices(
        date=told["date"],
        source=told["source"],
        region=told["region"],
        currency=told["currency"],
        serverless=serverless,
        manual=manual,
        autoscale=autoscale,
        storage=storage,
    )


def _problems(told: Any, text: str) -> list[str]:
    if not isinstance(told, dict):
        return [f"line 1: expected an object with {', '.join(_NAMES)}"]
    if "schemaVersion" in told and not _is_right("schemaVersion", told["schemaVersion"]):
        return [f"{_where('schemaVersion', text)}: expected {VERSION}, found {_shown(told['schemaVersion'])}"]
    problems = [f"{_where(name, text)}: there is no such price" for name in told if name not in _NAMES]
    for name in _NAMES:
        if name not in told:
            problems.append(f"{name} is missing, expected {_expected(name)}")
        elif not _is_right(name, told[name]):
            problems.append(f"{_where(name, text)}: expected {_expected(name)}, found {_shown(told[name])}")
    return problems


def _is_right(name: str, value: Any) -> bool:
    if name in _AMOUNTS:
        return type(value) in (int, float) and _is_amount(value)
    if name == "schemaVersion":
        return type(value) is int and value == VERSION
    return isinstance(value, str) and value != "" and (name != "date" or _is_date(value))


def _is_amount(value: float) -> bool:
    try:
        return math.isfinite(value) and value >= 0
    except OverflowError:  # a whole number of more digits than a price can have
        return False


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _expected(name: str) -> str:
    if name in _AMOUNTS:
        return "a number of 0 or more"
    return {"schemaVersion": str(VERSION), "date": "a date such as 2026-01-31"}.get(name, "a text")


def _where(name: str, text: str) -> str:
    """`line 7, currency`: the first line in which the name is written as JSON has it."""
    before, found, _ = text.partition(json.dumps(name, ensure_ascii=False))
    return f"line {before.count(chr(10)) + 1}, {name}" if found else name


def _shown(value: Any) -> str:
    return json.dumps(value)[:40]


def _refused(path: Path, why: str) -> PriceError:
    return PriceError(
        "read prices",
        str(path),
        why=why,
        hint="take the form of fleet/plan/prices.json (docs/cost.md), or leave it out",
    )
