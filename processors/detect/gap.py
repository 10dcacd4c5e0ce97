"""No reading for too long."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from processors.detect.contract import Judged, findings
from processors.detect.exact import ratio
from processors.schema import OBSERVED_AT, SENSOR_ID

MEASURE = "intervalS"

WINDOW_ROWS = 120
"""Intervals before that what is usual is taken from."""

WARM_UP_ROWS = 30
"""Fewer known intervals say nothing."""

USUAL_SHARE = 0.9
"""Share of the intervals that are at most as long as what is called usual."""


class Gap:
    """Score: seconds since the sensor's row before, in those that are usual; the first row after the gap has it.

    Usual is what nine of ten of the last `WINDOW_ROWS` intervals stay below, so that sampling that is irregular is not
    a gap. An interval of 0 (a duplicate) or below (a clock that was set back, a late row) scores 0 and teaches nothing,
    as does a first row, which is unknown.
    """

    kind = "gap"
    version = 1
    carries: Mapping[str, pl.DataType] = {
        SENSOR_ID: pl.String(),
        OBSERVED_AT: pl.Datetime("us", "UTC"),
        MEASURE: pl.Float64(),
    }
    in_bits = False

    def __init__(self, threshold: float):
        self.threshold = threshold

    def judge(self, rows: pl.DataFrame, state: pl.DataFrame) -> Judged:
        """See `contract.Detector`."""
        seen = pl.concat([state, rows.select(SENSOR_ID, OBSERVED_AT)], how="diagonal").with_columns(
            pl.col(OBSERVED_AT).diff().over(SENSOR_ID).dt.total_microseconds().truediv(1e6).alias("!since")
        )
        seen = seen.with_columns(pl.coalesce(MEASURE, "!since").alias(MEASURE))
        passed = pl.when(pl.col(MEASURE) > 0).then(pl.col(MEASURE))
        usual = passed.rolling_quantile(
            USUAL_SHARE, interpolation="nearest", window_size=WINDOW_ROWS, min_samples=WARM_UP_ROWS
        )
        told = seen.with_columns(usual.shift(1).over(SENSOR_ID).alias("!usual")).tail(len(rows))
        scores = told.select(ratio(pl.col(MEASURE).clip(lower_bound=0), pl.col("!usual")).alias(MEASURE))
        found = findings(
            rows,
            scores[MEASURE],
            measure=MEASURE,
            kind=self.kind,
            threshold=self.threshold,
            value=told[MEASURE],
            low=0.0,
            high=told["!usual"] * self.threshold,
        )
        following = seen.group_by(SENSOR_ID, maintain_order=True).tail(WINDOW_ROWS).select(*self.carries)
        return Judged(scores, found, following)
