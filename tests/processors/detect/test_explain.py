from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from processors.detect.alarm import ALARM, TELLING
from processors.detect.explain import explained

MONDAY = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


def told(**values: Any) -> str:
    alarm = {"observedAt": MONDAY, "measure": "humidityPct", "kind": "spike", "score": 9.0} | values
    (text,) = explained(pl.DataFrame([alarm], schema=ALARM))["explanation"]
    return str(text)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (
            {"value": 91.04, "expectedLow": 38.0, "expectedHigh": 52.26, "kind": "surprise", "score": 14.0},
            "humidity 91 %, usually 38 to 52.3 %; 14 bits: rare for this sensor",
        ),
        (
            {
                "value": 91.0,
                "expectedLow": 38.0,
                "expectedHigh": 52.0,
                "kind": "surprise",
                "score": 14.0,
                "context": "mean of ten steps, Mondays 9 to 10 h UTC",
            },
            (
                "humidity 91 %, usually 38 to 52 % (mean of ten steps, Mondays 9 to 10 h UTC); "
                "14 bits: rare for this sensor"
            ),
        ),
        (
            {"measure": "pressurePa", "value": 101_325.6, "expectedLow": 1e5, "expectedHigh": 101_000.4},
            "pressure 101326 Pa, usually 100000 to 101000 Pa; 9 standard deviations from the median of late",
        ),
        (
            {"measure": "voltageV", "value": -0.001, "kind": "stuck", "score": 120.0},
            "voltage 0 V; the same in 120 readings",
        ),
        (
            {
                "measure": "intervalS",
                "kind": "gap",
                "value": 61.0,
                "expectedLow": 0.0,
                "expectedHigh": 10.0,
                "score": 61.0,
            },
            "interval 61 s, usually 0 to 10 s; 61 times the usual interval, and no reading in between",
        ),
        (
            {"measure": "vibrationMmS", "kind": "noise", "value": 1.234, "score": 2.66},
            "vibration 1.23 mm/s; 2.7 times as noisy as usual",
        ),
        (
            {
                "measure": "joint",
                "kind": "joint",
                "value": 17.3,
                "score": 17.3,
                "context": "above all temperatureC and voltageV",
            },
            "measures together 17.3 (above all temperature and voltage); 17.3 bits: rare in this combination",
        ),
    ],
)
def test_an_alarm_in_words(values: dict[str, Any], text: str) -> None:
    assert told(**values) == text


@pytest.mark.parametrize("kind", TELLING)
def test_every_kind_says_why(kind: str) -> None:
    text = told(kind=kind, value=1.0)
    assert len(text.partition("; ")[2]) > 10
    assert "{" not in text


def test_half_of_what_is_usual_is_not_said() -> None:
    assert told(value=91.0, expectedLow=38.0) == "humidity 91 %; 9 standard deviations from the median of late"


def test_a_value_that_is_not_known_is_not_said() -> None:
    assert told(measure="joint", kind="joint", score=20.0) == "measures together; 20 bits: rare in this combination"


def test_nothing() -> None:
    assert explained(pl.DataFrame(schema=ALARM)).schema == pl.Schema({**ALARM, "explanation": pl.String()})
