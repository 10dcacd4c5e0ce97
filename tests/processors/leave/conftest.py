"""Readings in calls, what waits stored and loaded between them as the checkpoint does it; readings of all kinds."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from processors import checkpoint
from processors.form import Form
from processors.leave import leave, rest
from processors.schema import ALARM, DESCRIPTIONS, MEASURE_NAMES, TIMESTAMP_TYPE
from tests.processors.conftest import BEGIN

Left = list[list[int]]
"""Row ids that each call let go."""

_SCHEMA: dict[str, pl.DataType] = {
    "rowId": pl.Int64(),
    "observedAt": TIMESTAMP_TYPE,
    "sensorId": pl.String(),
    "month": pl.String(),
    "timeAmbiguous": pl.Boolean(),
    "isDuplicate": pl.Boolean(),
    "isAnomaly": pl.Boolean(),
    ALARM: pl.Boolean(),
    **{name: pl.Float64() for name in MEASURE_NAMES},
    **{field.name: field.dtype for field in DESCRIPTIONS},
}


@pytest.fixture(scope="session")
def frame() -> Callable[[Sequence[dict[str, Any]]], pl.DataFrame]:
    """Readings as `leave` takes them."""

    def build(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
        plain = {"timeAmbiguous": False, "isDuplicate": False, "isAnomaly": False, ALARM: False}
        whole = [
            {**plain, "rowId": number, "sensorId": "a", "observedAt": BEGIN + timedelta(seconds=number)} | row
            for number, row in enumerate(rows, 1)
        ]
        for row in whole:
            row.setdefault("month", row["observedAt"].strftime("%Y-%m"))
        columns = [pl.Series(name, [row.get(name) for row in whole], dtype) for name, dtype in _SCHEMA.items()]
        return pl.DataFrame(columns).with_columns(pl.format("p-{}", "rowId").alias("id"))

    return build


@pytest.fixture(scope="session")
def left() -> Callable[[pl.DataFrame, Form, Sequence[int]], tuple[Left, list[int]]]:
    """Row ids that leave with each call, rows cut at these places; and those that are shown after the last."""

    def run(rows: pl.DataFrame, form: Form, cuts: Sequence[int]) -> tuple[Left, list[int]]:
        calls: Left = []
        carried: dict[str, pl.DataFrame] = {}
        for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True):
            gone = leave(rows[start:end], carried, form)
            assert ALARM not in gone.rows.columns
            calls.append(gone.rows["rowId"].to_list())
            carried = {name: pl.read_ipc(io.BytesIO(checkpoint._pack(each))) for name, each in gone.carried.items()}
        shown = rest(carried, form)
        return calls, [] if shown is None else shown["rowId"].to_list()

    return run


@pytest.fixture(scope="session")
def mixed() -> Callable[[random.Random, int], list[dict[str, Any]]]:
    """Readings of some sensors in any order: still, moving, jumping, null; in two months, with falling times."""

    def build(source: random.Random, rows: int) -> list[dict[str, Any]]:
        sensors = "abc"[: source.randint(1, 3)]
        seconds = dict.fromkeys(sensors, source.choice([0, 760_150]))
        level = {sensor: dict.fromkeys(MEASURE_NAMES, 20.0) for sensor in sensors}
        slope = {sensor: dict.fromkeys(MEASURE_NAMES, 0.0) for sensor in sensors}
        flags = {sensor: {"isAnomaly": False, "firmwareVersion": "1"} for sensor in sensors}
        rare, noise = source.choice([0.002, 0.03, 0.2]), source.choice([0.0, 0.02, 0.4])
        built = []
        for number in range(1, rows + 1):
            sensor = source.choice(sensors)
            seconds[sensor] += 1 if source.random() > rare else source.choice([0, -30, 90])
            values: dict[str, float | None] = {}
            for name in MEASURE_NAMES:
                if source.random() < rare:
                    level[sensor][name] += source.choice([-3.0, 0.5, 2.0])
                if source.random() < rare:
                    slope[sensor][name] = source.choice([0.0, 0.01, -0.02])
                level[sensor][name] += slope[sensor][name]
                known = source.random() > rare / 2
                values[name] = round(level[sensor][name] + source.gauss(0, noise), 2) if known else None
            if source.random() < rare:
                flags[sensor]["isAnomaly"] = source.choice([True, False, None])
            if source.random() < rare / 4:
                flags[sensor]["firmwareVersion"] = source.choice(["1", "2"])
            built.append(
                {
                    **values,
                    **flags[sensor],
                    "rowId": number * 2,
                    "sensorId": sensor,
                    "observedAt": BEGIN + timedelta(seconds=seconds[sensor]),
                    ALARM: source.random() < rare / 4,
                }
            )
        return built

    return build
