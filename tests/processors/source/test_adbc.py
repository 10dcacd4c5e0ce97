from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from processors.errors import SourceError
from processors.source.adbc import connected
from processors.source.cells import apart, whole
from processors.source.columns import matched
from processors.source.opening import TryAgain, opening

TAIL = "FROM r AS t ORDER BY t.id LIMIT 10"


@pytest.fixture
def uri(tmp_path: Path) -> str:
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "CREATE TABLE r(id INTEGER PRIMARY KEY, timestamp TEXT, sensor_id TEXT, temperature REAL, extra)"
        )
        connection.execute("INSERT INTO r VALUES(1, 't', CAST(x'ff' AS TEXT), CAST(x'c328' AS TEXT), 'e')")
        connection.execute("INSERT INTO r VALUES(2, 't', 's', 2.5, 5)")
    return f"file:{path}?mode=ro"


def test_a_column_with_text_is_not_taken_over_and_the_others_are(uri: str) -> None:
    with connected(uri) as reader:
        found = reader.select(["t.id", "t.temperature", "t.id * 0.5", "t.timestamp"], TAIL, [], 10)
    assert [None if column is None else column.to_list() for column in found] == [[1, 2], None, [0.5, 1.0], None]


def test_no_expression_for_a_column_gives_text(uri: str) -> None:
    declared = {"id": "INTEGER", "timestamp": "TEXT", "sensor_id": "TEXT", "temperature": "REAL", "extra": ""}
    columns = matched("r", declared, {}).values()
    texts = [whole(column) for column in columns if column.kind == "text"]
    parts = [part for column in columns for part in apart(column)]
    with connected(uri) as reader:
        found = reader.select([*texts, *parts], TAIL, [], 10)
    dtypes = {None if column is None else column.dtype for column in found}
    assert dtypes <= {pl.Binary(), pl.Int64(), pl.Float64()}


def test_a_failure_carries_sqlites_code(uri: str) -> None:
    with connected(uri) as reader, pytest.raises(sqlite3.OperationalError, match="no such column") as caught:
        reader.select(["t.missing"], TAIL, [], 10)
    assert caught.value.sqlite_errorcode == sqlite3.SQLITE_ERROR
    with pytest.raises(sqlite3.OperationalError) as opened, connected("file:/nowhere/a.db?mode=ro"):
        pass
    assert opened.value.sqlite_errorcode == sqlite3.SQLITE_CANTOPEN


def test_what_only_the_driver_cannot_read_is_tried_again_and_then_said(uri: str, tmp_path: Path) -> None:
    with connected(uri) as reader, pytest.raises(TryAgain):
        reader.select(["t.extra"], "FROM r AS t ORDER BY t.id DESC LIMIT 10", [], 0)

    def fails(_: str) -> None:
        with connected(uri) as reader:
            reader.select(["t.extra"], "FROM r AS t ORDER BY t.id DESC LIMIT 10", [], 0)

    with (
        opening(tmp_path / "a.db", scratch=tmp_path, busy_s=0) as database,
        pytest.raises(SourceError, match="Type mismatch") as caught,
    ):
        database.read(fails)
    assert "smaller pages" in caught.value.hint
