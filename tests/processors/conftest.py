"""A node, builders of frames, calls with carried state, and golden text."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from processors import checkpoint, schema
from tests.harness.node import Node

BEGIN = datetime(2026, 11, 22, 4, 49, 22, 965_000, tzinfo=UTC)

Rows = Sequence[Mapping[str, Any]]
Stage = Callable[[pl.DataFrame, pl.DataFrame | None], tuple[pl.DataFrame, pl.DataFrame]]


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


@pytest.fixture(scope="session")
def page() -> Callable[[Rows], pl.DataFrame]:
    """A page as the source gives it; rows by source name, with ids, stamps and a sensor where they say none."""

    def build(rows: Rows) -> pl.DataFrame:
        whole = [
            {"id": index, "timestamp": "2026-11-22T04:49:22.965+00:00", "sensor_id": "s1"} | dict(row)
            for index, row in enumerate(rows, start=1)
        ]
        others = dict.fromkeys(name for row in whole for name in row)
        known = {field.source: field.dtype for field in schema.COLUMNS}
        names = [*known, *(name for name in others if name not in known)]
        dtypes = {name: pl.String() for name in names if name.endswith(schema.ODD)} | known
        return pl.DataFrame([pl.Series(name, [row.get(name) for row in whole], dtypes.get(name)) for name in names])

    return build


@pytest.fixture(scope="session")
def conformed() -> Callable[[Rows], pl.DataFrame]:
    """Conformed rows; rows by document name, a second apart and in id order where they do not say otherwise."""

    def build(rows: Rows) -> pl.DataFrame:
        defaults = (
            {
                schema.ROW_ID: index + 1,
                schema.OBSERVED_AT: BEGIN + timedelta(seconds=index),
                schema.SENSOR_ID: "s1",
                schema.SOURCE_TIMESTAMP: "as written",
                schema.TIME_AMBIGUOUS: False,
            }
            for index in range(len(rows))
        )
        whole = [default | dict(row) for default, row in zip(defaults, rows, strict=True)]
        return pl.DataFrame(
            {name: pl.Series(name, [row.get(name) for row in whole], dtype) for name, dtype in schema.READING.items()}
        )

    return build


@pytest.fixture(scope="session")
def in_calls() -> Callable[[Stage, pl.DataFrame, Sequence[int]], tuple[pl.DataFrame, pl.DataFrame]]:
    """Runs a stage over rows cut at these places, with its state stored and loaded as the checkpoint does it."""

    def run(stage: Stage, rows: pl.DataFrame, cuts: Sequence[int]) -> tuple[pl.DataFrame, pl.DataFrame]:
        results, state = [], None
        for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True):
            result, following = stage(rows[start:end], state)
            results.append(result)
            state = pl.read_ipc(io.BytesIO(checkpoint._pack(following)))
        assert state is not None
        return pl.concat(results), state

    return run
