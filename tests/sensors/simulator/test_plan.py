"""What a plan refuses, how many readings it is, and its progress."""

from datetime import datetime, timedelta

import pytest

from sensors import simulator
from sensors.errors import RequestError
from sensors.simulator import Plan, backfill
from tests.harness.simulated import MIDNIGHT, plan_of, sensor_of


class TestPlan:
    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"period_s": 0}, "period of 0"),
            ({"period_s": 0.0015}, "whole milliseconds"),
            ({"period_s": float("inf")}, "period of inf"),
            ({"anomaly_probability": -0.1}, "probability -0.1"),
            ({"anomaly_probability": float("nan")}, "probability nan"),
            ({"end": MIDNIGHT}, "ends before"),
            ({"end": datetime(2026, 11, 21)}, "no time zone"),  # noqa: DTZ001
        ],
    )
    def test_refuses_what_cannot_be_written(self, wrong, message):
        values = {"start": MIDNIGHT, "end": MIDNIGHT + timedelta(days=1), **wrong}
        with pytest.raises(RequestError, match=message) as caught:
            Plan(**values)
        assert caught.value.exit_code == 2
        assert caught.value.hint

    def test_the_end_is_not_included(self):
        assert plan_of(hours=1, period_s=5).readings == 720
        assert Plan(MIDNIGHT, MIDNIGHT + timedelta(seconds=11), 5).readings == 3

    def test_progress_adds_up_to_the_readings(self, tmp_path, monkeypatch):
        monkeypatch.setattr(simulator, "_READINGS_A_TRANSACTION", 500)
        done = []
        backfill(tmp_path, sensor_of(), plan_of(share=0.3), progress=done.append)
        assert done == [500, 220]
