"""The same value for too long."""

from __future__ import annotations

import polars as pl

from processors.schema import MEASURE_NAMES, SENSOR_ID


class Stuck:
    """Score: rows in a row, this one included, with exactly this value, counted anew after each alarm.

    So a sensor that stays stuck alarms once in every `threshold` rows. Nulls between equal values neither
    count nor end a run, and are unknown themselves.
    """

    kind = "stuck"

    def __init__(self, rows: int):
        self.threshold = float(rows)

    def score(self, rows: pl.DataFrame, state: pl.DataFrame | None) -> tuple[pl.DataFrame, pl.DataFrame]:
        """See `detect.Detector`; the state is each sensor's last known values and how long their runs are."""
        values = rows.select(SENSOR_ID, *MEASURE_NAMES).with_columns(
            pl.lit(None, pl.Int64).alias(_run(name)) for name in MEASURE_NAMES
        )
        seen = values if state is None else pl.concat([state, values])
        seen = seen.with_columns(pl.col(name).is_not_null().alias(_known(name)) for name in MEASURE_NAMES)
        seen = seen.with_columns(pl.col(*MEASURE_NAMES).forward_fill().over(SENSOR_ID))
        seen = seen.with_columns(self._length(name).alias(_run(name)) for name in MEASURE_NAMES)
        scores = seen.select(
            pl.when(_known(name)).then(pl.col(_run(name)).cast(pl.Float64)).alias(name) for name in MEASURE_NAMES
        )
        following = seen.select(values.columns).group_by(SENSOR_ID, maintain_order=True).last()
        return scores.tail(len(rows)), following

    def _length(self, name: str) -> pl.Expr:
        """Rows of the run so far, from 1 to `threshold` and then from 1 again; null before any known value."""
        value, carried = pl.col(name), pl.col(_run(name))
        counted = (pl.col(_known(name)) & carried.is_null()).cum_sum().cast(pl.Int64).over(SENSOR_ID)
        begins = value.is_not_null() & value.ne_missing(value.shift(1).over(SENSOR_ID))
        before = pl.when(carried.is_not_null()).then(-carried).when(begins).then(counted - 1)
        length = counted - before.forward_fill().over(SENSOR_ID)
        return (length - 1) % int(self.threshold) + 1


def _run(name: str) -> str:
    return name + "!run"


def _known(name: str) -> str:
    return name + "!known"
