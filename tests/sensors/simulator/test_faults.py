"""Faults: where they fall, and what they leave alone."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from sensors import faults
from sensors.errors import RequestError
from sensors.faults import Faults, Placement
from sensors.simulator import backfill
from tests.harness.simulated import MEASURES, MIDNIGHT, plan_of, rows_of, sensor_of

ALL = {kind: number for number, kind in enumerate(faults.KINDS, start=2)}


class TestFaults:
    @pytest.fixture
    def both(self, tmp_path):
        """The rows with every fault, and the same rows without, by true time."""
        healthy = backfill(tmp_path / "healthy", sensor_of(), plan_of(hours=24, share=0.02))
        broken = backfill(tmp_path / "broken", sensor_of(), plan_of(hours=24, share=0.02, **ALL))
        return healthy, broken

    def test_every_fault_is_reported_and_in_the_rows(self, both):
        healthy, broken = both
        rows = rows_of(broken.path, f"timestamp, sensor_id, {MEASURES}")
        measures = [value for row in rows for value in row[2:]]
        assert dict(broken.faults) == ALL
        assert sum(value is None for value in measures) == ALL["null"]
        assert measures.count("NaN") == ALL["nan"]
        assert [row[2] for row in rows].count("n/a") == ALL["text"]
        assert [row[1] for row in rows].count("") == ALL["no_sensor_id"]
        assert sum(row[0] in faults.BAD_TIMESTAMPS for row in rows) == ALL["bad_timestamp"]
        assert sum(a == b for a, b in pairwise(rows)) == ALL["duplicate"]
        assert broken.rows == len(rows) == healthy.rows + ALL["duplicate"] - 20 * ALL["gap"]

    def test_clocks_jump_both_ways_for_twenty_readings(self, both):
        healthy, broken = both
        columns = f"{MEASURES}, timestamp"
        true = {row[:5]: row[5] for row in rows_of(healthy.path, columns)}
        stamps = [
            (datetime.fromisoformat(stamp), datetime.fromisoformat(true[tuple(measures)]))
            for *measures, stamp in rows_of(broken.path, columns)
            if tuple(measures) in true and stamp not in faults.BAD_TIMESTAMPS
        ]
        late_h = [(at - true_at) / timedelta(hours=1) for at, true_at in stamps]
        assert late_h.count(-6) == 20 * ALL["clock_back"]
        assert late_h.count(6) == 20 * ALL["clock_forward"]
        assert set(late_h) == {-6, 0, 6}

    def test_faults_leave_anomalies_and_the_other_rows_alone(self, both):
        healthy, broken = both
        assert broken.anomalies == healthy.anomalies
        content = f"{MEASURES}, anomaly_type"
        untouched = set(rows_of(healthy.path, content)) & set(rows_of(broken.path, content))
        changed = sum(ALL[kind] for kind in ("null", "nan", "text")) + 20 * ALL["gap"]
        assert len(set(rows_of(healthy.path, content))) - len(untouched) == changed
        assert (healthy.first_at, healthy.last_at) == (broken.first_at, broken.last_at)

    def test_never_fall_on_a_reading_that_an_anomaly_touches(self, tmp_path):
        written = backfill(tmp_path, sensor_of(), plan_of(hours=24, share=0.3, text=200, no_sensor_id=200))
        flags = rows_of(written.path, "anomaly_flag, temperature = 'n/a' OR sensor_id = ''")
        assert flags.count((0, 1)) == 400
        assert flags.count((1, 1)) == 0
        assert flags.count((1, 0)) > 1_000

    def test_a_negative_count_is_refused(self):
        with pytest.raises(RequestError, match="below 0"):
            Faults(gap=-1)

    def test_a_duplicate_has_its_own_row_id(self, tmp_path):
        written = backfill(tmp_path, sensor_of(), plan_of(duplicate=5))
        assert [row[0] for row in rows_of(written.path, "id")] == list(range(1, 726))

    def test_the_last_row_is_never_broken_so_a_run_can_follow(self, tmp_path):
        for seed in range(20):
            sensor = sensor_of(seed=seed)
            backfill(tmp_path / str(seed), sensor, plan_of(hours=0.05, bad_timestamp=34))
            after = backfill(tmp_path / str(seed), sensor, plan_of(hours=0.05, start=MIDNIGHT + timedelta(minutes=3)))
            assert after.rows == 36

    def test_too_many_are_refused_before_anything_is_written(self, tmp_path):
        with pytest.raises(RequestError, match="room for 719") as caught:
            backfill(tmp_path, sensor_of(), plan_of(null=720))
        assert "fewer faults" in caught.value.hint
        assert not list(tmp_path.iterdir())

    def test_a_single_reading_has_no_room(self, tmp_path):
        with pytest.raises(RequestError, match="room for 0"):
            backfill(tmp_path, sensor_of(), plan_of(hours=1 / 720, null=1))


def test_a_placement_finds_runs_that_began_earlier():
    run = faults.Fault(5, 20, "gap", 0)
    assert list(Placement((run,)).within(24, 30)) == [run]
    assert list(Placement((run,)).within(25, 30)) == []
