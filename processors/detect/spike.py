"""Far from the sensor's own median of late."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from processors.detect import blocks
from processors.detect.blocks import IS_BLOCK, LEVEL, NO
from processors.detect.contract import Judged, findings
from processors.detect.exact import ratio
from processors.schema import MEASURE_NAMES, OBSERVED_AT, SENSOR_ID

WINDOW_ROWS = 15
"""Rows of the sensor that the median is taken from: those just before the row scored."""

KNOWN_ROWS = 8
"""Fewer known values in the window say nothing."""

WARM_UP_BLOCKS = 4
"""Fewer blocks that are known say nothing."""

USUAL_SHARE = 0.9
"""Share of the blocks remembered whose greatest deviation is at most what is called usual."""

GREATEST_OF_BLOCK = 3.07
"""Standard deviations that the greatest of 30 normal deviations stays below in nine of ten blocks: the c for which
(2 Phi(c) - 1)^30 = 0.9 is 2.92, and deviations from a median of 15 values have a variance of 1 + pi / 2 / 15."""

SMALLEST_SPREAD: Mapping[str, float] = {
    "temperatureC": 0.05,
    "humidityPct": 0.2,
    "pressurePa": 5.0,
    "vibrationMmS": 0.02,
    "voltageV": 0.005,
}
"""Floor of the spread, about a sensor's resolution: a flat stretch must not make the next digit an anomaly."""


KEPT_ROWS = WINDOW_ROWS + blocks.BLOCK_ROWS
"""Rows carried: those of a block that is not whole, and the window of its first one."""


class Spike:
    """Score: distance from the median of the rows before, in standard deviations.

    Those are told by the greatest deviation of each block that nine of ten of the last `blocks.MEMORY_BLOCKS` blocks
    stay below: what happens every few blocks is usual, also where deviations are not normal.
    """

    kind = "spike"
    version = 1
    carries: Mapping[str, pl.DataType] = {
        SENSOR_ID: pl.String(),
        IS_BLOCK: pl.Boolean(),
        NO: pl.Int64(),
        OBSERVED_AT: pl.Datetime("us", "UTC"),
        **{name: pl.Float64() for name in MEASURE_NAMES},
    }
    in_bits = False

    def __init__(self, threshold: float):
        self.threshold = threshold

    def judge(self, rows: pl.DataFrame, state: pl.DataFrame) -> Judged:
        """See `contract.Detector`."""
        seen = blocks.seen(rows, state)
        medians = seen.select(_before(name).alias(name + "!median") for name in MEASURE_NAMES)
        deviations = seen.hstack(medians).with_columns(
            (pl.col(name) - pl.col(name + "!median")).abs() for name in MEASURE_NAMES
        )
        learned = blocks.blocks(deviations, state, pl.Expr.max)
        spreads = learned.with_columns(_spread(name) for name in MEASURE_NAMES)
        told = blocks.in_order(
            blocks.beside(deviations, spreads),
            [name + part for name in MEASURE_NAMES for part in ("", "!median", LEVEL)],
        )
        scores = told.select(ratio(pl.col(name), pl.col(name + LEVEL)) for name in MEASURE_NAMES)
        found = [
            findings(
                rows,
                scores[name],
                measure=name,
                kind=self.kind,
                threshold=self.threshold,
                low=told[name + "!median"] - self.threshold * told[name + LEVEL],
                high=told[name + "!median"] + self.threshold * told[name + LEVEL],
            )
            for name in MEASURE_NAMES
        ]
        return Judged(scores, pl.concat(found), blocks.following(seen, learned, KEPT_ROWS, self.carries))


def _before(name: str) -> pl.Expr:
    """Median of the rows before each row; null where too few are known."""
    return pl.col(name).rolling_median(WINDOW_ROWS, min_samples=KNOWN_ROWS).shift(1).over(SENSOR_ID)


def _spread(name: str) -> pl.Expr:
    """The standard deviation after each block, not below the floor; unknown stays unknown."""
    share = blocks.rolling_share(name, USUAL_SHARE, WARM_UP_BLOCKS) * (1 / GREATEST_OF_BLOCK)
    return pl.when(share.is_not_null()).then(pl.max_horizontal(share, pl.lit(SMALLEST_SPREAD[name]))).alias(name)
