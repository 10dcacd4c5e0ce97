"""What measures are called where people read of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Word(NamedTuple):
    """How a measure is told.

    Attributes:
        name: Of the measure.
        unit: With a space before it.
        decimals: That a person reads.
    """

    name: str
    unit: str
    decimals: int


WORDS: Mapping[str, Word] = {
    "temperatureC": Word("temperature", " °C", 1),
    "humidityPct": Word("humidity", " %", 1),
    "pressurePa": Word("pressure", " Pa", 0),
    "vibrationMmS": Word("vibration", " mm/s", 2),
    "voltageV": Word("voltage", " V", 2),
}
"""Measure -> how it is told."""
