"""Anomalies: their share, their truth in the rows, and what each kind does."""

from datetime import datetime
from itertools import pairwise

import numpy as np
import pytest

from sensors import anomalies, waveform
from sensors.simulator import backfill, fleet_of
from tests.harness.simulated import plan_of, rows_of, sensor_of, times_of

LABEL_OF = {kind: number for number, kind in enumerate(anomalies.KINDS, start=1)}


class TestAnomalies:
    @pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
    @pytest.mark.parametrize("period_ms", [1_000, 8_000, 60_000])
    def test_the_probability_is_the_share_of_readings_at_any_period(self, share, period_ms):
        times = times_of(min(400_000, 60 * 86_400_000 // period_ms), period_ms)
        labels = np.concatenate(
            [anomalies.at(sensor, times, period_ms, share).labels for sensor in fleet_of("denver", 6, 7)]
        )
        assert np.mean(labels > 0) == pytest.approx(share, rel=0.2)
        assert set(labels.tolist()) == {0, 1, 2, 3, 4, 5}

    def test_none_are_made_when_none_are_wanted(self, tmp_path):
        written = backfill(tmp_path, sensor_of(), plan_of(hours=24))
        assert set(rows_of(written.path, "status_code, anomaly_flag, anomaly_type")) == {(0, 0, None)}

    def test_truth_is_in_the_rows_and_in_what_is_returned(self, tmp_path):
        written = backfill(tmp_path, sensor_of(), plan_of(hours=48, share=0.2))
        truth = rows_of(written.path, "anomaly_type, anomaly_flag, status_code")
        counted = {kind: [row[0] for row in truth].count(kind) for kind in anomalies.KINDS}
        assert dict(written.anomalies) == counted
        assert all(counted.values())
        assert all(flag == status == int(kind is not None) for kind, flag, status in truth)

    def change(self, kind, period_ms=1_000):
        """What one undisturbed episode of a kind adds to the readings, five measures by readings."""
        sensor = sensor_of()
        times = times_of(200_000, period_ms)
        found = anomalies.at(sensor, times, period_ms, 0.05)
        numbers = [n for n in range(len(found.episodes)) if found.episodes[n].label == LABEL_OF[kind]]
        number = max(numbers, key=lambda n: np.count_nonzero(found.owners == n))
        rows = np.flatnonzero(found.owners == number)
        noise = waveform.noise(sensor, int(times[0]) // period_ms, len(times))
        values = np.zeros_like(noise)
        anomalies.disturb(values, noise, times, found)
        return values[:, rows], noise[:, rows], found.episodes[number]

    def test_a_spike_doubles_or_halves_one_reading(self):
        change, _, episode = self.change("spike")
        level = {0: 20, 1: 50, 4: 12}[episode.measure]
        assert change.shape[1] == 1
        assert np.count_nonzero(change) == 1
        assert change[episode.measure, 0] == pytest.approx(level if episode.upward else -level / 2)

    def test_a_trend_drifts_a_tenth_a_minute_for_five_minutes(self):
        change, _, episode = self.change("trend")
        level = {0: 20, 1: 50, 4: 12}[episode.measure]
        assert change.shape[1] == 300
        end = level * 0.5 if episode.upward else level * (1 / 1.5 - 1)
        assert change[episode.measure, -1] == pytest.approx(end, rel=0.01)
        assert np.all(np.diff(np.abs(change[episode.measure])) > 0)

    def test_a_pattern_swings_temperature_and_humidity_against_each_other(self):
        change, _, _ = self.change("pattern")
        assert change.shape[1] == 600
        assert change[0].max() == pytest.approx(4, rel=0.01)
        assert change[0] * -2.5 == pytest.approx(change[1])

    def test_noise_triples_the_noise_for_two_minutes(self):
        change, noise, _ = self.change("noise")
        assert change.shape[1] == 120
        assert change + noise == pytest.approx(3 * noise)

    def test_missing_data_leaves_no_rows_for_a_minute_and_marks_the_next_one(self, tmp_path):
        written = backfill(tmp_path, sensor_of(), plan_of(hours=48, share=0.05))
        rows = rows_of(written.path, "timestamp, anomaly_type")
        times = [datetime.fromisoformat(row[0]) for row in rows]
        steps = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
        after_a_gap = {n + 1 for n, step in enumerate(steps) if step > 5}
        marked = {n for n, (_, kind) in enumerate(rows) if kind == "missing_data"}
        assert marked
        assert marked == after_a_gap
        assert {steps[n - 1] for n in marked} <= {60.0, 65.0, 70.0}
        assert written.missing == 48 * 720 - written.rows
