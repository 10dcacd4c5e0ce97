"""A database in any state that a writer leaves it in: all rows are read, and no trace is left."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from processors.errors import SourceError
from processors.model import BEFORE_FIRST
from tests.harness.writers import Writer, build, live, opened, traces


def hot(writer: Callable[[Path], Writer], path: Path) -> None:
    """A rollback journal left by a writer that died inside a transaction, after it had written pages."""
    build(path, 200, "DELETE")
    child = writer(path)
    child.run("PRAGMA cache_size=1", "BEGIN IMMEDIATE", "UPDATE r SET timestamp='never', note=hex(randomblob(300))")
    child.kill()
    assert b"never" in path.read_bytes()


def state(name: str, writer: Callable[[Path], Writer], folder: Path) -> int:
    """Puts a database `s.db` into that state, and says how many rows were committed."""
    path = folder / "s.db"
    if name == "live":
        live(writer, path)
    elif name == "live, checkpointed":
        live(writer, path).run("PRAGMA wal_checkpoint(TRUNCATE)")
    elif name == "killed":
        live(writer, path).kill()
    elif name == "closed":
        live(writer, path).close()
    elif name == "closed, empty wal":
        build(path)
        (folder / "s.db-wal").touch()
    elif name == "power cut":
        elsewhere = folder.parent / "elsewhere"
        elsewhere.mkdir()
        live(writer, elsewhere / "s.db")
        for file in ("s.db", "s.db-wal"):
            shutil.copyfile(elsewhere / file, folder / file)
    elif name == "hot journal":
        hot(writer, path)
        return 200
    else:
        build(path, journal=name)
    return 3


STATES = [
    ("live", "live"),
    ("live, checkpointed", "live"),
    ("killed", "live"),
    ("closed", "closed"),
    ("closed, empty wal", "closed"),
    ("power cut", "copy"),
    ("hot journal", "copy"),
    ("DELETE", "rollback"),
    ("PERSIST", "rollback"),
    ("TRUNCATE", "rollback"),
]


@pytest.mark.parametrize("mount", ["read-write", "read-only"])
@pytest.mark.parametrize(("name", "mode"), STATES)
def test_every_committed_row_is_read_and_no_trace_is_left(
    name: str, mode: str, mount: str, home: Path, tmp_path: Path, writer: Any, readonly: Any
) -> None:
    committed = state(name, writer, home)
    folder = readonly(home) if mount == "read-only" else home
    before = traces(home)

    with opened(folder / "s.db") as source:
        page = source.page(BEFORE_FIRST, 1_000)
        found = source.mode
        rest = source.page(committed - 1, 10)
        assert traces(home) == before

    assert (found, len(page), rest["id"].to_list()) == (mode, committed, [committed])
    assert set(page["timestamp"]) == {"t"}
    assert traces(home) == before
    assert not list((tmp_path / "scratch").glob("*"))


def test_the_copy_is_made_once_and_kept_for_all_pages(home: Path, tmp_path: Path, writer: Any) -> None:
    committed = state("power cut", writer, home)
    with opened(home / "s.db") as source:
        first = {entry: entry.stat().st_ino for entry in (tmp_path / "scratch").glob("*/*.db")}
        for after in range(committed):
            assert source.page(after, 1)["id"].to_list() == [after + 1]
        assert {entry: entry.stat().st_ino for entry in (tmp_path / "scratch").glob("*/*.db")} == first
        assert len(first) == 1


def test_a_scratch_folder_without_room_is_named(home: Path, tmp_path: Path, writer: Any) -> None:
    state("power cut", writer, home)
    (tmp_path / "file").touch()
    with pytest.raises(SourceError) as caught, opened(home / "s.db", tmp_path / "file"):
        pass
    assert str(tmp_path / "file") in caught.value.hint


def test_a_link_leads_to_the_wal_beside_its_target(home: Path, tmp_path: Path, writer: Any) -> None:
    live(writer, home / "s.db")
    link = tmp_path / "links" / "sensor_data.db"
    link.parent.mkdir()
    link.symlink_to(home / "s.db")
    with opened(link) as source:
        assert len(source.page(BEFORE_FIRST, 10)) == 3


@pytest.mark.parametrize("name", ["a b.db", "50%41?mode=rwc#x&y.db", "día'\".db", os.fsdecode(b"\xff.db")])
def test_any_file_name_is_opened_as_it_is(home: Path, name: str) -> None:
    build(home / "s.db").rename(home / name)
    with opened(home / name) as source:
        assert len(source.page(BEFORE_FIRST, 10)) == 3
    assert [entry.name for entry in home.iterdir()] == [name]
