"""Sensors, plans and times of the simulator, and the rows it wrote."""

import sqlite3
from datetime import UTC, datetime, timedelta

import numpy as np

from sensors import waveform
from sensors.faults import Faults
from sensors.simulator import Plan, fleet_of

MIDNIGHT = datetime(2026, 11, 20, tzinfo=UTC)
MEASURES = ", ".join(waveform.MEASURES)


def rows_of(path, columns="*"):
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        rows = connection.execute(f"SELECT {columns} FROM sensor_readings ORDER BY id").fetchall()
    connection.close()
    return rows


def plan_of(hours=1.0, period_s=5.0, start=MIDNIGHT, share=0.0, **broken):
    return Plan(start, start + timedelta(hours=hours), period_s, share, Faults(**broken))


def sensor_of(city="denver", number=1, seed=7):
    return fleet_of(city, number, seed)[-1]


def times_of(count, period_ms=5_000, start=MIDNIGHT):
    return int(start.timestamp() * 1000) + np.arange(count, dtype=np.int64) * period_ms
