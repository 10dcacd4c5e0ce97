"""One alarm for an episode: when it has lasted, and not again before it has been quiet for long."""

from __future__ import annotations

import polars as pl

from processors.neighbours.state import EPISODES
from processors.neighbours.usual import FORGET_DAYS
from processors.schema import SENSOR_ID, TIMESTAMP_TYPE, WINDOW_START

LASTING_MINUTES = 5
"""Judged minutes in a row over the threshold, from which on it is an episode; what is shorter is nothing."""

QUIET_MINUTES = 60
"""Judged minutes without such a run after which the next one is another episode."""

_SERIES = [SENSOR_ID, "measure", "kind"]
_LIFE = [*_SERIES, "life"]

_FORGOTTEN = pl.duration(days=FORGET_DAYS)


def begun(judged: pl.DataFrame, memory: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The minutes in which an episode is told, and the memory for those that follow (`state.EPISODES`).

    Minutes that were not judged neither count nor end anything, unless they are those of `FORGET_DAYS`: then all
    begins anew.

    Args:
        judged: Minutes of sensors, measures and kinds, with `over`: whether they are over the threshold.
        memory: What the call before returned.
    """
    alive = pl.concat([judged.filter("over").select(_SERIES), memory.select(_SERIES)]).unique()
    numbered = _numbered(judged.join(alive, on=_SERIES, how="semi"), memory)
    calm = pl.when(~pl.col("over")).then("number").forward_fill().over(_LIFE)
    in_a_row = (pl.col("number") - calm.fill_null(-pl.col("run").fill_null(0))).alias("in_a_row")
    lasting = numbered.with_columns(in_a_row).with_columns(
        (pl.col("over") & (pl.col("in_a_row") >= LASTING_MINUTES)).alias("lasts")
    )
    latest = pl.when("lasts").then("number").forward_fill()
    told = lasting.with_columns(
        (pl.col("number") - latest.shift(1).over(_LIFE).fill_null(-pl.col("since"))).alias("gap"),
        (pl.col("number") - latest.over(_LIFE).fill_null(-pl.col("since"))).alias("quiet"),
    )
    begins = pl.col("lasts") & (pl.col("gap").is_null() | (pl.col("gap") > QUIET_MINUTES))
    return told.filter(begins).select(judged.columns), _following(told, memory, judged[WINDOW_START].max())


def _numbered(judged: pl.DataFrame, memory: pl.DataFrame) -> pl.DataFrame:
    """The minutes with what is remembered, their `number` from 1 on, and the `life` of their series."""
    joined = judged.sort(*_SERIES, WINDOW_START).join(memory, on=_SERIES, how="left", maintain_order="left")
    before = pl.col(WINDOW_START).shift(1).over(_SERIES).fill_null(pl.col("last"))
    anew = (pl.col(WINDOW_START) - before > _FORGOTTEN).fill_null(value=False)
    return (
        joined.with_columns(anew.alias("life"))
        .with_columns(pl.col("life").cum_sum().over(_SERIES))
        .with_columns(
            pl.when(pl.col("life") == 0).then(pl.col("run", "since")),
            pl.int_range(1, pl.len() + 1).over(_LIFE).alias("number"),
        )
    )


def _following(told: pl.DataFrame, memory: pl.DataFrame, newest: object) -> pl.DataFrame:
    now = told.group_by(_SERIES, maintain_order=True).agg(
        run=pl.when("over").then("in_a_row").otherwise(0).last(),
        since=pl.when(pl.col("quiet") < QUIET_MINUTES).then("quiet").last(),
        last=pl.col(WINDOW_START).last(),
    )
    known = pl.concat([memory.join(now, on=_SERIES, how="anti"), now.select(*EPISODES).cast(EPISODES)])  # type: ignore[arg-type]
    goes_on = (pl.col("run") > 0) | pl.col("since").is_not_null()
    recent = (pl.lit(newest, TIMESTAMP_TYPE) - pl.col("last") <= _FORGOTTEN).fill_null(value=True)
    return known.filter(goes_on & recent).sort(_SERIES)
