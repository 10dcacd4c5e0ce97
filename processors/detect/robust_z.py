"""Far from the sensor's own median of late."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from processors.schema import MEASURE_NAMES, SENSOR_ID

WINDOW_ROWS = 120
"""Rows of the sensor that the median and the spread are taken from: those just before the row scored."""

WARM_UP_ROWS = 30
"""Fewer known values than this in the window say nothing."""

MAD_TO_SIGMA = 1.4826
"""Makes the median absolute deviation an estimate of a normal distribution's standard deviation.

Rousseeuw and Croux (1993), "Alternatives to the median absolute deviation", doi:10.1080/01621459.1993.10476408.
"""

SMALLEST_SPREAD: Mapping[str, float] = {
    "temperatureC": 0.05,
    "humidityPct": 0.2,
    "pressurePa": 5.0,
    "vibrationMmS": 0.02,
    "voltageV": 0.005,
}
"""Floor of the spread, about a sensor's resolution: a flat stretch must not make the next digit an anomaly."""

_DEVIATION = "!deviation"


class RobustZ:
    """Score: distance from the median of the rows before, in robust standard deviations.

    The spread is the median of the deviations that those rows had from their own medians.
    """

    kind = "robust_z"

    def __init__(self, threshold: float):
        self.threshold = threshold

    def score(self, rows: pl.DataFrame, state: pl.DataFrame | None) -> tuple[pl.DataFrame, pl.DataFrame]:
        """See `detect.Detector`; the state is the last `WINDOW_ROWS` rows of each sensor with their deviations."""
        names = MEASURE_NAMES
        values = rows.select(SENSOR_ID, *names, *(pl.lit(None, pl.Float64).alias(name + _DEVIATION) for name in names))
        seen = values if state is None else pl.concat([state, values])
        medians = seen.select(_before(name).over(SENSOR_ID) for name in names)
        seen = seen.with_columns(
            pl.coalesce(name + _DEVIATION, (pl.col(name) - medians[name]).abs()).alias(name + _DEVIATION)
            for name in names
        )
        spreads = seen.select(_before(name + _DEVIATION).over(SENSOR_ID) for name in names)
        scores = seen.select(
            (
                (pl.col(name) - medians[name]).abs()
                / pl.max_horizontal(spreads[name + _DEVIATION] * MAD_TO_SIGMA, _floor(name, spreads))
            ).alias(name)
            for name in names
        )
        return (
            scores.tail(len(rows)),
            seen.group_by(SENSOR_ID, maintain_order=True).tail(WINDOW_ROWS).select(seen.columns),
        )


def _before(column: str) -> pl.Expr:
    """Median of the rows before each row; null during the warm-up."""
    return pl.col(column).rolling_median(WINDOW_ROWS, min_samples=WARM_UP_ROWS).shift(1)


def _floor(name: str, spreads: pl.DataFrame) -> pl.Series:
    """The smallest spread where there is a spread at all: unknown stays unknown."""
    known = spreads[name + _DEVIATION].is_not_null()
    return spreads.select(pl.when(known).then(SMALLEST_SPREAD[name])).to_series()
