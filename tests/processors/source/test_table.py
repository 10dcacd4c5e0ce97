from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from processors.errors import SourceError
from processors.model import BEFORE_FIRST
from processors.source import open_source

REST = "timestamp TEXT, sensor_id TEXT"


def write(path: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)
    return path


def opened(path: Path, table: str = "r", **columns: str) -> Any:
    return open_source(path, table=table, columns=columns, scratch=path.parent / "scratch", busy_s=0)


def refusal(path: Path, table: str = "r", **columns: str) -> SourceError:
    with pytest.raises(SourceError) as caught, opened(path, table, **columns):
        pass
    return caught.value


@pytest.mark.parametrize(
    ("declared", "ids"),
    [
        (f"id INTEGER PRIMARY KEY, {REST}", [-3, 0, 2**63 - 1]),
        (f"ID integer primary key autoincrement, {REST}", [1, 2]),
        (f"id INT PRIMARY KEY, {REST}", [-(2**63) + 1, 5]),
        (f"id INTEGER PRIMARY KEY DESC, {REST}", [1, 2, 3]),
        (f"id BIGINT UNIQUE, {REST}", [4, 9]),
        (f"id UNIQUE, {REST}", [4, 9]),
        (f"id INTEGER UNIQUE, other INTEGER PRIMARY KEY, {REST}", [7, 8]),
    ],
)
def test_ids_that_stay_with_their_row_can_be_paged_by(tmp_path: Path, declared: str, ids: list[int]) -> None:
    values = [f"INSERT INTO r(id, timestamp, sensor_id) VALUES({number}, 't', 's')" for number in ids]
    with opened(write(tmp_path / "a.db", f"CREATE TABLE r({declared})", *values)) as source:
        assert source.page(BEFORE_FIRST, 10)["id"].to_list() == ids
        extent = source.extent()
    assert (extent.first_id, extent.last_id) == (ids[0], ids[-1])


def test_a_table_without_rowid_works(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.db",
        f"CREATE TABLE r(id INTEGER PRIMARY KEY, {REST}) WITHOUT ROWID",
        "INSERT INTO r VALUES(2, 't', 's'), (-1, 't', 's')",
    )
    with opened(path) as source:
        assert source.page(BEFORE_FIRST, 1)["id"].to_list() == [-1]
        assert source.page(-1, 1)["id"].to_list() == [2]


@pytest.mark.parametrize(
    ("declared", "row", "why"),
    [
        (f"id INTEGER, {REST}", "1, 't', 's'", "neither the INTEGER PRIMARY KEY nor UNIQUE"),
        (f"id INTEGER, {REST}, UNIQUE(id, sensor_id)", "1, 't', 's'", "neither"),
        (f"id INTEGER, {REST}, PRIMARY KEY(id, sensor_id)", "1, 't', 's'", "neither"),
        (f"id TEXT PRIMARY KEY, {REST}", "'a-1', 't', 's'", "not integers"),
        (f"id UNIQUE, {REST}", "1.5, 't', 's'", "not integers"),
        (f"id INTEGER UNIQUE, {REST}", "NULL, 't', 's'", "some rows have no id"),
        (f"id INTEGER PRIMARY KEY, {REST}", "-9223372036854775808, 't', 's'", "cannot be told from"),
    ],
)
def test_ids_that_cannot_be_paged_by_are_refused(tmp_path: Path, declared: str, row: str, why: str) -> None:
    error = refusal(write(tmp_path / "a.db", f"CREATE TABLE r({declared})", f"INSERT INTO r VALUES({row})"))
    assert why in str(error)
    assert "[columns] id" in error.hint


def test_a_partial_unique_index_is_no_promise(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.db", f"CREATE TABLE r(id INTEGER, {REST})", "CREATE UNIQUE INDEX u ON r(id) WHERE id > 5"
    )
    assert "neither" in str(refusal(path))


def test_ids_that_are_no_longer_integers_end_the_extent(tmp_path: Path) -> None:
    path = write(tmp_path / "a.db", f"CREATE TABLE r(id UNIQUE, {REST})", "INSERT INTO r VALUES(1, 't', 's')")
    with opened(path) as source:
        write(path, "INSERT INTO r VALUES('x', 't', 's')")
        with pytest.raises(SourceError, match="not integers"):
            source.extent()


def test_a_missing_table_names_those_that_there_are(tmp_path: Path) -> None:
    path = write(tmp_path / "a.db", "CREATE TABLE other(a)", "CREATE TABLE r2(id INTEGER PRIMARY KEY AUTOINCREMENT)")
    assert str(refusal(path)).endswith("there is no table r; there are: other, r2")


def test_a_view_is_refused(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.db", f"CREATE TABLE t(id INTEGER PRIMARY KEY, {REST})", "CREATE VIEW r AS SELECT * FROM t"
    )
    assert "no stable id" in str(refusal(path))


@pytest.mark.parametrize("name", ["sensor readings", 'a"b', "select", "'quoted'", "[x]", "r;DROP TABLE r", "día"])
def test_any_name_is_quoted_right(tmp_path: Path, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    path = write(
        tmp_path / "a.db",
        f"CREATE TABLE {quoted}(id INTEGER PRIMARY KEY AUTOINCREMENT, {quoted} TEXT, sensor_id TEXT)",
        f"INSERT INTO {quoted} VALUES(1, 'when', 's')",
    )
    with opened(path, name, timestamp=name) as source:
        assert source.page(BEFORE_FIRST, 1).row(0)[:3] == (1, "when", "s")
        assert source.extent().ever_id == 1


def test_names_match_as_in_sqlite(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.db",
        "CREATE TABLE Readings(Id INTEGER PRIMARY KEY, TimeStamp TEXT, SENSOR_ID TEXT, Temperature REAL)",
        "INSERT INTO readings VALUES(1, 't', 's', 2.5)",
    )
    with opened(path, "READINGS") as source:
        assert source.page(BEFORE_FIRST, 1)["temperature"].to_list() == [2.5]


def test_mapped_columns_take_the_place_of_their_namesakes(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.db",
        f"CREATE TABLE r(id INTEGER PRIMARY KEY, ts TEXT, {REST}, humidity REAL, temperature REAL)",
        "INSERT INTO r VALUES(1, 'mapped', 'other', 's', 1.0, 2.0)",
    )
    with opened(path, timestamp="TS", temperature="humidity", humidity="temperature") as source:
        row = source.page(BEFORE_FIRST, 1).row(0, named=True)
    assert (row["timestamp"], row["extra.timestamp"]) == ("mapped", "other")
    assert (row["temperature"], row["humidity"]) == (1.0, 2.0)


def test_a_claimed_column_is_not_read_twice(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.db",
        f"CREATE TABLE r(id INTEGER PRIMARY KEY, {REST}, humidity REAL)",
        "INSERT INTO r VALUES(1, 't', 's', 1.0)",
    )
    with opened(path, temperature="humidity") as source:
        row = source.page(BEFORE_FIRST, 1).row(0, named=True)
    assert (row["temperature"], row["humidity"]) == (1.0, None)


def test_missing_required_columns_are_named_with_the_setting_to_change(tmp_path: Path) -> None:
    error = refusal(write(tmp_path / "a.db", "CREATE TABLE r(id INTEGER PRIMARY KEY, ts TEXT, device TEXT)"))
    assert "no column timestamp, sensor_id; it has id, ts, device" in str(error)
    assert '[columns] timestamp = "..."' in error.hint
    assert "COSMOS_COLUMNS=" in error.hint


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"time": "timestamp"}, "no field of a reading is called time"),
        ({"temperature": "temp"}, "no column temp (for temperature); it has id, timestamp, sensor_id"),
        ({"latitude": "sensor_id", "longitude": "SENSOR_ID"}, "two fields"),
    ],
)
def test_a_mapping_that_cannot_hold_is_refused(tmp_path: Path, columns: dict[str, str], why: str) -> None:
    path = write(tmp_path / "a.db", f"CREATE TABLE r(id INTEGER PRIMARY KEY, {REST})")
    error = refusal(path, **columns)
    assert why in str(error)
    assert "`columns`" in error.hint


def test_a_name_that_looks_like_a_companion_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.db", f'CREATE TABLE r(id INTEGER PRIMARY KEY, {REST}, "x!odd" TEXT)')
    assert "x!odd" in str(refusal(path))


def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.db", f"CREATE TABLE r(id INTEGER PRIMARY KEY, {REST}, qqqq TEXT)")
    path.write_bytes(path.read_bytes().replace(b"qqqq", b"q\xff\xfeq"))
    assert "not UTF-8" in str(refusal(path))


def test_generated_columns_are_read(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.db",
        "CREATE TABLE r(id INTEGER PRIMARY KEY, epoch INTEGER, sensor_id TEXT,"
        " timestamp TEXT AS (datetime(epoch, 'unixepoch')) VIRTUAL)",
        "INSERT INTO r(epoch, sensor_id) VALUES(0, 's')",
    )
    with opened(path) as source:
        assert source.page(BEFORE_FIRST, 1)["timestamp"].to_list() == ["1970-01-01 00:00:00"]
