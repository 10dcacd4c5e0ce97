"""Findings to alarms: few, each for one event, with the finding that tells most.

1. A finding of a rule (limit, stuck, gap, spike, noise, drift) counts when it begins: when the rule found nothing of
   that measure in the `SILENCE_ROWS` rows of the sensor before it.
2. A finding in bits counts when it exceeds its threshold, by more for each alarm that its sensor had of late (`rare`).
3. What counts raises the alarm of its sensor, and within `SILENCE_ROWS` rows after it all that is found is part of it.

The alarm is named by the finding of its row that counts and whose kind comes first in `TELLING`; the others of the row
stand beside.
"""

from __future__ import annotations

import polars as pl

from processors.detect import rare
from processors.detect.contract import FINDING
from processors.schema import OBSERVED_AT, ROW_ID, SENSOR_ID

SILENCE_ROWS = 100

TELLING = ("limit", "gap", "stuck", "spike", "noise", "drift", "joint", "surprise")
"""Kinds, the one that explains most first."""

ALARM: dict[str, pl.DataType] = {
    ROW_ID: pl.Int64(),
    SENSOR_ID: pl.String(),
    OBSERVED_AT: pl.Datetime("us", "UTC"),
    **{name: dtype for name, dtype in FINDING.items() if name != "row"},
    "also": pl.List(pl.String()),
}
"""Columns of alarms; `also` lists what else was found in the row, as `measure kind`."""

MEMORY: dict[str, pl.DataType] = {
    SENSOR_ID: pl.String(),
    "measure": pl.String(),
    "kind": pl.String(),
    "at": pl.Int64(),
    "seen": pl.Int64(),
    **rare.MEMORY,
}
"""What is carried: for each sensor its rows `seen` and what `rare` keeps of its alarms, with an empty measure and kind;
and `at` which row each rule found something last."""

MEMORY_KEY = [SENSOR_ID, "measure", "kind"]
"""Of `MEMORY`: there is one row of each."""

_NO = "no"
_EXCESS = "excess"


def raise_alarms(
    rows: pl.DataFrame, found: pl.DataFrame, memory: pl.DataFrame, in_bits: frozenset[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The alarms (`ALARM`), in id order, and the memory for the rows that follow.

    Args:
        rows: That were judged, in id order.
        found: Findings of all detectors (`contract.FINDING`).
        memory: What the call before returned (`MEMORY`).
        in_bits: Kinds whose scores are bits.
    """
    own = memory.filter(pl.col("kind") == "")
    numbered = (
        rows.select(SENSOR_ID, ROW_ID, OBSERVED_AT)
        .with_row_index("row")
        .join(own.select(SENSOR_ID, "seen"), on=SENSOR_ID, how="left", maintain_order="left")
        .with_columns((pl.col("seen").fill_null(0) + pl.int_range(pl.len()).over(SENSOR_ID)).alias(_NO))
        .drop("seen")
    )
    placed = found.sort("row", maintain_order=True).join(numbered, on="row", how="left", maintain_order="left")
    marked = _marked(placed, memory, in_bits)
    own = _seen(numbered, own)
    raised, own = rare.rare(_candidates(marked), own, by=[SENSOR_ID], silence=SILENCE_ROWS)
    last = marked.filter(~pl.col("kind").is_in(list(in_bits))).select(*MEMORY_KEY, at=_NO)
    latest = (
        pl.concat([memory.filter(pl.col("kind") != "").select(last.columns), last])
        .group_by(MEMORY_KEY)
        .agg(pl.col("at").max())
        .join(own.select(SENSOR_ID, "seen"), on=SENSOR_ID)
        .filter(pl.col("at") + SILENCE_ROWS >= pl.col("seen"))
    )
    following = pl.concat([own, latest.drop("seen")], how="diagonal").select(*MEMORY)
    return _told(marked.join(raised, on="row", how="semi")), following.sort(MEMORY_KEY)


def _marked(placed: pl.DataFrame, memory: pl.DataFrame, in_bits: frozenset[str]) -> pl.DataFrame:
    """The findings with the bits that each has in excess: without end where a rule begins, null where one goes on."""
    bits = pl.col("kind").is_in(list(in_bits))
    before = memory.filter(pl.col("kind") != "").select(*MEMORY_KEY, pl.col("at").alias(_NO))
    seen = pl.concat([before, placed], how="diagonal")
    since = pl.col(_NO) - pl.col(_NO).shift(1).over(MEMORY_KEY)
    begins = ~bits & (since.is_null() | (since > SILENCE_ROWS))
    excess = pl.when(bits).then(pl.col("score") - pl.col("threshold")).when(begins).then(float("inf"))
    return seen.with_columns(excess.alias(_EXCESS)).filter(pl.col("row").is_not_null())


def _candidates(marked: pl.DataFrame) -> pl.DataFrame:
    """Rows that may raise an alarm, in order."""
    counting = marked.filter(pl.col(_EXCESS).is_not_null())
    return counting.group_by(SENSOR_ID, _NO, "row").agg(pl.col(_EXCESS).max()).sort("row")


def _seen(numbered: pl.DataFrame, own: pl.DataFrame) -> pl.DataFrame:
    """The sensors' own memory, with these rows seen."""
    now = numbered.group_by(SENSOR_ID, maintain_order=True).agg((pl.col(_NO).max() + 1).alias("seen"))
    known = own.join(now, on=SENSOR_ID, how="full", coalesce=True, suffix="!now")
    return known.with_columns(
        measure=pl.lit(""),
        kind=pl.lit(""),
        seen=pl.coalesce("seen!now", "seen"),
        alerts=pl.col("alerts").fill_null(0.0),
    ).select(*MEMORY)


def _told(found: pl.DataFrame) -> pl.DataFrame:
    """One alarm a row, of the finding that tells most and, of one kind, is furthest over its threshold."""
    rank = pl.col("kind").replace_strict(TELLING, range(len(TELLING)), return_dtype=pl.Int64)
    ranked = found.sort("row", pl.col(_EXCESS).is_null(), rank, pl.col("threshold") / pl.col("score"), "measure")
    name = pl.format("{} {}", "measure", "kind")
    alarms = ranked.group_by("row", maintain_order=True).agg(
        pl.exclude("row").first(),
        name.slice(1).alias("also"),
    )
    return alarms.with_columns(pl.col("score").round_sig_figs(4)).select(*ALARM).cast(ALARM)  # type: ignore[arg-type]
