"""How rare a step is for its sensor, in bits: histograms learned as the rows come.

For each series (a measure of a sensor) each step (`steps`) is looked at by its features (`features`), each on a grid
that the first steps fix (`grid`), and its surprise is -log2 of the share of earlier steps in the same bin (`counts`),
the mean over features and grids. Alerts are few (`rare`), and say what was usual (`usual`).

Measured against published detectors in docs/anomalies.md.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from processors.detect.contract import FINDING, Judged
from processors.detect.rare import MEMORY, rare
from processors.detect.surprise.lesson import LEARNED, NOTHING, SCORE, learn
from processors.detect.surprise.steps import OPEN, SERIES, known, steps
from processors.detect.surprise.usual import usual
from processors.schema import MEASURE_NAMES, SENSOR_ID

SILENCE_STEPS = 100


class Surprise:
    """Score: bits of a step; the rows that do not end one are unknown, as are the steps of the warm-up."""

    kind = "surprise"
    version = 1
    in_bits = False

    def __init__(self, threshold_bits: float):
        self.threshold = threshold_bits

    @property
    def carries(self) -> Mapping[str, pl.DataType]:
        """One row for each series: what is open, what it has learned, and its alerts of late."""
        return {SENSOR_ID: pl.String(), "measure": pl.String(), **OPEN, **LEARNED, **MEMORY}

    def judge(self, rows: pl.DataFrame, state: pl.DataFrame) -> Judged:
        """See `contract.Detector`."""
        values = known(rows)
        numbers = values.select(SERIES).unique(maintain_order=True).with_row_index("series")
        mine = numbers.join(state, on=SERIES, how="left", maintain_order="left").with_columns(
            *(pl.col(name).fill_null(pl.lit(blank, self.carries[name])) for name, blank in NOTHING.items()),
            pl.col("alerts").fill_null(0.0),
        )
        left = values.join(numbers, on=SERIES, maintain_order="left")
        ended, following = steps(left, mine)
        at_once = rows.select(pl.sum_horizontal(pl.col(name).is_not_null() for name in MEASURE_NAMES)).to_series()
        own = mine.select("series", *LEARNED)
        memory = mine.select("series", *MEMORY)
        scores, found = [], [pl.DataFrame(schema=FINDING)]
        while not ended.is_empty():
            lesson = learn(ended, own)
            scores.append(lesson.steps.select("series", "row", SCORE).filter(pl.col(SCORE).is_not_null()))
            alerts, memory = self._alerts(
                lesson.steps.join(own.select("series", "before"), on="series"), memory, at_once
            )
            own, ended = lesson.series, lesson.rest
            found.append(self._findings(usual(alerts, lesson).join(numbers, on="series", maintain_order="left")))
        state_now = (
            mine.select("series", *SERIES)
            .join(following, on="series", maintain_order="left")
            .join(own, on="series", maintain_order="left")
            .join(memory, on="series", maintain_order="left")
            .select(*self.carries)
        )
        others = state.join(numbers, on=SERIES, how="anti", maintain_order="left")
        return Judged(_wide(scores, numbers, len(rows)), pl.concat(found), pl.concat([others, state_now]).sort(SERIES))

    def _alerts(
        self, judged: pl.DataFrame, memory: pl.DataFrame, at_once: pl.Series
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The steps that are alerts, each with the `threshold` it reached, and the memory after them.

        Of several measures that are looked at together each must be rarer, by as many bits as make it as rare for one
        of them to be found by chance as it is for one alone (Bonferroni's correction).
        """
        new = judged.filter(pl.col(SCORE).is_not_null())
        together = at_once.gather(new["row"]).cast(pl.Float64)
        told = new.with_columns(no=pl.col("before") + pl.col("number"), threshold=self.threshold + together.log(2))
        candidates = told.with_columns(excess=pl.col(SCORE) - pl.col("threshold")).filter(pl.col("excess") >= 0)
        return rare(candidates, memory, by=["series"], silence=SILENCE_STEPS)

    def _findings(self, alerts: pl.DataFrame) -> pl.DataFrame:
        return alerts.with_columns(kind=pl.lit(self.kind)).select(*FINDING).cast(FINDING)  # type: ignore[arg-type]


def _wide(scores: list[pl.DataFrame], numbers: pl.DataFrame, rows: int) -> pl.DataFrame:
    """One column a measure, one row a row."""
    every = pl.DataFrame({"row": pl.int_range(rows, dtype=pl.UInt32, eager=True)})
    empty = pl.DataFrame(schema={"series": pl.UInt32, "row": pl.UInt32, SCORE: pl.Float64})
    named = pl.concat([empty, *scores]).join(numbers, on="series")
    columns = [
        every.join(named.filter(pl.col("measure") == name), on="row", how="left", maintain_order="left")[SCORE].alias(
            name
        )
        for name in MEASURE_NAMES
    ]
    return pl.DataFrame(columns)
