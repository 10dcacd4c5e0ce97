import gzip
import sqlite3
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors import anomalies, faults, simulator, waveform
from sensors.cities import city_named
from sensors.errors import RequestError, SensorsError
from sensors.faults import Faults, Placement
from sensors.readings import Readings
from sensors.simulator import Plan, backfill, database_path, fleet_of, live

MIDNIGHT = datetime(2026, 11, 20, tzinfo=UTC)
REAL = Path(__file__).resolve().parents[3] / "shared/data/boston.db.gz"
MEASURES = ", ".join(waveform.MEASURES)
ALL = {kind: number for number, kind in enumerate(faults.KINDS, start=2)}
LABEL_OF = {kind: number for number, kind in enumerate(anomalies.KINDS, start=1)}


def rows_of(path, columns="*"):
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        rows = connection.execute(f"SELECT {columns} FROM sensor_readings ORDER BY id").fetchall()
    connection.close()
    return rows


def plan_of(hours=1.0, period_s=5.0, start=MIDNIGHT, share=0.0, **broken):
    return Plan(start, start + timedelta(hours=hours), period_s, share, Faults(**broken))


def sensor_of(city="denver", number=1, seed=7):
    return fleet_of(city, number, seed)[-1]


def times_of(count, period_ms=5_000, start=MIDNIGHT):
    return int(start.timestamp() * 1000) + np.arange(count, dtype=np.int64) * period_ms


def schema_of(path):
    connection = sqlite3.connect(path)
    columns = connection.execute("PRAGMA table_info(sensor_readings)").fetchall()
    indexes = {
        row[1]: [column[2] for column in connection.execute(f"PRAGMA index_info({row[1]})")]
        for row in connection.execute("PRAGMA index_list(sensor_readings)")
    }
    mode = connection.execute("PRAGMA journal_mode").fetchone()
    sequence = connection.execute("SELECT name FROM sqlite_sequence").fetchall()
    connection.close()
    return columns, indexes, mode, sequence


@pytest.fixture
def real(tmp_path):
    if not REAL.exists():
        pytest.skip(f"NOT TESTED against the upstream simulator: {REAL} is missing")
    path = tmp_path / "boston.db"
    path.write_bytes(gzip.decompress(REAL.read_bytes()))
    return path


class TestUpstreamTable:
    def test_columns_types_indexes_and_mode_are_those_of_the_real_file(self, tmp_path, real):
        written = backfill(tmp_path, sensor_of("Boston"), plan_of())
        assert schema_of(written.path) == schema_of(real)

    def test_values_are_stored_in_the_types_and_forms_of_the_real_file(self, tmp_path, real):
        written = backfill(tmp_path, sensor_of("Boston"), plan_of())
        names = [column[1] for column in schema_of(real)[0]]
        types = ", ".join(f"typeof({name})" for name in names)
        assert set(rows_of(written.path, types)) == set(rows_of(real, types))
        forms = "length(timestamp), substr(timestamp, 11, 1), substr(timestamp, 20, 1), substr(timestamp, 24)"
        forms += ", length(sensor_id), substr(sensor_id, 1, 14), location, original_timezone, status_code"
        assert set(rows_of(written.path, forms)) == set(rows_of(real, forms))

    def test_continues_the_real_file_with_its_row_ids(self, tmp_path, real):
        sensor = sensor_of("Boston")
        path = database_path(tmp_path, "Boston", sensor.sensor_id)
        path.parent.mkdir(parents=True)
        real.rename(path)
        last_id, last_stamp = rows_of(path, "id, timestamp")[-1]
        start = datetime.fromisoformat(last_stamp) + timedelta(seconds=5)
        backfill(tmp_path, sensor, plan_of(start=start))
        added = rows_of(path, "id")[2_000:]
        assert len(added) == 720
        assert added[0][0] > last_id

    def test_is_one_file_a_sensor_in_the_folder_of_the_city_as_written(self, tmp_path):
        written = backfill(tmp_path, sensor_of("New York"), plan_of())
        assert written.path == tmp_path / "New York" / "SENSOR_NY_NYC_0001" / "sensor_data.db"
        assert [each.name for each in written.path.parent.iterdir()] == ["sensor_data.db"]


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


class TestWaveform:
    MONTH = times_of(28 * 288, 300_000)

    def test_sensors_of_a_city_share_its_weather_and_cities_do_not(self):
        here, there = fleet_of("denver", 2, 7)
        away = sensor_of("berlin")
        daily = [waveform.usual(each, self.MONTH)[2] for each in (here, there, away)]
        assert np.corrcoef(daily[0], daily[1])[0, 1] > 0.99
        assert abs(np.corrcoef(daily[0], daily[2])[0, 1]) < 0.7
        assert np.ptp(daily[0] - daily[1]) == pytest.approx(0, abs=1e-6)
        assert abs(np.mean(daily[0] - daily[1])) > 1

    def test_temperature_has_a_day_and_humidity_goes_against_it(self):
        temperature, humidity, *_ = waveform.usual(sensor_of(), self.MONTH)
        local_hour = ((self.MONTH // 300_000 / 12) - 7) % 24
        by_hour = [temperature[(local_hour >= hour) & (local_hour < hour + 1)].mean() for hour in range(24)]
        assert np.argmax(by_hour) in (14, 15)
        assert max(by_hour) - min(by_hour) > 5
        assert np.corrcoef(temperature, humidity)[0, 1] < -0.7

    def test_voltage_falls_a_little_with_temperature(self):
        temperature, *_, voltage = waveform.usual(sensor_of(), self.MONTH)
        assert np.corrcoef(temperature, voltage)[0, 1] < -0.9
        assert np.ptp(voltage) < 0.5

    def test_vibration_has_a_work_week(self):
        *_, vibration, _ = waveform.usual(sensor_of(), self.MONTH)
        local = [MIDNIGHT + timedelta(minutes=5 * n) - timedelta(hours=7) for n in range(len(self.MONTH))]
        at_noon = {day: [] for day in range(7)}
        for at, value in zip(local, vibration, strict=True):
            if at.hour == 12:
                at_noon[at.weekday()].append(value)
        means = [np.mean(at_noon[day]) for day in range(7)]
        assert min(means[:5]) > 1.5 * max(means[5:])

    @pytest.mark.parametrize("city", ["denver", "singapore", "nowhere in particular"])
    def test_pressure_is_at_sea_level_in_pascal_everywhere(self, city):
        pressure = waveform.usual(sensor_of(city), self.MONTH)[2]
        assert abs(pressure.mean() - 101_325) < 600
        assert 200 < pressure.std() < 1_500
        assert np.abs(np.diff(pressure)).max() < 100

    def test_each_model_has_its_own_noise(self):
        spreads = {}
        for sensor in fleet_of("denver", 4, 7):
            spreads[sensor.model.name] = waveform.noise(sensor, 10_000, 5_000).std(axis=1)
            assert spreads[sensor.model.name] == pytest.approx(sensor.model.noise.as_tuple(), rel=0.05)
        assert len({tuple(spread) for spread in spreads.values()}) == 4


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


class TestContinuing:
    def test_refuses_a_period_that_is_there_and_says_where_to_start(self, tmp_path):
        path = backfill(tmp_path, sensor_of(), plan_of()).path
        before = rows_of(path)
        with pytest.raises(RequestError, match="newest row") as caught:
            backfill(tmp_path, sensor_of(), plan_of(start=MIDNIGHT + timedelta(minutes=59)))
        assert "2026-11-20T01:00:00+00:00" in caught.value.hint
        assert caught.value.exit_code == 2
        assert rows_of(path) == before

    def test_row_ids_go_on_after_rows_were_deleted(self, tmp_path):
        path = backfill(tmp_path, sensor_of(), plan_of()).path
        with sqlite3.connect(path) as connection:
            connection.execute("DELETE FROM sensor_readings WHERE id > 700")
        connection.close()
        backfill(tmp_path, sensor_of(), plan_of(start=MIDNIGHT + timedelta(hours=1)))
        assert [row[0] for row in rows_of(path, "id")][699:702] == [700, 721, 722]

    def test_looks_past_newest_rows_without_a_readable_time(self, tmp_path):
        path = backfill(tmp_path, sensor_of(), plan_of()).path
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE sensor_readings SET timestamp = 'not-a-time' WHERE id > 718")
        connection.close()
        with pytest.raises(RequestError, match="newest row is of 2026-11-20T00:59:45"):
            backfill(tmp_path, sensor_of(), plan_of())

    def test_recreate_starts_row_ids_again(self, tmp_path):
        path = backfill(tmp_path, sensor_of(), plan_of(hours=2)).path
        backfill(tmp_path, sensor_of(), plan_of(), recreate=True)
        assert [row[0] for row in rows_of(path, "id")] == list(range(1, 721))

    def test_recreate_removes_all_that_sqlite_left(self, tmp_path, monkeypatch):
        path = backfill(tmp_path, sensor_of(), plan_of()).path
        for suffix in ("-wal", "-shm", "-journal"):
            path.with_name(path.name + suffix).write_bytes(b"left over")

        def fail(*_args, **_options):
            raise sqlite3.OperationalError("no room")

        monkeypatch.setattr(sqlite3, "connect", fail)
        with pytest.raises(SensorsError, match="no room"):
            backfill(tmp_path, sensor_of(), plan_of(), recreate=True)
        assert not list(path.parent.iterdir())

    def test_leaves_nothing_in_the_wal_while_a_reader_has_the_file_open(self, tmp_path):
        path = backfill(tmp_path, sensor_of(), plan_of()).path
        reader = sqlite3.connect(path)
        assert reader.execute("SELECT count(*) FROM sensor_readings").fetchone() == (720,)
        backfill(tmp_path, sensor_of(), plan_of(start=MIDNIGHT + timedelta(hours=1)))
        wal_bytes = path.with_name(path.name + "-wal").stat().st_size
        reader.close()
        assert wal_bytes == 0

    def test_a_file_that_is_no_database_is_an_error_with_its_path(self, tmp_path):
        path = database_path(tmp_path, "denver", sensor_of().sensor_id)
        path.parent.mkdir(parents=True)
        path.write_text("this is no database, and long enough for SQLite to read a header" * 40)
        with pytest.raises(SensorsError, match="not a database") as caught:
            backfill(tmp_path, sensor_of(), plan_of())
        assert str(path) in str(caught.value)
        assert caught.value.exit_code == 1
        assert isinstance(caught.value.__cause__, sqlite3.DatabaseError)


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


class TestFleet:
    def test_known_cities_have_their_place_and_offset(self):
        denver = city_named("DENVER")
        assert (denver.name, denver.utc_offset) == ("Denver", "-07:00")
        assert (denver.latitude, denver.longitude) == pytest.approx((39.74, -104.99), abs=0.01)
        assert city_named("new_york") == city_named("New York")
        assert city_named("mumbai").utc_offset == "+05:30"

    @given(name=st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20))
    def test_any_name_is_a_city_on_the_map(self, name):
        city = city_named(name)
        assert city == city_named(name)
        assert abs(city.latitude) <= 60
        assert abs(city.utc_offset_h - city.longitude / 15) <= 0.5 or city.region != "XX"
        assert fleet_of(name, 1)[0].sensor_id.isascii()

    @pytest.mark.parametrize("name", ["", " ", "..", "a/b", "a\\b", ".hidden", " denver", "den\nver", "-"])
    def test_a_name_that_is_no_folder_is_refused(self, name):
        with pytest.raises(RequestError, match="folder"):
            fleet_of(name, 1)

    def test_a_sensor_is_the_same_in_a_fleet_of_any_size(self):
        assert fleet_of("denver", 2, 7) == fleet_of("denver", 5, 7)[:2]
        assert len({sensor.model.manufacturer for sensor in fleet_of("denver", 4)}) == 4

    def test_two_nodes_of_a_city_have_sensors_of_their_own(self):
        here, there = (fleet_of("denver", 2, 7, node) for node in ("denver-1", "denver-2"))
        assert [sensor.sensor_id for sensor in here] == ["SENSOR_CO_DEN_0001_denver-1", "SENSOR_CO_DEN_0002_denver-1"]
        assert not {sensor.sensor_id for sensor in here} & {sensor.sensor_id for sensor in there}

    @pytest.mark.parametrize("count", [0, 10_000])
    def test_counts_beyond_an_id_are_refused(self, count):
        with pytest.raises(RequestError, match="between 1 and 9,999"):
            fleet_of("denver", count)


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


def test_a_placement_finds_runs_that_began_earlier():
    run = faults.Fault(5, 20, "gap", 0)
    assert list(Placement((run,)).within(24, 30)) == [run]
    assert list(Placement((run,)).within(25, 30)) == []
