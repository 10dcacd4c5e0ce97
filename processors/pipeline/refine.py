"""Rows to what is known of them: transforms, anomalies, windows, and what the next rows need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from processors.checkpoint import Checkpoint
from processors.detect import Detector, detect
from processors.schema import SENSOR_ID, WINDOW_START
from processors.transform import transform
from processors.transform.aggregate import WINDOW_S, accumulate, merge
from processors.transform.watermark import WATERMARK, watermarks, witness

WINDOW = pl.duration(seconds=WINDOW_S)


@dataclass(frozen=True)
class Refined:
    """A batch after transform and detect, with what the next batch needs.

    Attributes:
        rows: Transformed, with `isAnomaly`.
        alarms: See `detect.Detected`.
        windows: Accumulators that these rows changed (`schema.ACCUMULATOR`).
        carried: Name of a stage -> the frame that it wants to see again with the next rows.
        notices: For people.
    """

    rows: pl.DataFrame
    alarms: pl.DataFrame
    windows: pl.DataFrame
    carried: Mapping[str, pl.DataFrame]
    notices: tuple[str, ...]


def refine(
    valid: pl.DataFrame,
    carried: Mapping[str, pl.DataFrame],
    checkpoint: Checkpoint,
    generation: str,
    detectors: Sequence[Detector],
) -> Refined:
    """Transforms and detects.

    Args:
        valid: Conformed rows of one generation, in id order.
        carried: `Refined.carried` of the rows before; empty at the start of a generation.
        checkpoint: Has the windows of the rows before.
        generation: Whose rows these are.
        detectors: In the order in which anomalies are listed.
    """
    rows, transforms = transform(valid, carried)
    detected = detect(rows, carried, detectors)
    rows = detected.rows
    own = accumulate(rows)
    start = pl.col(WINDOW_START)
    stored = checkpoint.windows(generation, own.select(SENSOR_ID, start.alias("first"), start.alias("last")))
    return Refined(
        rows=rows,
        alarms=detected.alarms,
        windows=merge(stored, own),
        carried={**transforms, **detected.state, WATERMARK: witness(rows, carried.get(WATERMARK))},
        notices=detected.notices,
    )


def closed(
    refined: Refined, carried: Mapping[str, pl.DataFrame], checkpoint: Checkpoint, generation: str
) -> pl.DataFrame:
    """Windows that leave with this batch: changed ones that are closed, and those that it closes."""
    before = watermarks(carried.get(WATERMARK)).rename({WATERMARK: "before"})
    now = watermarks(refined.carried[WATERMARK]).join(before, on=SENSOR_ID, how="left")
    spans = now.filter(pl.col(WATERMARK).ne_missing(pl.col("before"))).select(
        SENSOR_ID,
        first=(pl.col("before") - WINDOW + pl.duration(microseconds=1)).fill_null(
            pl.datetime(1, 1, 1, time_zone="UTC")
        ),
        last=pl.col(WATERMARK) - WINDOW,
    )
    waiting = checkpoint.windows(generation, spans).join(refined.windows, on=[SENSOR_ID, WINDOW_START], how="anti")
    changed = refined.windows.join(now, on=SENSOR_ID).filter(pl.col(WINDOW_START) + WINDOW <= pl.col(WATERMARK))
    return pl.concat([waiting, changed.select(waiting.columns)])
