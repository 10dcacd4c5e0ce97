"""One look at a sensor's database: beside its writer, without a trace, and whatever its state."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sensors.errors import SensorsError
from sensors.manager.look import opening
from sensors.manager.look.databases import Taken, find, look
from sensors.simulator import Faults, Plan, backfill, fleet_of
from tests.harness import databases

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def simulated(data: Path, *, rows: int = 200, period_s: float = 1.0, end: datetime = NOW) -> Path:
    """A database as a sensor writes it, whose last reading was one period before the end."""
    (sensor,) = fleet_of("Denver", 1, 7, "")
    begin = end - timedelta(seconds=rows * period_s)
    return backfill(data, sensor, Plan(begin, end, period_s, 0.0, Faults()), recreate=True).path


def row_at(path: Path, row_id: int) -> dict[str, object]:
    with closing(sqlite3.connect(path)) as connection:
        values = connection.execute(
            "SELECT id, timestamp, sensor_id FROM sensor_readings WHERE id = ?", (row_id,)
        ).fetchone()
    return dict(zip(("id", "timestamp", "sensor_id"), values, strict=True))


@contextmanager
def writing(path: Path, rows: int) -> Iterator[sqlite3.Connection]:
    """A writer that has added rows which are only in its `-wal`."""
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        with writer:
            databases.insert(writer, databases.readings(rows, start=NOW))
        yield writer


def files(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_what_a_database_says(tmp_path: Path) -> None:
    path = simulated(tmp_path)
    said = look(path, (), NOW)
    assert (said.rows, said.backlog_rows, said.why) == (200, 200, None)
    assert said.newest == NOW - timedelta(seconds=1)
    assert said.sensor_id == row_at(path, 200)["sensor_id"]
    assert said.size_bytes == path.stat().st_size
    assert said.rows_per_second == pytest.approx(1.0, abs=0.02)
    assert said.lag_s is None


def test_a_look_leaves_nothing_behind(tmp_path: Path) -> None:
    path = simulated(tmp_path)
    before = files(path.parent)
    look(path, (), NOW)
    assert files(path.parent) == before


def test_rows_of_a_writer_at_work_are_seen_in_place_and_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = simulated(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "no room for a copy"))
    with writing(path, 30) as writer:
        before = files(path.parent)
        said = look(path, (), NOW + timedelta(minutes=5))
        assert (said.rows, said.why) == (230, None)
        assert files(path.parent).keys() == before.keys()
        writer.execute("BEGIN EXCLUSIVE")
        assert look(path, (), NOW).rows == 230, "a writer in its transaction hides what was committed"
        writer.execute("ROLLBACK")
        with writer:
            databases.insert(writer, databases.readings(1))
        assert look(path, (), NOW).rows == 231


def test_a_writer_that_was_killed(tmp_path: Path) -> None:
    path = simulated(tmp_path)
    code = f"""
import os, signal, sqlite3, sys
sys.path.insert(0, {str(Path(__file__).parents[3])!r})
from tests.harness import databases
writer = sqlite3.connect({str(path)!r})
writer.execute("PRAGMA wal_autocheckpoint = 0")
databases.insert(writer, databases.readings(5))
writer.commit()
os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    assert path.with_name(f"{path.name}-wal").stat().st_size > 0
    before = files(path.parent).keys()
    assert look(path, (), NOW).rows == 205
    assert files(path.parent).keys() == before


def test_a_log_whose_index_is_gone_is_read_from_a_copy(tmp_path: Path) -> None:
    path = databases.power_cut(simulated(tmp_path), tmp_path / "cut" / "sensor_data.db", databases.readings(9))
    before = files(path.parent)
    assert look(path, (), NOW).rows == 209
    assert files(path.parent) == before


def test_a_database_with_a_rollback_journal(tmp_path: Path) -> None:
    path = simulated(tmp_path)
    databases.execute(path, "PRAGMA journal_mode = DELETE")
    assert look(path, (), NOW).rows == 200


def test_one_that_a_writer_locks_is_told_not_waited_for(tmp_path: Path) -> None:
    path = simulated(tmp_path)
    databases.execute(path, "PRAGMA journal_mode = DELETE")
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        said = look(path, (), NOW)
    assert said.why == "database is locked"
    assert said.size_bytes == path.stat().st_size
    assert said.rows is None


def empty(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("no database\n" * 100)


def header_alone(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 8192)


def missing(path: Path) -> None:
    path.unlink()


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def other_table(path: Path) -> None:
    databases.execute(path, "ALTER TABLE sensor_readings RENAME TO readings")


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (empty, "it is empty"),
        (text, "it is not a SQLite database"),
        (header_alone, "malformed"),
        (missing, "No such file"),
        (folder, "it is not a regular file"),
        (other_table, "it has no table sensor_readings"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, damage: Callable[[Path], None], why: str) -> None:
    path = simulated(tmp_path)
    damage(path)
    said = look(path, (), NOW)
    assert said.why is not None
    assert why in said.why
    assert said.rows is None


def test_a_table_just_made_has_no_rows(tmp_path: Path) -> None:
    path = databases.create(tmp_path / "sensor_data.db")
    said = look(path, (), NOW)
    assert (said.rows, said.backlog_rows, said.newest, said.why) == (0, 0, None, None)


@pytest.mark.parametrize(
    "schema",
    ["timestamp TEXT, sensor_id TEXT", "id INTEGER PRIMARY KEY, at TEXT", "id INTEGER PRIMARY KEY, timestamp REAL"],
)
def test_tables_of_other_shapes_are_read_as_far_as_they_go(tmp_path: Path, schema: str) -> None:
    path = tmp_path / "sensor_data.db"
    databases.execute(path, f"CREATE TABLE sensor_readings ({schema})")
    databases.execute(path, *["INSERT INTO sensor_readings DEFAULT VALUES"] * 3)
    said = look(path, (), NOW)
    assert (said.rows, said.newest, said.rows_per_second, said.why) == (3, None, None, None)


def test_a_reading_without_a_readable_time_is_passed_over(tmp_path: Path) -> None:
    path = simulated(tmp_path)
    databases.execute(path, "UPDATE sensor_readings SET timestamp = 'soon' WHERE id > 190")
    assert look(path, (), NOW).newest == NOW - timedelta(seconds=11)


def test_a_time_without_a_zone_is_utc(tmp_path: Path) -> None:
    path = simulated(tmp_path)
    databases.execute(path, "UPDATE sensor_readings SET timestamp = '2026-11-23 11:59:00' WHERE id = 200")
    assert look(path, (), NOW).newest == NOW - timedelta(minutes=1)


@pytest.mark.parametrize(("period_s", "rows"), [(0.01, 9000), (0.5, 300), (10.0, 100)])
def test_the_rate_is_that_of_the_last_minute_or_so(tmp_path: Path, period_s: float, rows: int) -> None:
    path = simulated(tmp_path, rows=rows, period_s=period_s)
    assert look(path, (), NOW).rows_per_second == pytest.approx(1 / period_s, rel=0.03)


def test_a_pause_between_two_writes_hardly_shows_in_the_rate(tmp_path: Path) -> None:
    path = simulated(tmp_path, rows=9_000, period_s=0.01)
    assert look(path, (), NOW + timedelta(seconds=5)).rows_per_second == pytest.approx(100, rel=0.1)


def test_the_rate_of_a_sensor_that_has_stopped_falls(tmp_path: Path) -> None:
    path = simulated(tmp_path)
    rate = look(path, (), NOW + timedelta(hours=1)).rows_per_second
    assert rate is not None
    assert rate < 0.1


def taken(path: Path, position: int) -> Taken:
    return Taken(position, row_at(path, position))


def test_backlog_and_lag_are_what_lies_beyond_the_position(tmp_path: Path) -> None:
    path = simulated(tmp_path)
    said = look(path, [taken(path, 170)], NOW)
    assert (said.backlog_rows, said.lag_s) == (30, 30.0)
    said = look(path, [taken(path, 200)], NOW)
    assert (said.backlog_rows, said.lag_s) == (0, 0.0)


def test_what_was_deleted_is_no_backlog(tmp_path: Path) -> None:
    path = simulated(tmp_path)
    life = taken(path, 50)
    databases.execute(path, "DELETE FROM sensor_readings WHERE id <= 150")
    said = look(path, [life], NOW)
    assert (said.rows, said.backlog_rows, said.lag_s) == (50, 50, 150.0)


def test_a_table_begun_anew_waits_whole(tmp_path: Path) -> None:
    path = simulated(tmp_path)
    life = taken(path, 170)
    simulated(tmp_path, rows=180, end=NOW + timedelta(hours=1))
    assert look(path, [life], NOW).backlog_rows == 180
    simulated(tmp_path, rows=20, end=NOW + timedelta(hours=1))
    said = look(path, [life], NOW)
    assert (said.backlog_rows, said.lag_s) == (20, None)


def test_a_copy_of_an_earlier_life_goes_on_from_there(tmp_path: Path) -> None:
    path = simulated(tmp_path)
    first = taken(path, 150)
    other = Taken(170, {"id": 170, "timestamp": "2026-11-20T00:00:00+00:00", "sensor_id": "x"})
    assert look(path, [first, other], NOW).backlog_rows == 50


def test_a_life_before_its_first_batch_waits_whole(tmp_path: Path) -> None:
    assert look(simulated(tmp_path), [Taken(-(2**63))], NOW).backlog_rows == 200


def test_databases_are_found_by_city_and_number(tmp_path: Path) -> None:
    for name in ("newyork/10", "newyork/2", "boston/one"):
        databases.create(tmp_path / name / "sensor_data.db")
    (tmp_path / "boston" / "3").mkdir()
    (tmp_path / "a file").touch()
    assert [(each.folder, each.sensor) for each in find(tmp_path)] == [
        ("boston", "one"),
        ("newyork", "2"),
        ("newyork", "10"),
    ]


def test_without_a_data_folder_there_is_none(tmp_path: Path) -> None:
    assert find(tmp_path / "none") == []


@pytest.mark.skipif(os.name == "nt", reason="links take a right there that tests have not")
def test_a_link_leads_to_the_log_beside_its_target(tmp_path: Path) -> None:
    path = simulated(tmp_path / "there")
    link = tmp_path / "sensor_data.db"
    link.symlink_to(path)
    with writing(path, 30):
        assert look(link, (), NOW).rows == 230


def test_a_database_that_never_rests_is_given_up(tmp_path: Path) -> None:
    path = simulated(tmp_path)

    def read(_: sqlite3.Connection) -> int:
        path.write_bytes(path.read_bytes() + bytes(4096))
        return 1

    with pytest.raises(SensorsError, match="changed hands"):
        opening.read(path, read)
