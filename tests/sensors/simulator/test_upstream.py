"""Tables as those of the upstream simulator, by a file that it wrote."""

import gzip
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from sensors.simulator import backfill, database_path
from tests.harness.simulated import plan_of, rows_of, sensor_of

REAL = Path(__file__).resolve().parents[4] / "shared/data/boston.db.gz"


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
