"""A database that ends in the middle of a page: SQLite would read zeros there, and say nothing."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from processors.errors import SourceError
from processors.model import BEFORE_FIRST
from processors.source import open_source

PAGE_BYTES = 4096
ROWS = 60

_KILLED = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]:
    connection.execute(statement).fetchall()
os.kill(os.getpid(), signal.SIGKILL)
"""


def build(path: Path, journal: str, page_bytes: int = PAGE_BYTES) -> Path:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"PRAGMA page_size = {page_bytes}")
        connection.execute(f"PRAGMA journal_mode = {journal}")
        connection.execute("CREATE TABLE r(id INTEGER PRIMARY KEY, timestamp TEXT, sensor_id TEXT, note TEXT)")
        notes = ((f"note {number} ".ljust(page_bytes // 20, "."),) for number in range(ROWS))
        connection.executemany("INSERT INTO r(timestamp, sensor_id, note) VALUES('t', 's', ?)", notes)
    return path


def killed(path: Path, *statements: str) -> None:
    """Its writer ran these, and ended without closing."""
    done = subprocess.run([sys.executable, "-c", _KILLED, path, *statements], check=False)
    assert done.returncode == -signal.SIGKILL


def tear(path: Path, missing: int) -> None:
    """The file loses so many bytes of its last page."""
    os.truncate(path, path.stat().st_size - missing)


@contextmanager
def notes(path: Path) -> Iterator[list[str]]:
    with open_source(path, table="r", columns={}, scratch=path.parent / "scratch", busy_s=0) as source:
        assert source.extent().last_id == ROWS
        yield source.page(BEFORE_FIRST, 1_000)["extra.note"].to_list()


@pytest.mark.parametrize("missing", [1, 100, 2_000, PAGE_BYTES - 1])
@pytest.mark.parametrize("journal", ["WAL", "DELETE"])
def test_its_end_is_missing(tmp_path: Path, journal: str, missing: int) -> None:
    path = build(tmp_path / "s.db", journal)
    tear(path, missing)
    with pytest.raises(SourceError, match="ends in the middle of a page") as caught, notes(path):
        pass
    assert "recover" in caught.value.hint
    assert [entry.name for entry in tmp_path.iterdir()] == ["s.db"]


def test_the_largest_pages(tmp_path: Path) -> None:
    path = build(tmp_path / "s.db", "WAL", 65_536)
    with notes(path) as found:
        assert len(found) == ROWS
    tear(path, 60_000)
    with pytest.raises(SourceError, match="ends in the middle of a page"), notes(path):
        pass


@pytest.mark.parametrize("companions", [("-wal", "-shm"), ("-wal",)])
def test_the_log_has_what_is_missing(tmp_path: Path, companions: tuple[str, ...]) -> None:
    path = build(tmp_path / "s.db", "WAL")
    change = "UPDATE r SET note = 'changed ' || id"
    killed(path, "PRAGMA wal_autocheckpoint = 0", change, "PRAGMA wal_checkpoint(PASSIVE)")
    for suffix in {"-wal", "-shm"} - set(companions):
        path.with_name(f"s.db{suffix}").unlink()
    tear(path, 2_000)
    before = {entry: entry.read_bytes() for entry in tmp_path.iterdir() if entry.is_file()}
    with notes(path) as found:
        assert found == [f"changed {number}" for number in range(1, ROWS + 1)]
    assert before == {entry: entry.read_bytes() for entry in tmp_path.iterdir() if entry.is_file()}


@pytest.mark.parametrize("companions", [("-wal", "-shm"), ("-wal",)])
def test_the_log_has_something_else(tmp_path: Path, companions: tuple[str, ...]) -> None:
    path = build(tmp_path / "s.db", "WAL")
    over = ("UPDATE r SET note = 'changed ' || note", "PRAGMA wal_checkpoint(RESTART)")  # frames that count no longer
    killed(path, "PRAGMA wal_autocheckpoint = 0", *over, "UPDATE r SET timestamp = 'now' WHERE id = 1")
    for suffix in {"-wal", "-shm"} - set(companions):
        path.with_name(f"s.db{suffix}").unlink()
    tear(path, 2_000)
    with pytest.raises(SourceError, match="ends in the middle of a page"), notes(path):
        pass
