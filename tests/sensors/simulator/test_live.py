"""Readings as time passes: the rows that a backfill would write, late or not, until told to stop."""

from datetime import timedelta

import pytest

from sensors.errors import RequestError
from sensors.faults import Faults
from sensors.simulator import backfill, database_path, fleet_of, live
from tests.harness.simulated import MIDNIGHT, plan_of, rows_of, sensor_of


class Clock:
    """Time that passes only in sleep, and stops the run after so many sleeps."""

    def __init__(self, at=MIDNIGHT, sleeps=10**6):
        self.at = at
        self.sleeps = sleeps
        self.slept = []

    def __call__(self):
        return self.at

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.at += timedelta(seconds=seconds)

    def stopped(self):
        return len(self.slept) >= self.sleeps


class TestLive:
    def test_writes_the_rows_a_backfill_would(self, tmp_path):
        clock = Clock()
        pair = fleet_of("denver", 2, 7)
        written = live(
            tmp_path / "live",
            pair,
            clock=clock,
            sleep=clock.sleep,
            rate_hz=2,
            count=900,
            anomaly_probability=0.2,
            faults=Faults(null=3, duplicate=2),
        )
        for sensor, each in zip(pair, written, strict=True):
            plan = plan_of(hours=0.125, period_s=0.5, share=0.2, null=3, duplicate=2)
            past = backfill(tmp_path / "past", sensor, plan)
            assert rows_of(each.path) == rows_of(past.path)
            assert (each.rows, each.faults, each.anomalies) == (past.rows, past.faults, past.anomalies)
        assert clock.slept == [0.5] * 899

    def test_stops_when_told_and_reports_what_is_stored(self, tmp_path):
        clock = Clock(sleeps=7)
        (written,) = live(
            tmp_path,
            [sensor_of()],
            clock=clock,
            sleep=clock.sleep,
            stopped=clock.stopped,
            anomaly_probability=0,
        )
        assert written.rows == len(rows_of(written.path)) == 7
        assert written.last_at == MIDNIGHT + timedelta(seconds=6)

    def test_stops_also_while_it_catches_up(self, tmp_path):
        clock = Clock()
        answers = iter([False, False, True])

        def late():
            clock.at += timedelta(minutes=1)
            return clock.at

        (written,) = live(
            tmp_path,
            [sensor_of()],
            clock=late,
            sleep=clock.sleep,
            stopped=lambda: next(answers),
            count=9,
            anomaly_probability=0,
        )
        assert (written.rows, clock.slept) == (2, [])

    def test_each_row_is_committed_when_it_is_written(self, tmp_path):
        seen = []
        clock = Clock()
        path = database_path(tmp_path, "denver", sensor_of().sensor_id)

        def sleep(seconds):
            seen.append(len(rows_of(path)))
            clock.sleep(seconds)

        live(tmp_path, [sensor_of()], clock=clock, sleep=sleep, count=4, anomaly_probability=0)
        assert seen == [1, 2, 3]

    def test_continues_after_the_newest_row_even_ahead_of_the_clock(self, tmp_path):
        path = backfill(tmp_path, sensor_of(), plan_of()).path
        clock = Clock(at=MIDNIGHT + timedelta(minutes=30))
        live(tmp_path, [sensor_of()], clock=clock, sleep=clock.sleep, count=2, anomaly_probability=0)
        assert rows_of(path, "id, timestamp")[-2:] == [
            (721, "2026-11-20T00:59:56.000+00:00"),
            (722, "2026-11-20T00:59:57.000+00:00"),
        ]

    def test_catches_up_when_late_and_survives_a_clock_set_back(self, tmp_path):
        clock = Clock()
        moves = iter([timedelta(seconds=3), timedelta(hours=-2), timedelta(0)])

        def sleep(seconds):
            clock.sleep(seconds)
            clock.at += next(moves, timedelta(0))

        live(tmp_path, [sensor_of()], clock=clock, sleep=sleep, count=8, anomaly_probability=0)
        assert clock.slept == [1.0, 1.0, 1.0, 1.0]

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"rate_hz": 0}, "0 readings a second"),
            ({"rate_hz": float("nan")}, "nan readings a second"),
            ({"count": 0}, "0 readings"),
            ({"anomaly_probability": 1}, "probability 1"),
            ({"faults": Faults(null=1)}, "known number"),
        ],
    )
    def test_refuses_what_it_cannot_do(self, tmp_path, wrong, message):
        clock = Clock()
        with pytest.raises(RequestError, match=message):
            live(tmp_path, [sensor_of()], clock=clock, sleep=clock.sleep, **wrong)
        assert not list(tmp_path.iterdir())
