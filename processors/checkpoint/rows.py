"""Rows of the checkpoint that say themselves whether they are as they were written.

SQLite notices damage to its structure, and none to a value: a bit that flips in a position, in the sum of a window or
in a frame is another value, and every document that follows from it is wrong.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Sequence
from typing import Any

from processors.model import Branch

_FIRST = 1
"""Its rows have no checksum."""


class DamagedError(Exception):
    """A row is not as it was written."""


def checksum(values: Sequence[object], content: bytes = b"") -> int:
    """CRC-32 of a row: of its values as JSON, which writes each in one way, then of what JSON cannot write."""
    return zlib.crc32(content, zlib.crc32(json.dumps(values).encode()))


def check(values: Sequence[object], written: object, content: bytes = b"") -> None:
    """Passes when that is the row's checksum.

    Raises:
        DamagedError: It is not.
    """
    try:
        same = checksum(values, content) == written
    except TypeError:  # bytes where none were written
        same = False
    if not same:
        raise DamagedError(f"the row {str(values)[:80]} is not as it was written")


def read_branches(connection: sqlite3.Connection, database: str, version: int) -> list[Branch]:
    """The lives of a database that a checkpoint knows, oldest first; it is only read.

    Args:
        connection: To a checkpoint.
        database: Sensor folder.
        version: Of the checkpoint's schema.

    Raises:
        sqlite3.Error: It is no checkpoint, or its structure is damaged.
        DamagedError: A row of the database is damaged.
    """
    rows = connection.execute("SELECT * FROM branch WHERE database = ? ORDER BY ordinal", (database,)).fetchall()
    return [_branch(row, version) for row in rows]


def read_lives(connection: sqlite3.Connection, version: int) -> dict[str, list[Branch]]:
    """The same of every database that a checkpoint knows, by name."""
    lives: dict[str, list[Branch]] = {}
    for row in connection.execute("SELECT * FROM branch ORDER BY database, ordinal").fetchall():
        lives.setdefault(row[0], []).append(_branch(row, version))
    return lives


def read_carried(connection: sqlite3.Connection, name: str, version: int) -> dict[str, bytes]:
    """Generation -> the frame of that name that it carries, in IPC format; raises as `read_branches` does."""
    found = {}
    for generation, *rest in connection.execute("SELECT * FROM carried WHERE name = ?", (name,)).fetchall():
        if version != _FIRST:
            check((generation, name), rest[-1], rest[1])
        found[generation] = rest[1]
    return found


def read_frames(connection: sqlite3.Connection, generation: str, version: int) -> dict[str, bytes]:
    """Name -> the frame of that name that a generation carries, in IPC format; raises as `read_branches` does."""
    found = {}
    query = "SELECT * FROM carried WHERE generation = ?"
    for _, name, *rest in connection.execute(query, (generation,)).fetchall():
        if version != _FIRST:
            check((generation, name), rest[-1], rest[0])
        found[name] = rest[0]
    return found


def _branch(row: Sequence[Any], version: int) -> Branch:
    values = row if version == _FIRST else row[:-1]
    if version != _FIRST:
        check(values, row[-1])
    _, generation, _, parent, base_id, position, anchors = values
    return Branch(generation, parent, base_id, position, tuple(json.loads(anchors)))
