"""Anomalies and the readings around them: the same as row by row, whatever the calls."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import polars as pl
import pytest

from processors.form import Form
from processors.schema import ALARM

Row = dict[str, Any]


def near(rows: Sequence[Row], context_rows: int) -> list[int]:
    found = []
    for sensor in {row["sensorId"] for row in rows}:
        own = [row for row in rows if row["sensorId"] == sensor]
        for place, row in enumerate(own):
            around = own[max(0, place - context_rows) : place + context_rows + 1]
            if any(each["isAnomaly"] or each[ALARM] for each in around):
                found.append(row["rowId"])
    return sorted(found)


@pytest.mark.parametrize("context_rows", [0, 1, 4, 30])
@pytest.mark.parametrize("seed", range(4))
def test_the_same_readings_leave_as_row_by_row(
    frame: Callable[..., pl.DataFrame], left: Callable[..., Any], seed: int, context_rows: int
) -> None:
    dice = random.Random(f"{seed} {context_rows}")
    share = dice.choice([0.002, 0.02, 0.2])
    rows = [
        {
            "sensorId": dice.choice("aab" if number < 300 else "ac"),
            "isAnomaly": dice.choices([True, False, None], [share, 1, 0.2])[0],
            ALARM: dice.random() < share / 4,
        }
        for number in range(600)
    ]
    readings = frame(rows)
    expected = near(readings.to_dicts(), context_rows)
    for cuts in ([], sorted(dice.sample(range(601), 40))):
        calls, shown = left(readings, Form(send="anomalies", context_rows=context_rows), cuts)
        assert sorted(row for call in calls for row in call) == expected
        assert shown == []
