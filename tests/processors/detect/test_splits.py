"""All detectors and the alarms: whatever the split of the rows into runs, the same to the last bit."""

from __future__ import annotations

import io
import random
from collections.abc import Sequence

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from processors import checkpoint
from processors.detect import State, detect, detectors
from processors.detect.blocks import BLOCK_ROWS
from processors.detect.joint.blocks import BLOCK_ROWS as BLOCK_ROWS_OF_JOINT
from processors.schema import MEASURE_NAMES, SENSOR_ID
from tests.harness.surprise import MONDAY_S, rows_of

ROWS = 1_200

USING = detectors(thresholds={"surprise": 5.0, "joint": 8.0, "spike": 5.0, "drift": 3.0, "noise": 1.4}, limits={})
"""Thresholds low enough to find something now and then."""

LEVELS = (20.0, 50.0, 101_325.0, 2.0, 12.0)
NOISE = (0.3, 1.5, 30.0, 0.1, 0.03)


def rows(seed: int) -> pl.DataFrame:
    """Two sensors at one pace, with spikes, flat stretches, shifts, gaps, nulls and a clock that jumps."""
    source = random.Random(seed)
    pace = source.choice([1, 20, 90, 300])
    at, times = float(MONDAY_S), []
    for _ in range(ROWS):
        at += source.choice([pace] * 60 + [0, -pace, 40 * pace])
        times.append(at)
    shift = [0.0] * 400 + [source.choice([0.0, 12.0])] * 400 + [0.0] * 400
    measures = {
        name: [
            None
            if source.random() < 0.03
            else level + spread * (moved + source.choice([1] * 80 + [15, 0]) * source.gauss(0, 1))
            for moved in shift
        ]
        for name, level, spread in zip(MEASURE_NAMES, LEVELS, NOISE, strict=True)
    }
    measures["voltageV"][900:1_100] = [12.0] * 200
    return rows_of(times, sensors=[source.choice("ab") for _ in times], **measures)


def in_calls(frame: pl.DataFrame, cuts: Sequence[int]) -> tuple[pl.DataFrame, pl.DataFrame, State]:
    state: State = {}
    marked, alarms = [], []
    for start, end in zip([0, *cuts], [*cuts, len(frame)], strict=True):
        detected = detect(frame[start:end], state, USING)
        assert detected.notices == ()
        state = {name: pl.read_ipc(io.BytesIO(checkpoint._pack(one))) for name, one in detected.state.items()}
        marked.append(detected.rows)
        alarms.append(detected.alarms)
    return pl.concat(marked), pl.concat(alarms), state


FAST, SLOW = 1, 0
"""Seeds of rows at a pace at which blocks tell something, and of rows at one that is left to `surprise`."""


def assert_one_call(frame: pl.DataFrame, cuts: Sequence[int]) -> None:
    whole, alarms, state = in_calls(frame, [])
    split, alarms_split, state_split = in_calls(frame, sorted(cuts))
    assert whole.equals(split)
    assert alarms.equals(alarms_split)
    for name, one in state.items():
        order = [column for column, dtype in one.schema.items() if not dtype.is_nested()]
        assert one.sort(order).equals(state_split[name].sort(order)), name


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10_000), cuts=st.lists(st.integers(0, ROWS), max_size=12))
@example(seed=FAST, cuts=[250, 901])
@example(seed=SLOW, cuts=[250, 901])
def test_any_split_gives_the_same_rows_alarms_and_state(seed: int, cuts: list[int]) -> None:
    assert_one_call(rows(seed), cuts)


def test_one_row_a_call_where_blocks_of_rows_end() -> None:
    frame = rows(FAST)
    assert_one_call(frame, [*near_ends_of_blocks(frame, after=700)])


def near_ends_of_blocks(frame: pl.DataFrame, after: int) -> set[int]:
    """Cuts around the last row of a block, of each size and each sensor."""
    own = frame.select(number=pl.int_range(1, pl.len() + 1).over(SENSOR_ID))["number"]
    cuts: set[int] = set()
    for sensor in "ab":
        for size in (BLOCK_ROWS, BLOCK_ROWS_OF_JOINT):
            ends = (frame[SENSOR_ID] == sensor) & (own % size == 0)
            end = next(row for row in ends.arg_true() if row > after)
            cuts.update(range(end - 1, end + 4))
    return cuts


def test_what_is_split_has_alarms_of_many_kinds() -> None:
    alarms = pl.concat([in_calls(rows(seed), [])[1] for seed in range(6)])
    assert {"gap", "spike", "surprise", "joint"} <= set(alarms["kind"])


def test_ten_thousand_sensors_of_one_row() -> None:
    sensors = 10_000
    values = {name: [level] * sensors for name, level in zip(MEASURE_NAMES, LEVELS, strict=True)}
    frame = rows_of([MONDAY_S] * sensors, sensors=[f"s{number}" for number in range(sensors)], **values)
    whole, alarms, _ = in_calls(frame, [sensors // 2])
    assert alarms.is_empty()
    assert whole["isAnomaly"].to_list() == [False] * sensors
