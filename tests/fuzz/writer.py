"""A writer in another process that has a database open: POSIX locks are a process's own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PROGRAM = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA wal_autocheckpoint = 0")
columns = "timestamp, sensor_id, temperature"
insert = f"INSERT INTO sensor_readings (id, {columns})"
connection.execute(f"{insert} SELECT max(id) + 1, {columns} FROM sensor_readings")
connection.execute(f"{insert} SELECT id + 2000, {columns} FROM sensor_readings")
print(flush=True)
sys.stdin.read()
"""


@contextmanager
def live(path: Path) -> Iterator[None]:
    """The database, with rows in a `-wal` that its writer keeps."""
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "\n"
        try:
            yield
        finally:
            process.kill()
