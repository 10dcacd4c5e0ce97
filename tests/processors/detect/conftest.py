"""Detectors in calls, with their state stored and loaded between them as the checkpoint does it; rows for them."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Sequence
from typing import Any

import polars as pl
import pytest

from processors import checkpoint
from processors.detect.contract import Detector, Judged
from processors.schema import SENSOR_ID


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


@pytest.fixture(scope="session")
def interleaved() -> Callable[[int, int], list[dict[str, Any]]]:
    """Rows of some sensors in any order, with jumps, flat stretches, bursts, extreme magnitudes and nulls."""

    def build(seed: int, rows: int) -> list[dict[str, Any]]:
        source = random.Random(seed)
        sensors, nulls = "abc"[: source.randint(1, 3)], source.choice([0.0, 0.02, 0.2])

        def value(number: int) -> float | None:
            if source.random() < nulls:
                return None
            if source.random() < 0.02:
                return source.uniform(-1, 1) * 10 ** source.randint(-9, 7)
            spread = source.choice([0.0, 0.3]) if number % 400 < 300 else 5.0
            return round(20 + number // 500 + source.gauss(0, spread), 3)

        return [
            {SENSOR_ID: source.choice(sensors), "temperatureC": value(number), "pressurePa": value(number)}
            for number in range(rows)
        ]

    return build
