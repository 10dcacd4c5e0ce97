"""What leaves when it says something new: row by row, as it is written down, and as it can be told again."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import polars as pl
import pytest

from processors.form import Form
from processors.schema import ALARM, DESCRIPTIONS, MEASURE_NAMES
from tests.processors.conftest import BEGIN

Row = dict[str, Any]
Frame = Callable[[Sequence[Row]], pl.DataFrame]
Runs = Callable[[pl.DataFrame, Form, Sequence[int]], tuple[list[list[int]], list[int]]]
Mixed = Callable[[random.Random, int], list[Row]]

SAYS = ("isAnomaly", "timeAmbiguous", "isDuplicate", "month", *(field.name for field in DESCRIPTIONS))
SPARED = 1 - 2**-20


def chosen(rows: Sequence[Row], bands: dict[str, float], bounds: dict[str, float]) -> tuple[list[int], list[int]]:
    """Row ids that leave and those of undecided last readings, one reading at a time; values have three decimals."""
    left: list[int] = []
    by_sensor: dict[str, list[Row]] = {}
    for row in rows:
        since = row["observedAt"] - BEGIN
        by_sensor.setdefault(row["sensorId"], []).append({**row, "us": since // timedelta(microseconds=1)})
    undecided = []
    for own in by_sensor.values():
        at = 0
        going = [own[0]]
        for now in range(1, len(own)):
            before, row = own[now - 1], own[now]
            nulls = any((row[name] is None) != (before[name] is None) for name in (*bands, *bounds))
            parted = nulls or row["month"] != before["month"] or row["observedAt"] <= before["observedAt"]
            if bounds and (parted or not all(on_line(own[at : now + 1], *bound) for bound in bounds.items())):
                if now - 1 > at:
                    going.append(before)
                at = now - 1
            exact = [name for name in MEASURE_NAMES if name not in bands and name not in bounds]
            if (
                row[ALARM]
                or (nulls or (bounds and parted))
                or any(row.get(name) != before.get(name) for name in (*SAYS, *exact))
                or any(
                    row[name] is not None and abs(row[name] - own[at][name]) > bands[name] * SPARED for name in bands
                )
                or now - at >= 1_000
            ):
                going.append(row)
                at = now
        left += [row["rowId"] for row in going]
        if bounds and at < len(own) - 1:
            undecided.append(own[-1]["rowId"])
    return sorted(left), sorted(undecided)


def on_line(rows: Sequence[Row], name: str, bound: float) -> bool:
    """Whether the readings between the first and the last are within the bound of the line between the two.

    That the doors of each reading let those after it pass is the same, said once for each of them; here for the last.
    In whole thousandths and microseconds, and without a division.
    """
    first, last = rows[0], rows[-1]
    if first[name] is None or last[name] is None:
        return True
    origin, rise = round(first[name] * 1_000), round(last[name] * 1_000) - round(first[name] * 1_000)
    begin, run = first["us"], last["us"] - first["us"]
    most = bound * 1_000 * SPARED * run
    return all(
        abs((origin - round(row[name] * 1_000)) * run + rise * (row["us"] - begin)) <= most for row in rows[1:-1]
    )


def told(rows: Sequence[Row], left: set[int], bounds: dict[str, float]) -> dict[str, float]:
    """Measure -> largest distance of a reading from what the readings that left tell of it; in plain arithmetic."""
    worst = dict.fromkeys(MEASURE_NAMES, 0.0)
    by_sensor: dict[str, list[Row]] = {}
    for row in rows:
        by_sensor.setdefault(row["sensorId"], []).append(row)
    for own in by_sensor.values():
        known = [place for place, row in enumerate(own) if row["rowId"] in left]
        assert known[0] == 0
        for place, row in enumerate(own):
            one = own[max(at for at in known if at <= place)]
            other = next((own[at] for at in known if at >= place), None)
            assert all(row.get(name) == one.get(name) for name in SAYS), row["rowId"]
            for name in MEASURE_NAMES:
                assert (row[name] is None) == (one[name] is None), row["rowId"]
                if row[name] is None:
                    continue
                value = one[name]
                if name in bounds and one is not row:
                    assert other is not None, row["rowId"]
                    span = (other["observedAt"] - one["observedAt"]).total_seconds()
                    value += (other[name] - one[name]) * (row["observedAt"] - one["observedAt"]).total_seconds() / span
                worst[name] = max(worst[name], abs(value - row[name]))
    return worst


FORMS = {
    "dead bands": ({"temperatureC": 0.5, "humidityPct": 0.1, "pressurePa": 2.0}, {}),
    "dead bands of all": (dict.fromkeys(MEASURE_NAMES, 0.3), {}),
    "nothing but changes": ({}, {}),
    "a swinging door": (dict.fromkeys(MEASURE_NAMES[1:], 50.0), {"temperatureC": 0.5}),
    "doors of all": ({}, dict.fromkeys(MEASURE_NAMES, 0.3)),
    "both": ({"humidityPct": 0.4, "voltageV": 1.0, "vibrationMmS": 1.0}, {"temperatureC": 0.2, "pressurePa": 0.9}),
}


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("seed", range(3))
def test_the_same_readings_leave_as_row_by_row(frame: Frame, left: Runs, mixed: Mixed, name: str, seed: int) -> None:
    source = random.Random(f"{name} {seed}")
    bands, bounds = FORMS[name]
    rows = mixed(source, 500)
    readings = frame(rows)
    rows = readings.to_dicts()
    form = Form(send="changes", dead_band=bands, swinging_door=bounds)
    expected, undecided = chosen(rows, bands, bounds)
    for cuts in ([], sorted(source.sample(range(501), source.choice([1, 5, 40])))):
        calls, shown = left(readings, form, cuts)
        assert sorted(row for call in calls for row in call) == expected
        assert sorted(shown) == undecided
    worst = told(rows, {*expected, *undecided}, bounds)
    assert all(worst[measure] <= {**bands, **bounds}.get(measure, 0.0) for measure in MEASURE_NAMES), worst


@pytest.mark.parametrize("door", [True, False])
def test_long_lines(frame: Frame, left: Runs, door: bool) -> None:
    """Of a thousand readings one leaves whatever they say, and what is followed one by one is as what is not."""
    source = random.Random(1)
    rows = [
        {"temperatureC": round(20 + min(number, 1_500) * 0.01 + source.uniform(-wide, wide), 3), "sensorId": sensor}
        for number in range(3_500)
        for sensor, wide in (("a", 0.04), ("b", 0.055))
    ]
    bands, bounds = ({}, {"temperatureC": 0.1}) if door else ({"temperatureC": 0.3}, {})
    readings = frame(rows)
    expected, undecided = chosen(readings.to_dicts(), bands, bounds)
    form = Form(send="changes", dead_band=bands, swinging_door=bounds)
    for cuts in ([], list(range(60, 7_000, 190)), list(range(500, 7_000, 430)), [3_333, 3_334]):
        calls, shown = left(readings, form, cuts)
        assert sorted(row for call in calls for row in call) == expected
        assert sorted(shown) == undecided
    assert len(expected) < 500
    ids = [row for row in expected if row % 2]
    assert max(later - row for row, later in pairwise(ids)) == 2_000


def test_what_must_leave_does_whatever_the_bounds(frame: Frame, left: Runs) -> None:
    rows: list[Row] = [{"temperatureC": 20.0, "firmwareVersion": "1", "isAnomaly": False} for _ in range(40)]
    rows[5]["temperatureC"] = None
    rows[9][ALARM] = True
    for row in rows[13:15]:
        row["isAnomaly"] = True
    rows[20]["isAnomaly"] = None
    rows[25]["isDuplicate"] = True
    for row in rows[30:]:
        row["firmwareVersion"] = "2"
    rows[35]["observedAt"] = datetime(2026, 12, 1, tzinfo=BEGIN.tzinfo)
    wide = dict.fromkeys(MEASURE_NAMES, 1_000.0)
    calls, shown = left(frame(rows), Form(send="changes", dead_band=wide), [])
    assert calls == [[1, 6, 7, 10, 14, 16, 21, 22, 26, 27, 31, 36, 37]]
    assert shown == []


@pytest.mark.parametrize("far", [-0.499, 0.499])
@pytest.mark.parametrize("cuts", [[], [100], [51], [100, 280]])
def test_a_door_that_was_set_long_ago(frame: Frame, left: Runs, far: float, cuts: list[int]) -> None:
    """One reading of the 50th row lets the line move no more to the other side, hundreds of readings later."""
    rows = [{"temperatureC": round(20 - max(0, number - 300) * far / 100, 5)} for number in range(400)]
    rows[50]["temperatureC"] = 20 + far
    calls, shown = left(frame(rows), Form(send="changes", swinging_door={"temperatureC": 0.5}), cuts)
    assert sorted(row for call in calls for row in call)[:2] == [1, 302]
    assert shown == [400]
