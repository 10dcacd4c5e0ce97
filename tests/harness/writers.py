"""Databases of one table, and writers in processes of their own."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from processors.source import open_source

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


def traces(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {entry.name: (entry.read_bytes(), entry.stat().st_mtime_ns) for entry in folder.iterdir()}


def count(uri: str) -> int:
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        found: int = connection.execute("SELECT count(*) FROM r").fetchone()[0]
        return found
