"""Tables of three kinds: what sensors measure moves smoothly, is noisy, or stays and then steps."""

from __future__ import annotations

import math
import random
from datetime import datetime, timedelta
from typing import Literal, get_args

from tests.harness.databases import START, Row

Kind = Literal["smooth", "noisy", "stepwise"]
KINDS: tuple[Kind, ...] = get_args(Kind)

USUAL = {"temperature": 20.0, "humidity": 45.0, "pressure": 101_300.0, "vibration": 1.0, "voltage": 12.0}
SWING = {"temperature": 6.0, "humidity": 15.0, "pressure": 400.0, "vibration": 0.4, "voltage": 0.3}
NOISE = {"temperature": 0.2, "humidity": 0.8, "pressure": 25.0, "vibration": 0.05, "voltage": 0.02}
DECIMALS = {"temperature": 2, "humidity": 2, "pressure": 1, "vibration": 3, "voltage": 3}

BOUNDS = {"temperatureC": 0.5, "humidityPct": 2.0, "pressurePa": 50.0, "vibrationMmS": 0.1, "voltageV": 0.05}
"""Measure -> error that somebody may allow."""

_STEP = 0.005


def rows_of(
    kind: Kind,
    count: int,
    *,
    seed: int,
    sensors: int = 2,
    period_s: float = 5.0,
    start: datetime = START,
    wild_share: float = 0.0005,
) -> list[Row]:
    """Rows of sensors in turn, each with a reading in so many seconds; some are wild, some without a value."""
    dice = random.Random(f"{kind} {seed}")
    names = [f"s{number}" for number in range(sensors)]
    phases = {name: dice.uniform(0, 2 * math.pi) for name in names}
    levels = {name: dict(USUAL) for name in names}
    rows = []
    for number in range(count):
        name, at_s = names[number % sensors], number // sensors * period_s
        row: Row = {
            "timestamp": (start + timedelta(seconds=at_s)).isoformat(timespec="milliseconds"),
            "sensor_id": name,
            "status_code": 0,
            "firmware_version": "1.4" if number < count * 0.7 else "1.5",
            "model": "EnvMonitor",
            "location": "Denver",
            "latitude": 39.739236,
            "longitude": -104.990251,
        }
        wild = dice.random() < wild_share
        for measure, usual in USUAL.items():
            if kind == "stepwise":
                if dice.random() < _STEP:
                    levels[name][measure] = usual + SWING[measure] * dice.randint(-4, 4) / 4
                value = levels[name][measure]
            else:
                day, hour = at_s / 86_400, at_s / 3_600
                slow = math.sin(2 * math.pi * day + phases[name]) + 0.2 * math.sin(2 * math.pi * hour)
                value = usual + SWING[measure] * slow
            value += dice.gauss(0, NOISE[measure]) * (kind == "noisy") + 12 * SWING[measure] * wild
            row[measure] = None if dice.random() < wild_share else round(value, DECIMALS[measure])
        rows.append(row)
    return rows
