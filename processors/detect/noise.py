"""Noisier than the sensor is."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from processors.detect import blocks
from processors.detect.blocks import NO, USUAL
from processors.detect.contract import Judged, findings
from processors.detect.exact import ratio
from processors.detect.spike import SMALLEST_SPREAD
from processors.schema import MEASURE_NAMES, OBSERVED_AT, SENSOR_ID

WINDOW_ROWS = 60
"""Rows whose changes are averaged: the row scored and those before it."""

WARM_UP_BLOCKS = 6
"""Fewer blocks that are known say nothing."""

USUAL_SHARE = 0.9
"""Share of the blocks remembered that are at most as noisy as what is called usual."""

MOST = 4.0
"""A change counts as this many times the usual at most: one spike is two changes among many."""

MEDIAN_TO_MEAN = 1.183
"""Mean over median of the absolute values of a normal distribution: sqrt(2 / pi) / 0.6745."""


class Noise:
    """Score: mean change from row to row, in those that are usual.

    Usual is what nine of ten of the last `blocks.MEMORY_BLOCKS` blocks stay below, so that a sensor that is noisy by
    turns is not noisy. A change is between a value and that of the row before: unknown where one of them is.
    """

    kind = "noise"
    version = 1
    carries: Mapping[str, pl.DataType] = blocks.CARRIES
    in_bits = False

    def __init__(self, threshold: float):
        self.threshold = threshold

    def judge(self, rows: pl.DataFrame, state: pl.DataFrame) -> Judged:
        """See `contract.Detector`."""
        seen = blocks.seen(rows, state)
        changed = blocks.changes(seen)
        learned = blocks.blocks(changed, state)
        usual = learned.with_columns(_usual(name) for name in MEASURE_NAMES)
        ratios = {name: ratio(pl.col(name), pl.col(name + USUAL)).clip(upper_bound=MOST) for name in MEASURE_NAMES}
        measured = blocks.measured(blocks.beside(changed, usual), ratios)
        scores = blocks.means(measured, WINDOW_ROWS)
        found = [
            findings(rows, scores[name], measure=name, kind=self.kind, threshold=self.threshold)
            for name in MEASURE_NAMES
        ]
        carried = seen.select(SENSOR_ID, NO, OBSERVED_AT, *MEASURE_NAMES).hstack(measured.select(pl.col("^.*!ratio$")))
        return Judged(scores, pl.concat(found), blocks.following(carried, learned, WINDOW_ROWS))


def _usual(name: str) -> pl.Expr:
    """What is usual after each block; null during the warm-up."""
    share = blocks.rolling_share(name, USUAL_SHARE, WARM_UP_BLOCKS) * MEDIAN_TO_MEAN
    at_least = pl.max_horizontal(share, pl.lit(SMALLEST_SPREAD[name]))
    return pl.when(share.is_not_null()).then(at_least).alias(name + USUAL)
