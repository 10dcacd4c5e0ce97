"""Outside what the sensor can measure."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from processors.detect.contract import FINDING, Judged, findings
from processors.schema import MEASURE_NAMES, SENSOR_ID

DEFAULT_LIMITS: Mapping[str, tuple[float, float]] = {
    "temperatureC": (-40.0, 85.0),
    "humidityPct": (0.0, 100.0),
    "pressurePa": (30_000.0, 110_000.0),
    "vibrationMmS": (0.0, 50.0),
    "voltageV": (0.0, 36.0),
}
"""Measuring ranges of a common environmental sensor (Bosch BME280 data sheet, table 1), of ISO 10816 class
vibration transmitters, and of industrial 24 V supplies with their tolerance."""


THRESHOLD = 1e-9


class Limit:
    """Score: how far outside its limits a value is, in spans of the limits; 0 on and between them."""

    kind = "limit"
    version = 1
    carries: Mapping[str, pl.DataType] = {SENSOR_ID: pl.String()}
    in_bits = False

    def __init__(self, limits: Mapping[str, tuple[float, float]]):
        self._limits = {**DEFAULT_LIMITS, **limits}

    def judge(self, rows: pl.DataFrame, state: pl.DataFrame) -> Judged:
        """See `contract.Detector`; there is nothing to remember."""
        scores = rows.select(self._outside(name).alias(name) for name in MEASURE_NAMES)
        found = [
            findings(
                rows,
                scores[name],
                measure=name,
                kind=self.kind,
                threshold=THRESHOLD,
                low=self._limits[name][0],
                high=self._limits[name][1],
            )
            for name in MEASURE_NAMES
        ]
        return Judged(scores, pl.concat([pl.DataFrame(schema=FINDING), *found]), state)

    def _outside(self, name: str) -> pl.Expr:
        low, high = self._limits[name]
        value = pl.col(name)
        return pl.max_horizontal(low - value, value - high, pl.when(value.is_not_null()).then(0.0)) / (high - low)
