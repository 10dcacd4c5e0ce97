"""Anomalies with the readings of their sensor around them."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from processors.schema import ALARM, IS_ANOMALY, SENSOR_ID

BEFORE = "before.1"
"""Name under which the last readings of each sensor are carried that have not left: an anomaly may follow."""

SINCE = "since.1"
"""Name under which it is carried how many readings each sensor had since its last anomaly, while they may matter."""

_NO = "!no"
_WAITED = "!waited"
_LAST = "!last"
_NEXT = "!next"


def around(
    rows: pl.DataFrame, carried: Mapping[str, pl.DataFrame], context_rows: int
) -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
    """Anomalies and the readings around them, of these rows and those before; and what to carry.

    Args:
        rows: In id order, with `isAnomaly` and `ALARM`.
        carried: What the call before returned.
        context_rows: Readings of its sensor before and after an anomaly that leave with it.
    """
    marked = rows.with_columns((pl.col(IS_ANOMALY).fill_null(value=False) | pl.col(ALARM)).alias(ALARM))
    before = carried.get(BEFORE, rows.clear())
    since = carried.get(SINCE, pl.DataFrame(schema={SENSOR_ID: pl.String, _LAST: pl.Int64}))
    # Numbers count from the sensor's first new reading on, so those that waited are below 0: they are its last ones.
    seen = pl.concat([before.with_columns(pl.lit(1).alias(_WAITED)), marked.with_columns(pl.lit(0).alias(_WAITED))])
    seen = seen.with_columns((pl.int_range(pl.len()) - pl.col(_WAITED).sum()).over(SENSOR_ID).alias(_NO))
    seen = seen.join(since, on=SENSOR_ID, how="left", maintain_order="left")
    anomaly = pl.when(ALARM).then(_NO)
    seen = seen.with_columns(
        pl.coalesce(anomaly.forward_fill().over(SENSOR_ID), -1 - pl.col(_LAST)).alias(_LAST),
        anomaly.backward_fill().over(SENSOR_ID).alias(_NEXT),
    )
    age = pl.col(_NO) - pl.col(_LAST)
    ahead = pl.col(_NEXT) - pl.col(_NO)
    near = pl.min_horizontal(age, ahead).fill_null(context_rows + 1) <= context_rows
    now = seen.group_by(SENSOR_ID, maintain_order=True).agg(age.last().alias(_LAST))
    still = since.join(now, on=SENSOR_ID, how="anti")
    waits = seen.group_by(SENSOR_ID, maintain_order=True).tail(context_rows).filter(~near)
    return (
        seen.filter(near).select(rows.columns),
        {BEFORE: waits.select(rows.columns), SINCE: pl.concat([still, now.filter(pl.col(_LAST) < context_rows)])},
    )
