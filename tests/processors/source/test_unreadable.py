"""What cannot be read says why, and what to try."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from processors.errors import SourceError
from processors.model import BEFORE_FIRST
from tests.harness.writers import build, opened


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
