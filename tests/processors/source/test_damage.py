"""Trees that SQLite reads without a word, although rows are not where their ids say."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from processors.errors import SourceError
from processors.model import BEFORE_FIRST
from processors.source import open_source

PAGE = 512
LEAF, INTERIOR, INDEX_LEAF = 0x0D, 0x05, 0x0A
ROWS = 100


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A table of a hundred rows in many leaves; ids below 128 take one byte."""
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"PRAGMA page_size = {PAGE}")
        connection.execute("CREATE TABLE r(id INTEGER PRIMARY KEY, timestamp TEXT, sensor_id TEXT)")
        rows = [("2026-01-01T00:00:00Z", "s") for _ in range(ROWS)]
        connection.executemany("INSERT INTO r(timestamp, sensor_id) VALUES (?, ?)", rows)
    return path


def cells(content: bytes, kind: int) -> Iterator[int]:
    """Places of the cells of all pages of a kind (https://www.sqlite.org/fileformat2.html#b_tree_pages)."""
    for start in range(PAGE, len(content), PAGE):
        if content[start] == kind:
            first = start + (12 if kind == INTERIOR else 8)
            for at in range(first, first + 2 * int.from_bytes(content[start + 3 : start + 5]), 2):
                yield start + int.from_bytes(content[at : at + 2])


def change_id(path: Path, before: int, after: int) -> None:
    """The id in the row's own cell: its payload's size, then its id."""
    content = bytearray(path.read_bytes())
    (place,) = [cell + 1 for cell in cells(content, LEAF) if content[cell + 1] == before]
    content[place] = after
    path.write_bytes(content)


def lower_bound(path: Path) -> int:
    """The first branch now ends at row 1, as its parent says; the row that it ended at."""
    content = bytearray(path.read_bytes())
    place = next(iter(cells(content, INTERIOR))) + 4
    ended = content[place]
    content[place] = 1
    path.write_bytes(content)
    return ended


def read(path: Path, limit: int) -> list[int]:
    found: list[int] = []
    with open_source(path, table="r", columns={}, scratch=path.parent / "scratch") as source:
        while len(page := source.page(found[-1] if found else BEFORE_FIRST, limit)):
            found.extend(page["id"].to_list())
    return found


def shown(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as connection:
        return [row_id for (row_id,) in connection.execute("SELECT id FROM r")]


@pytest.mark.parametrize("limit", [1, 2, 7, 20, 99, 100, 1000])
def test_a_whole_tree_is_in_order(database: Path, limit: int) -> None:
    assert read(database, limit) == shown(database) == [*range(1, ROWS + 1)]


@pytest.mark.parametrize(("row", "becomes"), [(20, 69), (20, 3), (7, 69), (7, 6), (20, 127)])
def test_a_row_under_another_id_is_damage(database: Path, row: int, becomes: int) -> None:
    """At the end of a page it would take the position with it, past the rows between."""
    change_id(database, row, becomes)
    assert becomes in shown(database)
    with pytest.raises(SourceError, match="it is damaged: its rows are not in the order of their ids") as failed:
        read(database, 20)
    assert ".recover" in failed.value.hint


def test_a_branch_that_is_passed_by_is_damage(database: Path) -> None:
    ended = lower_bound(database)
    assert shown(database) == [*range(1, ROWS + 1)]
    with pytest.raises(SourceError, match="not in the order of their ids"):
        read(database, ended // 2)


@pytest.mark.parametrize(("lost", "low", "high"), [(1, None, 9), (8, None, None)])
def test_rows_that_the_index_lost_are_damage(tmp_path: Path, lost: int, low: int | None, high: int | None) -> None:
    """The index has nulls for the first ids, which SQLite takes for a table without rows."""
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"PRAGMA page_size = {PAGE}")
        connection.execute("CREATE TABLE r(id INTEGER NOT NULL UNIQUE, timestamp TEXT, sensor_id TEXT)")
        rows = [(row_id, "2026-01-01T00:00:00Z", "s") for row_id in range(2, 10)]
        connection.executemany("INSERT INTO r VALUES (?, ?, ?)", rows)
    content = bytearray(path.read_bytes())
    for cell in [*cells(content, INDEX_LEAF)][:lost]:
        content[cell + 2] = 0
    path.write_bytes(content)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT (SELECT min(id) FROM r), (SELECT max(id) FROM r)").fetchone() == (low, high)
    with pytest.raises(SourceError, match=f"it is damaged: its ids reach from {low} to {high}"):
        read(path, 20)


@pytest.mark.parametrize("version", [0, 1, 6])
def test_a_damaged_write_version_leaves_no_trace(database: Path, version: int) -> None:
    """SQLite goes by the version for readers; taken for a rollback database, this one got a `-wal` beside it."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    content = bytearray(database.read_bytes())
    assert content[18:20] == b"\2\2"
    content[18] = version
    database.write_bytes(content)
    assert read(database, 50) == [*range(1, ROWS + 1)]
    assert [path.name for path in database.parent.iterdir() if path.is_file()] == ["a.db"]
