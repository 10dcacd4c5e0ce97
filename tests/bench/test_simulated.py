from __future__ import annotations

import pytest

from bench.anomalies.simulated import HIDDEN, PERIOD_MS, Result, Simulation, measure, pages
from bench.anomalies.truth import LATE_READINGS, SETTLING_S, Alarm, Episode, by_kind, judge
from processors.conform import conform
from sensors.anomalies import KINDS
from sensors.sensor import fleet_of

TREND = Episode("trend", 100_000, 399_000)
SPIKE = Episode("spike", 300_000, 300_000)
GAP = Episode("missing_data", 900_000, 959_000)


def judged(*alarms: tuple[str, int]) -> tuple[list[Alarm | None], int, int]:
    """The alarm that found each of the three episodes, and how many settled or were false."""
    result = judge([TREND, SPIKE, GAP], [Alarm(kind, at_ms) for kind, at_ms in alarms], PERIOD_MS)
    assert result.alarms == len(alarms)
    return [alarm for _, alarm in result.found], len(result.settling), len(result.false)


def test_an_episode_is_found_by_the_first_alarm_in_it() -> None:
    assert judged(("noise", 250_000), ("drift", 120_000)) == ([Alarm("drift", 120_000), None, None], 0, 0)
    assert judged(("gap", 960_000)) == ([None, None, Alarm("gap", 960_000)], 0, 0)


def test_an_alarm_in_two_episodes_is_of_the_later_one() -> None:
    assert judged(("spike", 300_000)) == ([None, Alarm("spike", 300_000), None], 0, 0)


def test_an_alarm_too_late_finds_nothing_and_one_far_from_all_is_false() -> None:
    late = TREND.last_ms + LATE_READINGS * PERIOD_MS
    settled = TREND.last_ms + SETTLING_S * 1_000
    assert judged(("drift", late)) == ([Alarm("drift", late), None, None], 0, 0)
    assert judged(("drift", late + 1)) == ([None] * 3, 1, 0)
    assert judged(("drift", settled)) == ([None] * 3, 1, 0)
    assert judged(("drift", settled + 1), ("drift", TREND.first_ms - 1)) == ([None] * 3, 0, 2)


def test_what_became_of_a_kind() -> None:
    one = judge([TREND], [Alarm("drift", 130_000)], PERIOD_MS)
    two = judge([TREND, GAP], [Alarm("spike", 110_000)], PERIOD_MS)
    told = {each.kind: each for each in by_kind([one, two])}
    assert told.keys() == set(KINDS)
    trend, gap, noise = told["trend"], told["missing_data"], told["noise"]
    assert (trend.episodes, trend.found, trend.named, trend.median_delay_s, trend.recall) == (2, 2, 1, 20.0, 1.0)
    assert (gap.episodes, gap.found, gap.median_delay_s, gap.recall) == (1, 0, None, 0.0)
    assert (noise.episodes, noise.recall) == (0, None)


def test_the_truth_is_hidden_from_the_pipeline() -> None:
    simulation = Simulation(sensors=1, days=0.3, probability=0.2)
    (sensor,) = fleet_of(simulation.city, 1)
    seen = list(pages(sensor, simulation))
    assert len(seen) == 2
    ids = [row_id for page in seen for row_id in page["id"]]
    assert ids == [*range(1, len(ids) + 1)]
    assert len(ids) < simulation.readings
    for page in seen:
        assert {name: page[name].null_count() for name in HIDDEN} == dict.fromkeys(HIDDEN, len(page))
        conformed = conform(page, default_zone="UTC")
        assert conformed.rejects.is_empty()
        assert conformed.valid["voltageV"].null_count() == 0


@pytest.fixture(scope="module")
def small() -> Result:
    return measure(Simulation(sensors=2, days=0.25, probability=0.1), processes=1)


def test_a_small_run_finds_most_and_invents_little(small: Result) -> None:
    told = {each.kind: each for each in small.kinds}
    assert sum(each.episodes for each in small.kinds) >= 10
    assert sum(each.found for each in small.kinds) >= 0.8 * sum(each.episodes for each in small.kinds)
    assert told["trend"].found >= 1
    assert small.false_alarms <= 1
    assert small.precision is not None
    assert small.precision > 0.8


def test_it_is_the_same_in_processes_of_their_own(small: Result) -> None:
    assert measure(small.of, processes=2) == small
