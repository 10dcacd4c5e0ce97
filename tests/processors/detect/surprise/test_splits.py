"""No bit depends on where a call ends: neither of scores nor of findings nor of what is carried."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.detect.surprise import Surprise, counts, lesson
from processors.schema import MEASURE_NAMES, SENSOR_ID
from tests.harness.surprise import MONDAY_S, in_calls, rows_of

DETECTOR = Surprise(4.0)


@pytest.fixture(scope="module", autouse=True)
def short_lives() -> object:
    """Generations and regimes that a test lives to see end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counts, "GENERATION_STEPS", 250)
        patch.setattr(lesson, "GENERATION_STEPS", 250)
        patch.setattr(lesson, "REGIME_STEPS", 120)
        yield


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), cuts=st.lists(st.integers(0, 1_500), max_size=15))
def test_any_split_is_one_call(seed: int, cuts: list[int]) -> None:
    source = random.Random(seed)
    pace = source.choice([1, 40, 300, 3_600])
    at, times = float(MONDAY_S), []
    for _ in range(1_500):
        at += source.choice([0, pace, pace, pace, 5 * pace, -pace])
        times.append(at)
    gone = source.choice([0.0, 0.2])
    jump = source.choice([0.0, 90.0])
    measures = {
        name: [
            None if source.random() < gone else round(source.gauss(20, 2), 3) + jump * (index > 700)
            for index in range(1_500)
        ]
        for name in MEASURE_NAMES[: source.randint(1, 5)]
    }
    rows = rows_of(times, sensors=[source.choice("ab") for _ in times], **measures)
    whole, split = in_calls(DETECTOR, rows), in_calls(DETECTOR, rows, sorted(cuts))
    assert whole.scores.equals(split.scores)
    assert whole.findings.equals(split.findings)
    order = [SENSOR_ID, "measure"]
    assert whole.state.sort(order).equals(split.state.sort(order))


def test_one_row_a_call() -> None:
    source = random.Random(1)
    rows = rows_of([MONDAY_S + 300 * index for index in range(160)], voltageV=[source.gauss(12, 1) for _ in range(160)])
    at_first, at_the_end_of_the_warm_up = range(1, 24), range(lesson.WARM_UP_STEPS - 4, lesson.WARM_UP_STEPS + 26)
    whole, split = in_calls(DETECTOR, rows), in_calls(DETECTOR, rows, [*at_first, *at_the_end_of_the_warm_up])
    assert whole.scores["voltageV"].drop_nulls().len() == 160 - lesson.WARM_UP_STEPS
    assert whole.scores.equals(split.scores)
    assert whole.findings.equals(split.findings)
