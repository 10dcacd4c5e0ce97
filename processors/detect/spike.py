"""Far from the sensor's own median of late."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from processors.detect.contract import Judged, findings
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


class Spike:
    """Score: distance from the median of the rows before, in robust standard deviations.

    The spread is the median of the deviations that those rows had from their own medians.
    """

    kind = "spike"
    version = 1
    in_bits = False

    def __init__(self, threshold: float):
        self.threshold = threshold

    @property
    def carries(self) -> Mapping[str, pl.DataType]:
        """The last `WINDOW_ROWS` rows of each sensor with their deviations."""
        deviations = {name + _DEVIATION: pl.Float64() for name in MEASURE_NAMES}
        return {SENSOR_ID: pl.String(), **{name: pl.Float64() for name in MEASURE_NAMES}, **deviations}

    def judge(self, rows: pl.DataFrame, state: pl.DataFrame) -> Judged:
        """See `contract.Detector`."""
        names = MEASURE_NAMES
        values = rows.select(SENSOR_ID, *names, *(pl.lit(None, pl.Float64).alias(name + _DEVIATION) for name in names))
        seen = pl.concat([state, values])
        medians = seen.select(_before(name).over(SENSOR_ID) for name in names)
        seen = seen.with_columns(
            pl.coalesce(name + _DEVIATION, (pl.col(name) - medians[name]).abs()).alias(name + _DEVIATION)
            for name in names
        )
        deviations = seen.select(_before(name + _DEVIATION).over(SENSOR_ID) for name in names)
        spreads = pl.DataFrame(_spread(name, deviations[name + _DEVIATION]) for name in names).tail(len(rows))
        medians = medians.tail(len(rows))
        scores = rows.select((pl.col(name) - medians[name]).abs() / spreads[name] for name in names)
        found = [
            findings(
                rows,
                scores[name],
                measure=name,
                kind=self.kind,
                threshold=self.threshold,
                low=medians[name] - self.threshold * spreads[name],
                high=medians[name] + self.threshold * spreads[name],
            )
            for name in names
        ]
        following = seen.group_by(SENSOR_ID, maintain_order=True).tail(WINDOW_ROWS).select(seen.columns)
        return Judged(scores, pl.concat(found), following)


def _before(column: str) -> pl.Expr:
    """Median of the rows before each row; null during the warm-up."""
    return pl.col(column).rolling_median(WINDOW_ROWS, min_samples=WARM_UP_ROWS).shift(1)


def _spread(name: str, deviations: pl.Series) -> pl.Series:
    """The standard deviation that the median deviations tell, not below the floor; unknown stays unknown."""
    at_least = pl.max_horizontal(deviations * MAD_TO_SIGMA, pl.lit(SMALLEST_SPREAD[name]))
    return pl.select(pl.when(deviations.is_not_null()).then(at_least).alias(name)).to_series()
