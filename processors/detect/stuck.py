"""The same value for too long."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from processors.detect.contract import Judged, findings
from processors.schema import MEASURE_NAMES, SENSOR_ID

LONGER = 2.0
"""Times the longest run that ended by itself: a sensor that often stays is not stuck when it does."""

MOST = 10.0
"""Times the threshold that a sensor may have been stuck before: a long failure does not hide the next one for ever."""


class Stuck:
    """Score: rows in a row, this one included, with exactly this value.

    Nulls between equal values neither count nor end a run, and are unknown themselves. The threshold of a sensor that
    had longer runs is `LONGER` times the longest.
    """

    kind = "stuck"
    version = 1
    in_bits = False

    def __init__(self, rows: float):
        self.threshold = rows

    @property
    def carries(self) -> Mapping[str, pl.DataType]:
        """Each sensor's last known values, how long their runs are, and its longest run that ended."""
        runs = {column(name): pl.Int64() for column in (_run, _longest) for name in MEASURE_NAMES}
        return {SENSOR_ID: pl.String(), **{name: pl.Float64() for name in MEASURE_NAMES}, **runs}

    def judge(self, rows: pl.DataFrame, state: pl.DataFrame) -> Judged:
        """See `contract.Detector`."""
        values = rows.select(SENSOR_ID, *MEASURE_NAMES).with_columns(
            pl.lit(None, pl.Int64).alias(column(name)) for column in (_run, _longest) for name in MEASURE_NAMES
        )
        seen = pl.concat([state, values])
        seen = seen.with_columns(pl.col(name).is_not_null().alias(_known(name)) for name in MEASURE_NAMES)
        seen = seen.with_columns(pl.col(*MEASURE_NAMES).forward_fill().over(SENSOR_ID))
        seen = seen.with_columns(_length(name).alias(_run(name)) for name in MEASURE_NAMES)
        seen = seen.with_columns(_ended(name).alias(_longest(name)) for name in MEASURE_NAMES)
        scores = seen.select(
            pl.when(_known(name)).then(pl.col(_run(name)).cast(pl.Float64)).alias(name) for name in MEASURE_NAMES
        ).tail(len(rows))
        thresholds = seen.select(
            (pl.col(_longest(name)) * LONGER).clip(self.threshold, self.threshold * MOST).alias(name)
            for name in MEASURE_NAMES
        ).tail(len(rows))
        found = [
            findings(rows, scores[name], measure=name, kind=self.kind, threshold=thresholds[name])
            for name in MEASURE_NAMES
        ]
        following = seen.select(values.columns).group_by(SENSOR_ID, maintain_order=True).last()
        return Judged(scores, pl.concat(found), following)


def _length(name: str) -> pl.Expr:
    """Rows of the run so far, from 1; null before any known value."""
    value, carried = pl.col(name), pl.col(_run(name))
    counted = (pl.col(_known(name)) & carried.is_null()).cum_sum().cast(pl.Int64)
    begins = value.is_not_null() & value.ne_missing(value.shift(1))
    before = pl.when(carried.is_not_null()).then(-carried).when(begins).then(counted - 1)
    return (counted - before.forward_fill()).over(SENSOR_ID)


def _ended(name: str) -> pl.Expr:
    """Rows of the longest run that has ended so far."""
    ended = pl.when(pl.col(_run(name)) == 1).then(pl.col(_run(name)).shift(1))
    return pl.coalesce(_longest(name), ended).fill_null(0).cum_max().over(SENSOR_ID)


def _longest(name: str) -> str:
    return name + "!longest"


def _run(name: str) -> str:
    return name + "!run"


def _known(name: str) -> str:
    return name + "!known"
