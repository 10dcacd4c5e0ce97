"""Detectors in calls, with their state stored and loaded between them as the checkpoint does it."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import polars as pl
import pytest

from processors import checkpoint
from processors.detect.contract import Detector, Judged


@pytest.fixture(scope="session")
def judged() -> Callable[..., Judged]:
    """What a detector says of rows that are cut at these places; findings count the rows of all calls."""

    def run(detector: Detector, rows: pl.DataFrame, cuts: Sequence[int] = ()) -> Judged:
        scores, findings = [], []
        state = pl.DataFrame(schema=detector.carries)
        for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True):
            said = detector.judge(rows[start:end], state)
            assert said.state.schema == pl.Schema(detector.carries)
            scores.append(said.scores)
            findings.append(said.findings.with_columns(row=(pl.col("row") + start).cast(pl.UInt32)))
            state = pl.read_ipc(io.BytesIO(checkpoint._pack(said.state)))
        return Judged(pl.concat(scores), pl.concat(findings), state)

    return run
