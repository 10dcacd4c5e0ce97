"""Rows of sensors at any pace, and the detector over them in any number of calls."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import polars as pl

from processors import checkpoint
from processors.detect.surprise import Surprise
from processors.schema import MEASURE_NAMES, OBSERVED_AT, ROW_ID, SENSOR_ID

MONDAY_S = int(datetime(2026, 11, 23, tzinfo=UTC).timestamp())


class Said(NamedTuple):
    """What the detector said of all calls."""

    scores: pl.DataFrame
    findings: pl.DataFrame
    state: pl.DataFrame


def rows_of(
    seconds: Sequence[float], *, sensors: Sequence[str] = (), **measures: Sequence[float | None]
) -> pl.DataFrame:
    """Rows at these times; measures by name, all others null."""
    count = len(seconds)
    return pl.DataFrame(
        {
            ROW_ID: pl.Series(range(1, count + 1), dtype=pl.Int64),
            SENSOR_ID: pl.Series(sensors or ["s1"] * count, dtype=pl.String),
            OBSERVED_AT: pl.Series([int(at * 1_000_000) for at in seconds]).cast(pl.Datetime("us", "UTC")),
            **{name: pl.Series(measures.get(name, [None] * count), dtype=pl.Float64) for name in MEASURE_NAMES},
        }
    )


def every(seconds: float, count: int, start: float = MONDAY_S) -> list[float]:
    return [start + seconds * index for index in range(count)]


def in_calls(detector: Surprise, rows: pl.DataFrame, cuts: Sequence[int] = ()) -> Said:
    """Rows cut at these places, the state packed and read between them as the checkpoint does it."""
    state = pl.DataFrame(schema=detector.carries)
    scores, found = [], []
    for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        judged = detector.judge(rows[start:end], state)
        state = pl.read_ipc(io.BytesIO(checkpoint._pack(judged.state)))
        scores.append(judged.scores)
        found.append(judged.findings.with_columns(pl.col("row") + start))
    return Said(pl.concat(scores), pl.concat(found), state)
