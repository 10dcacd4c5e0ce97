from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from processors.errors import SourceChanged, SourceError
from processors.model import BEFORE_FIRST
from processors.source import open_source
from processors.source.opening import opening

TABLE = "CREATE TABLE r(id INTEGER PRIMARY KEY, timestamp TEXT, sensor_id TEXT, note TEXT)"
ROW = "INSERT INTO r(timestamp, sensor_id, note) VALUES('t', 's', hex(randomblob(200)))"

# POSIX drops a process's locks when it closes any descriptor of the file: a writer needs its own process.
CHILD = """
import sqlite3, sys
c = sqlite3.connect(sys.argv[1], isolation_level=None)
for line in sys.stdin:
    print(c.execute(line).fetchall(), flush=True)
c.close()
print("closed", flush=True)
"""


class Writer:
    """A process that runs statements on a database."""

    def __init__(self, path: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, *statements: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        answer = ""
        for statement in statements:
            print(statement, file=self.process.stdin, flush=True)
            answer = self.process.stdout.readline().strip()
            assert answer, statement
        return answer

    def close(self) -> None:
        self.process.communicate()
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def writer() -> Iterator[Callable[[Path], Writer]]:
    writers: list[Writer] = []

    def start(path: Path) -> Writer:
        writers.append(Writer(path))
        return writers[-1]

    yield start
    for each in writers:
        if each.process.poll() is None:
            each.kill()


@pytest.fixture
def readonly(tmp_path: Path) -> Iterator[Callable[[Path], Path]]:
    mounted: list[Path] = []

    def mount(folder: Path) -> Path:
        point = tmp_path / f"mount{len(mounted)}"
        point.mkdir()
        bound = subprocess.run(["mount", "--bind", folder, point], check=False, capture_output=True, text=True)
        if bound.returncode:
            pytest.skip(f"read-only mounts are not tested here: mount: {bound.stderr.strip()}")
        mounted.append(point)
        subprocess.run(["mount", "-o", "remount,ro,bind", point], check=True)
        return point

    yield mount
    for point in mounted:
        subprocess.run(["umount", "-l", point], check=True)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def opened(path: Path, scratch: Path | None = None, busy_s: float = 0) -> Any:
    scratch = scratch or path.parent.parent / "scratch"
    return open_source(path, table="r", columns={}, scratch=scratch, busy_s=busy_s)


def build(path: Path, rows: int = 3, journal: str = "WAL") -> Path:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"PRAGMA journal_mode={journal}")
        connection.execute(TABLE)
        for _ in range(rows):
            connection.execute(ROW)
    return path


def live(writer: Callable[[Path], Writer], path: Path, rows: int = 3) -> Writer:
    child = writer(path)
    child.run("PRAGMA journal_mode=WAL", "PRAGMA wal_autocheckpoint=0", TABLE, *[ROW] * rows)
    return child


def hot(writer: Callable[[Path], Writer], path: Path) -> None:
    """A rollback journal left by a writer that died inside a transaction, after it had written pages."""
    build(path, 200, "DELETE")
    child = writer(path)
    child.run("PRAGMA cache_size=1", "BEGIN IMMEDIATE", "UPDATE r SET timestamp='never', note=hex(randomblob(300))")
    child.kill()
    assert b"never" in path.read_bytes()


def traces(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {entry.name: (entry.read_bytes(), entry.stat().st_mtime_ns) for entry in folder.iterdir()}


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


def count(uri: str) -> int:
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        found: int = connection.execute("SELECT count(*) FROM r").fetchone()[0]
        return found


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


@pytest.mark.parametrize(
    "statements",
    [
        ("BEGIN EXCLUSIVE",),
        ("PRAGMA journal_mode=WAL", "PRAGMA locking_mode=EXCLUSIVE", ROW),
    ],
)
def test_a_locked_database_may_be_free_later(home: Path, writer: Any, statements: tuple[str, ...]) -> None:
    path = build(home / "s.db", 1, "DELETE")
    child = writer(path)
    child.run(*statements)
    before = traces(home)
    with pytest.raises(SourceError, match="locked") as caught, opened(path):
        pass
    assert caught.value.retryable
    assert traces(home) == before
    child.kill()
    with opened(path) as source:
        assert source.page(BEFORE_FIRST, 1)["id"].to_list() == [1]


def test_a_lock_that_is_let_go_in_time_is_waited_for(home: Path, writer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = build(home / "s.db", 1, "DELETE")
    child = writer(path)
    child.run("BEGIN EXCLUSIVE", ROW)
    monkeypatch.setattr("time.sleep", lambda _: child.run("COMMIT"))
    with opened(path, busy_s=60) as source:
        assert source.page(BEFORE_FIRST, 10)["id"].to_list() == [1, 2]


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


def broken(folder: Path, kind: str) -> Path:
    path = folder / "s.db"
    if kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("timestamp,temperature\n" * 500)
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "truncated":
        build(path, 500)
        os.truncate(path, 8192)
    elif kind == "header only":
        build(path, 1)
        os.truncate(path, 50)
    return path


@pytest.mark.parametrize(
    ("kind", "message", "hint"),
    [
        ("missing", "No such file", "mount the sensor's folder"),
        ("empty", "no tables", "first reading"),
        ("text", "not a SQLite database", "SQLite database"),
        ("folder", "it is a folder", "the database file itself"),
        ("pipe", "not a regular file", "the database file itself"),
        ("loop", "symbolic link|Symlink loop", "mount"),
        ("truncated", "malformed", ".recover"),
        ("header only", "middle of a page", ".recover"),
    ],
)
def test_what_cannot_be_read_says_why_and_what_to_try(home: Path, kind: str, message: str, hint: str) -> None:
    path = broken(home, kind)
    names = sorted(home.iterdir())
    with pytest.raises(SourceError, match=message) as caught, opened(path) as source:
        source.page(BEFORE_FIRST, 1_000)
    assert hint in caught.value.hint
    assert not caught.value.retryable
    assert str(path) in str(caught.value)
    assert sorted(home.iterdir()) == names


def test_a_damaged_page_is_an_error_when_it_is_read_and_not_before(home: Path) -> None:
    path = build(home / "s.db", 500)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2 // 4096 * 4096)
        file.write(b"\xa5" * 4096)
    with opened(path) as source:
        assert len(source.page(BEFORE_FIRST, 20)) == 20
        with pytest.raises(SourceError, match="malformed") as caught:
            source.page(20, 480)
    assert "recover" in caught.value.hint


def test_a_database_of_another_user_is_named_as_such(home: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can become another user")
    path = build(home / "s.db")
    path.chmod(0o600)
    for folder in (home, *home.parents[:3]):
        folder.chmod(0o755)
    code = (
        "import sys, os\nfrom pathlib import Path\nfrom processors.source import open_source\n"
        "from processors.errors import SourceError\nos.setgid(65534); os.setuid(65534)\n"
        "try:\n    open_source(Path(sys.argv[1]), table='r', columns={}, scratch=Path('/tmp')).__enter__()\n"
        "except SourceError as error:\n    print(error, '|', error.hint)\n"
    )
    answer = subprocess.run([sys.executable, "-c", code, path], check=True, capture_output=True, text=True).stdout
    assert "Permission denied" in answer
    assert "let the processor's user read" in answer
