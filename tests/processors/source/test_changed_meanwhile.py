"""A database that is written, replaced or removed while it is read, or between two pages."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from processors.errors import SourceChanged
from processors.model import BEFORE_FIRST
from processors.source.opening import opening
from tests.harness.writers import ROW, build, count, live, opened


def test_rows_committed_between_two_pages_are_in_the_next(home: Path, writer: Any) -> None:
    child = live(writer, home / "s.db", 1)
    with opened(home / "s.db") as source:
        assert source.page(BEFORE_FIRST, 10)["id"].to_list() == [1]
        child.run(ROW)
        assert source.page(1, 10)["id"].to_list() == [2]


def test_nothing_stays_open_between_two_pages(home: Path, writer: Any) -> None:
    child = live(writer, home / "s.db", 4)
    with opened(home / "s.db") as source:
        source.page(BEFORE_FIRST, 2)
        assert child.run("PRAGMA wal_checkpoint(TRUNCATE)").startswith("[(0,")
        child.run("DELETE FROM r WHERE id = 1", "VACUUM", "PRAGMA journal_mode=DELETE")
        assert source.page(2, 10)["id"].to_list() == [3, 4]
        assert source.mode == "rollback"


def test_a_writer_that_comes_and_goes_changes_the_rule(home: Path, writer: Any) -> None:
    path = build(home / "s.db", 1)
    with opened(path) as source:
        assert source.mode == "closed"
        child = writer(path)
        child.run(ROW)
        assert source.page(1, 10)["id"].to_list() == [2]
        assert source.mode == "live"
        child.close()
        assert source.page(0, 10)["id"].to_list() == [1, 2]
        assert source.mode == "closed"


def test_a_closed_database_written_while_it_is_read_is_read_again(home: Path, tmp_path: Path, writer: Any) -> None:
    path = build(home / "s.db", 1)
    seen: list[int] = []

    def action(uri: str) -> int:
        seen.append(count(uri))
        if len(seen) == 1:
            child = writer(path)
            child.run(ROW)
            child.close()
        return seen[-1]

    with opening(path, scratch=tmp_path / "scratch", busy_s=0) as database:
        assert database.read(action) == 2
    assert seen == [1, 2]


def test_a_writer_cannot_take_the_wal_away_while_it_is_read(home: Path, tmp_path: Path, writer: Any) -> None:
    path = home / "s.db"
    child = live(writer, path, 2)

    def action(uri: str) -> int:
        child.close()
        return count(uri)

    with opening(path, scratch=tmp_path / "scratch", busy_s=0) as database:
        child_rows = database.read(lambda uri: action(uri) if child.process.poll() is None else count(uri))
    assert child_rows == 2
    assert (home / "s.db-wal").exists()
    with opened(path) as source:
        assert len(source.page(BEFORE_FIRST, 10)) == 2


def test_a_database_replaced_while_it_is_read_is_read_again(home: Path, tmp_path: Path) -> None:
    path = build(home / "s.db", 1)
    new = build(home / "new.db", 5)
    calls: list[str] = []

    def action(uri: str) -> int:
        calls.append(uri)
        found = count(uri)
        if len(calls) == 1:
            new.replace(path)
        return found

    with opening(path, scratch=tmp_path / "scratch", busy_s=0) as database:
        assert database.read(action) == 5


def test_a_database_that_never_settles_is_given_up(home: Path, tmp_path: Path) -> None:
    path = build(home / "s.db", 1)

    def action(uri: str) -> int:
        shutil.copyfile(path, home / "new.db")
        (home / "new.db").replace(path)
        return count(uri)

    with (
        opening(path, scratch=tmp_path / "scratch", busy_s=0) as database,
        pytest.raises(SourceChanged, match="changed hands"),
    ):
        database.read(action)


@pytest.mark.parametrize("left", ["nothing", "empty"])
def test_a_database_that_goes_away_between_two_pages_is_changed(home: Path, left: str) -> None:
    path = build(home / "s.db")
    with opened(path) as source:
        path.unlink()
        if left == "empty":
            path.touch()
        with pytest.raises(SourceChanged):
            source.page(BEFORE_FIRST, 10)
