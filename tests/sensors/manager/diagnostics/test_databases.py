"""Databases as they are met: live, closed, of another journal mode, damaged, unreadable; nothing stays beside them."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from sensors.errors import SensorsError
from sensors.manager.compose import Owner
from sensors.manager.diagnostics import sqlite
from sensors.manager.diagnostics.check import Check, Outcome
from sensors.manager.diagnostics.databases import databases
from sensors.manager.fleet import Fleet
from sensors.manager.project import Places
from tests.harness import databases as made
from tests.harness.databases import START, readings

ROWS = 200
NOW = START + timedelta(seconds=7 * (ROWS - 1) + 3)
NOBODY = 65534

posix = pytest.mark.skipif(os.name != "posix", reason="Windows has no owners and modes of this kind")


@pytest.fixture
def path(places: Places) -> Path:
    """A closed database of one sensor."""
    return made.create(places.data / "amsterdam" / "1" / "sensor_data.db", readings(ROWS))


@pytest.fixture
def me(places: Places) -> Owner:
    there = places.root.stat()
    return Owner(there.st_uid, there.st_gid)


@pytest.fixture
def live(path: Path) -> Iterator[Path]:
    """With a writer, and rows that are in the `-wal` alone."""
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        with writer:
            made.insert(writer, readings(1, start=START + timedelta(seconds=7 * ROWS)))
        yield path


def always() -> bool:
    return True


def beside(path: Path) -> dict[str, int]:
    """What is in the database's folder, with times of change."""
    return {each.name: each.stat().st_mtime_ns for each in path.parent.iterdir()}


def one(places: Places, owner: Owner, now: datetime = NOW) -> Check:
    (check,) = databases(places, None, owner, now)
    return check


def test_a_closed_database_is_well_and_nothing_is_left_beside_it(path: Path, places: Places, me: Owner) -> None:
    before = beside(path)
    check = one(places, me)
    assert (check.name, check.outcome) == ("amsterdam/1", Outcome.OK)
    assert ", 200 rows, journal wal, newest 3 s ago, quick check ok" in check.found
    assert beside(path) == before


def test_rows_of_a_live_one_that_are_only_in_its_wal_are_seen(live: Path) -> None:
    before = set(beside(live))
    held = sqlite.content(live, always)
    assert (held.rows, held.journal, held.quick_check) == (ROWS + 1, "wal", "ok")
    assert held.newest == START + timedelta(seconds=7 * ROWS)
    assert set(beside(live)) == before


def test_a_delete_mode_database_is_a_warning(path: Path, places: Places, me: Owner) -> None:
    made.execute(path, "PRAGMA journal_mode = DELETE")
    check = one(places, me)
    assert check.outcome is Outcome.WARNING
    assert "journal delete" in check.found
    assert "WAL" in check.remedy


def test_a_writer_in_delete_mode_is_waited_for_and_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_BUSY_S", 0.01)
    made.execute(path, "PRAGMA journal_mode = DELETE")
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(SensorsError, match="locked") as caught:
            sqlite.content(path, always)
    assert "a writer holds it" in caught.value.hint


def test_a_damaged_page_is_found(path: Path, places: Places, me: Owner) -> None:
    with path.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\x05" * 4096)
    check = one(places, me)
    assert check.outcome is Outcome.FAILED
    assert ".recover" in check.remedy


@pytest.mark.parametrize("content", [b"no database at all " * 100, b"SQLite format 3\0" + b"\xff" * 4080])
def test_what_is_no_database_fails(path: Path, places: Places, me: Owner, content: bytes) -> None:
    path.write_bytes(content)
    check = one(places, me)
    assert check.outcome is Outcome.FAILED
    assert "cannot read the database" in check.found
    assert check.remedy


def test_an_empty_file_and_a_missing_table_say_so(path: Path, places: Places, me: Owner) -> None:
    path.write_bytes(b"")
    assert "no such table" in one(places, me).found
    made.create(path)
    made.execute(path, "DROP TABLE sensor_readings")
    assert "no such table" in one(places, me).found


def test_a_table_without_rows_is_a_warning(path: Path, places: Places, me: Owner) -> None:
    made.create(path)
    check = one(places, me)
    assert (check.outcome, "no rows" in check.found) == (Outcome.WARNING, True)


def test_after_a_power_cut_starting_the_sensor_mends_it(path: Path, places: Places, me: Owner) -> None:
    cut = made.power_cut(path, places.data / "amsterdam" / "2" / "sensor_data.db", readings(3))
    path.unlink()
    check = one(places, me)
    assert check.outcome is Outcome.FAILED
    assert "start its sensor once" in check.remedy
    assert set(beside(cut)) == {"sensor_data.db", "sensor_data.db-wal"}


def test_a_large_one_is_not_looked_through_and_says_so(path: Path) -> None:
    held = sqlite.content(path, always, checked_bytes=path.stat().st_size - 1)
    assert (held.rows, held.quick_check, held.damaged) == (ROWS, "left out, for its size", False)


def test_without_time_the_check_is_left_out_or_broken_off(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sqlite.content(path, lambda: False).quick_check == "left out, for want of time"
    monkeypatch.setattr(sqlite, "_STEPS", 1)
    in_time = iter([True])
    held = sqlite.content(path, lambda: next(in_time, False))
    assert (held.quick_check, held.damaged, held.rows) == ("left out, for want of time", False, ROWS)


@pytest.mark.usefixtures("path")
def test_time_is_shared_by_all_databases(places: Places, me: Owner) -> None:
    made.create(places.data / "amsterdam" / "2" / "sensor_data.db", readings(5))
    ticks = iter([0.0, 0.0, *[16.0] * 50])
    found = list(databases(places, None, me, NOW, clock=lambda: next(ticks)))
    assert [check.outcome for check in found] == [Outcome.OK, Outcome.OK]
    assert all("left out, for want of time" in check.found for check in found)


def test_a_stamp_that_is_none_has_no_age(path: Path, places: Places, me: Owner) -> None:
    made.append(path, [{"timestamp": "soon", "sensor_id": "s1"}])
    check = one(places, me)
    assert (check.outcome, "newest" in check.found) == (Outcome.OK, False)


@pytest.mark.usefixtures("path")
def test_readings_from_the_future_say_so(places: Places, me: Owner) -> None:
    assert "newest 1 h in the future" not in one(places, me).found
    assert "newest 60 min in the future" in one(places, me, NOW - timedelta(seconds=3603)).found


@posix
@pytest.mark.usefixtures("path")
def test_a_database_that_containers_cannot_write_fails(places: Places) -> None:
    check = one(places, Owner(4242, 4242))
    assert check.outcome is Outcome.FAILED
    assert "containers run as 4242:4242" in check.found
    assert check.remedy == f"sudo chown -R 4242:4242 {places.data}"


@posix
@pytest.mark.parametrize(
    ("mode", "folder_mode", "outcome"), [(0o606, 0o707, "ok"), (0o604, 0o707, "failed"), (0o606, 0o705, "failed")]
)
def test_modes_of_file_and_folder_both_count(
    path: Path, places: Places, mode: int, folder_mode: int, outcome: str
) -> None:
    path.chmod(mode)
    path.parent.chmod(folder_mode)
    assert one(places, Owner(4242, 4242)).outcome.value == outcome


@pytest.mark.root
def test_one_that_this_user_cannot_read_fails_with_how_to_give_it(path: Path, places: Places) -> None:
    path.chmod(0o600)
    for folder in path.parents:
        if folder.is_relative_to(tempfile.gettempdir()) and folder != Path(tempfile.gettempdir()):
            folder.chmod(0o755)
    os.seteuid(NOBODY)
    try:
        found = list(databases(places, None, Owner(NOBODY, NOBODY), NOW))
    finally:
        os.seteuid(0)
    assert [check.outcome for check in found] == [Outcome.FAILED]
    assert "Permission denied" in found[0].found
    assert found[0].remedy.startswith(f"sudo chown -R {NOBODY}")


def test_a_folder_in_its_place_fails(places: Places, me: Owner) -> None:
    (places.data / "amsterdam" / "1" / "sensor_data.db").mkdir(parents=True)
    assert one(places, me).outcome is Outcome.FAILED


@pytest.mark.usefixtures("path")
def test_one_bad_database_hides_no_other(places: Places, me: Owner) -> None:
    made.create(places.data / "amsterdam" / "0" / "sensor_data.db").write_bytes(b"nonsense")
    assert [check.outcome for check in databases(places, None, me, NOW)] == [Outcome.FAILED, Outcome.OK]


def test_without_any_there_is_nothing_to_check(places: Places, me: Owner) -> None:
    assert one(places, me).outcome is Outcome.SKIPPED


@pytest.mark.usefixtures("path")
def test_sensors_without_a_database_are_named(places: Places, me: Owner, fleet: Fleet) -> None:
    *_, last = databases(places, fleet, me, NOW)
    assert last.outcome is Outcome.WARNING
    assert last.found.startswith("2 sensors without a database: sensor-amsterdam-2, sensor-stjohns")


def test_a_writer_that_comes_while_the_file_is_taken_for_closed(path: Path) -> None:
    """The first read is of a file that changed under it: what is told is of the second."""
    looked = iter([True])

    def grows() -> bool:
        if next(looked, False):
            made.append(path, readings(1, start=START + timedelta(days=1)))
        return True

    assert sqlite.content(path, grows).rows == ROWS + 1
