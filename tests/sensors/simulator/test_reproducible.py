"""The same request gives the same rows, in whatever pieces."""

from collections import Counter
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors import faults, simulator, waveform
from sensors.faults import Faults
from sensors.readings import Readings
from sensors.simulator import backfill, fleet_of
from tests.harness.simulated import MIDNIGHT, plan_of, rows_of, sensor_of, times_of


class TestReproducible:
    def test_same_request_gives_same_rows_whatever_else_is_made(self, tmp_path):
        alone = backfill(tmp_path / "a", fleet_of("denver", 3, 7)[1], plan_of(share=0.2, null=3, gap=1))
        for sensor in (*fleet_of("boston", 2, 7), *fleet_of("denver", 4, 7)):
            among = backfill(tmp_path / "b", sensor, plan_of(share=0.2, null=3, gap=1))
            if sensor.sensor_id == alone.sensor_id:
                break
        assert rows_of(alone.path) == rows_of(among.path)
        assert (alone.anomalies, alone.faults) == (among.anomalies, among.faults)

    @pytest.mark.parametrize(
        "other", [sensor_of(seed=8), sensor_of(number=2), sensor_of("boston")], ids=["seed", "sensor", "city"]
    )
    def test_another_seed_sensor_or_city_gives_other_values(self, other):
        times = times_of(100)
        this = sensor_of()
        assert not np.any(waveform.noise(this, 0, 100) == waveform.noise(other, 0, 100))
        assert not np.any(waveform.usual(this, times)[0] == waveform.usual(other, times)[0])

    @settings(max_examples=30, deadline=None)
    @given(cuts=st.lists(st.integers(1, 2_999), max_size=5, unique=True), seed=st.integers(0, 5))
    def test_pieces_of_any_size_join_to_the_same_rows(self, cuts, seed):
        sensor = sensor_of(seed=seed)
        broken = Faults(null=5, gap=3, clock_back=2, duplicate=4, bad_timestamp=2)
        start_ms = int(times_of(1)[0])
        placement = faults.placed(sensor, broken, start_ms=start_ms, period_ms=5_000, count=3_000, probability=0.1)
        readings = Readings(sensor, start_ms, 5_000, 0.1, placement)
        edges = [0, *sorted(cuts), 3_000]
        pieces = [readings.piece(first, stop) for first, stop in pairwise(edges)]
        whole = readings.piece(0, 3_000)
        joined = tuple([value for piece in pieces for value in piece.columns[n]] for n in range(len(whole.columns)))
        assert joined == whole.columns
        assert sum((piece.faults for piece in pieces), start=Counter()) == whole.faults
        assert sum(piece.missing for piece in pieces) == whole.missing

    def test_transactions_of_any_size_store_the_same_rows(self, tmp_path, monkeypatch):
        large = backfill(tmp_path / "a", sensor_of(), plan_of(share=0.1, duplicate=3))
        monkeypatch.setattr(simulator, "_READINGS_A_TRANSACTION", 77)
        small = backfill(tmp_path / "b", sensor_of(), plan_of(share=0.1, duplicate=3))
        assert rows_of(small.path) == rows_of(large.path)
        assert small.rows == large.rows == len(rows_of(large.path))

    def test_two_halves_are_the_whole(self, tmp_path):
        whole = backfill(tmp_path / "a", sensor_of(), plan_of(hours=8, share=0.2))
        backfill(tmp_path / "b", sensor_of(), plan_of(hours=3, share=0.2))
        rest = plan_of(hours=5, share=0.2, start=MIDNIGHT + timedelta(hours=3))
        half = backfill(tmp_path / "b", sensor_of(), rest)
        assert rows_of(half.path) == rows_of(whole.path)
