"""Databases that are there already go on, or are made again when asked."""

import sqlite3
from datetime import timedelta

import pytest

from sensors.errors import RequestError, SensorsError
from sensors.simulator import backfill, database_path
from tests.harness.simulated import MIDNIGHT, plan_of, rows_of, sensor_of


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
