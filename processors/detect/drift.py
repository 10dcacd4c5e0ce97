"""Away from where the sensor was, further than it usually wanders."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from processors.detect import blocks
from processors.detect.blocks import LEVEL, USUAL
from processors.detect.contract import Judged, findings
from processors.detect.exact import ratio
from processors.detect.spike import SMALLEST_SPREAD
from processors.schema import MEASURE_NAMES, SENSOR_ID

WINDOW_ROWS = 30
"""Rows that must be away on average: the row scored and those before it."""

LEVEL_BLOCKS = 10
"""Blocks before the row's own whose median is where the sensor was."""

WARM_UP_BLOCKS = 10
"""Fewer blocks whose wandering is known say nothing."""

USUAL_SHARE = 0.9
"""Share of the blocks remembered that wandered at most as far as what is called usual."""

MOST = 15.0
"""A row counts as this far away at most: a spike is one row among many."""


class Drift:
    """Score: distance of the last rows from the level before, in the distances that blocks usually have from theirs.

    What nine of ten of the last `blocks.MEMORY_BLOCKS` blocks stayed below is usual: it follows daily cycles where
    blocks are hours, and is little more than the noise of a median where they are seconds.
    """

    kind = "drift"
    version = 1
    carries: Mapping[str, pl.DataType] = blocks.CARRIES
    in_bits = False

    def __init__(self, threshold: float):
        self.threshold = threshold

    def judge(self, rows: pl.DataFrame, state: pl.DataFrame) -> Judged:
        """See `contract.Detector`."""
        seen = blocks.seen(rows, state)
        learned = _wandering(blocks.blocks(seen, state))
        usual = learned.with_columns(
            *(_median(name).alias(name) for name in MEASURE_NAMES), *(_usual(name) for name in MEASURE_NAMES)
        )
        away = {
            name: ratio(pl.col(name) - pl.col(name + LEVEL), pl.col(name + USUAL)).clip(-MOST, MOST)
            for name in MEASURE_NAMES
        }
        measured = blocks.measured(blocks.beside(seen, usual), away)
        scores = blocks.means(measured, WINDOW_ROWS).select(pl.all().abs())
        expected = blocks.in_order(measured, [name + part for name in MEASURE_NAMES for part in (LEVEL, USUAL)])
        found = [
            findings(
                rows,
                scores[name],
                measure=name,
                kind=self.kind,
                threshold=self.threshold,
                low=expected[name + LEVEL] - self.threshold * expected[name + USUAL],
                high=expected[name + LEVEL] + self.threshold * expected[name + USUAL],
            )
            for name in MEASURE_NAMES
        ]
        return Judged(
            scores,
            pl.concat(found),
            blocks.following(measured.drop(name + USUAL for name in MEASURE_NAMES), learned, WINDOW_ROWS),
        )


def _wandering(learned: pl.DataFrame) -> pl.DataFrame:
    """The blocks with how far each is from the level before it."""
    return learned.with_columns(
        pl.coalesce(name + USUAL, (pl.col(name) - _median(name).shift(1).over(SENSOR_ID)).abs()).alias(name + USUAL)
        for name in MEASURE_NAMES
    )


def _median(name: str) -> pl.Expr:
    return pl.col(name).rolling_median(LEVEL_BLOCKS, min_samples=LEVEL_BLOCKS // 2).over(SENSOR_ID)


def _usual(name: str) -> pl.Expr:
    """How far blocks wander, as is usual after each block; null during the warm-up."""
    share = blocks.rolling_share(name + USUAL, USUAL_SHARE, WARM_UP_BLOCKS)
    at_least = pl.max_horizontal(share, pl.lit(SMALLEST_SPREAD[name]))
    return pl.when(share.is_not_null()).then(at_least).alias(name + USUAL)
