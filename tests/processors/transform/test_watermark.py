from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from processors.schema import OBSERVED_AT, SENSOR_ID, TIMESTAMP_TYPE
from processors.transform.watermark import WATERMARK, WITNESSES, watermarks, witness

Build = Callable[[Sequence[Mapping[str, Any]]], pl.DataFrame]
InCalls = Callable[..., tuple[pl.DataFrame, pl.DataFrame]]

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
FAR = datetime(2099, 12, 31, tzinfo=UTC)


def stage(rows: pl.DataFrame, state: pl.DataFrame | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    return pl.DataFrame(), witness(rows, state)


def known(state: pl.DataFrame | None) -> dict[str, datetime]:
    found = watermarks(state)
    assert found.schema == {SENSOR_ID: pl.String, WATERMARK: TIMESTAMP_TYPE}
    return dict(found.rows())


def seen(conformed: Build, moments: Sequence[datetime]) -> dict[str, datetime]:
    return known(witness(conformed([{OBSERVED_AT: moment} for moment in moments]), None))


def test_it_is_the_time_that_enough_readings_have_reached(conformed: Build) -> None:
    moments = [NOON + timedelta(seconds=second) for second in range(10)]
    assert seen(conformed, moments) == {"s1": NOON + timedelta(seconds=9 - (WITNESSES - 1))}
    assert seen(conformed, moments[: WITNESSES - 1]) == {}


def test_one_row_in_the_far_future_closes_nothing(conformed: Build) -> None:
    moments = [NOON + timedelta(seconds=second) for second in range(10)]
    for place in (0, 5, 10):
        assert seen(conformed, [*moments[:place], FAR, *moments[place:]])["s1"] < moments[-1]


def test_readings_at_one_time_are_as_many_witnesses(conformed: Build) -> None:
    assert seen(conformed, [NOON] * WITNESSES) == {"s1": NOON}


@pytest.mark.parametrize("seed", range(12))
def test_it_depends_on_the_readings_alone_and_never_goes_back(conformed: Build, in_calls: InCalls, seed: int) -> None:
    source = random.Random(seed)
    rows = conformed(
        [
            {
                SENSOR_ID: source.choice("abc"),
                OBSERVED_AT: NOON + timedelta(seconds=source.choice([1, 9]) * source.randint(-9, 9)),
            }
            for _ in range(source.randint(0, 60))
        ]
    )
    expected = {
        sensor: sorted(own[OBSERVED_AT])[-WITNESSES]
        for (sensor,), own in rows.group_by(SENSOR_ID)
        if len(own) >= WITNESSES
    }
    cuts = sorted(source.choices(range(len(rows) + 1), k=4))
    for frame in (rows, rows.sample(fraction=1.0, shuffle=True, seed=seed)):
        assert known(in_calls(stage, frame, cuts)[1]) == expected
    state, before = None, dict[str, datetime]()
    for part in rows.iter_slices(3):
        state = witness(part, state)
        now = known(state)
        assert all(now[sensor] >= moment for sensor, moment in before.items())
        assert state.group_by(SENSOR_ID).len()["len"].max() <= WITNESSES
        before = now


def test_one_sensor_says_nothing_of_another(conformed: Build) -> None:
    rows = conformed([{OBSERVED_AT: FAR}] * 9 + [{OBSERVED_AT: NOON, SENSOR_ID: "slow"}] * WITNESSES)
    assert known(witness(rows, None)) == {"s1": FAR, "slow": NOON}


def test_nothing(conformed: Build) -> None:
    assert known(None) == {}
    empty = witness(conformed([]), None)
    assert known(empty) == {}
    later = witness(conformed([{OBSERVED_AT: NOON}] * WITNESSES), empty)
    assert known(witness(conformed([]), later)) == {"s1": NOON}
