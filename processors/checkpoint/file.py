"""The checkpoint's file: its tables, whether it can be trusted, and what becomes of one that cannot."""

from __future__ import annotations

import os
import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path

from processors.checkpoint import landed
from processors.checkpoint.rows import DamagedError, check
from processors.errors import CheckpointError
from processors.files import FILE_MODE, open_private
from processors.schema import ACCUMULATOR, SENSOR_ID, WINDOW_START

VERSION = 3
"""Of what is in the tables. A processor of before would drop the readings that wait, so it must not open them."""

_SECOND = 2
"""Has the same tables."""

SPREAD = 1_000_003
"""Numbers of series are multiples of this: one whose bit has flipped is none."""

_APPLICATION_ID = 0x62636F73
_WINDOW_US = 60_000_000

_NOT_OURS = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}
"""What SQLite says of a damaged file; a version of its format that it does not know is a mere error to it."""

_OPEN_HINT = "free some space on the disk, end what else has the file open, or choose another folder with --state"

_VALUES = ", ".join(f'"{name}"' for name in ACCUMULATOR if name not in {SENSOR_ID, WINDOW_START})

# Whole windows are not read when the file is opened, there may be too many: `quick_check` sees that no key has become
# another one, because it checks what CHECK says, and each row is checked when it is read.
TABLES = {
    "branch": """CREATE TABLE branch (
    database TEXT NOT NULL, generation TEXT NOT NULL, ordinal INTEGER NOT NULL,
    parent TEXT, base_id INTEGER NOT NULL, position INTEGER NOT NULL, anchors TEXT NOT NULL, checksum INTEGER NOT NULL,
    PRIMARY KEY (database, generation)
) WITHOUT ROWID""",
    "carried": """CREATE TABLE carried (
    generation TEXT NOT NULL, name TEXT NOT NULL, frame BLOB NOT NULL, checksum INTEGER NOT NULL,
    PRIMARY KEY (generation, name)
) WITHOUT ROWID""",
    "series": f"""CREATE TABLE series (
    generation TEXT NOT NULL, sensor TEXT NOT NULL, number INTEGER NOT NULL CHECK (number % {SPREAD} = 0),
    checksum INTEGER NOT NULL,
    PRIMARY KEY (generation, sensor)
) WITHOUT ROWID""",
    "window": f"""CREATE TABLE window (
    series INTEGER NOT NULL CHECK (series % {SPREAD} = 0),
    "{WINDOW_START}" INTEGER NOT NULL CHECK ("{WINDOW_START}" % {_WINDOW_US} = 0),
    {_VALUES}, checksum INTEGER NOT NULL,
    PRIMARY KEY (series, "{WINDOW_START}")
) WITHOUT ROWID""",
}
"""Name of a table -> the statement that makes it, to the letter. A window belongs to a series: a sensor's life."""


def connect(path: Path) -> tuple[sqlite3.Connection, Path | None]:
    """A connection to a sound file, made if there is none; and where an unsound one was put.

    Raises:
        CheckpointError: A later version wrote it, or it cannot be opened for now: held by another, disk full.
    """
    try:
        aside = put_aside(path) if path.exists() and not _is_sound(path) else None
        # Before SQLite opens it, which would make it as the umask says; its -wal and -shm have the database's mode.
        os.close(open_private(path, os.O_RDWR))
        with ExitStack() as undo:
            connection = undo.enter_context(closing(sqlite3.connect(path)))
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            _bring_up(connection)
            undo.pop_all()
    except (sqlite3.Error, OSError) as exc:
        raise CheckpointError("open the checkpoint", path, hint=_OPEN_HINT) from exc
    return connection, aside


def put_aside(path: Path) -> Path:
    """The file, which nobody has open, under another name: the archive holds all that is needed to make it again."""
    numbered = (path.with_name(f"{path.name}.damaged-{number}") for number in range(1, 1_000_000))
    aside = next(name for name in numbered if not name.exists())
    path.chmod(FILE_MODE)
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return aside


def _bring_up(connection: sqlite3.Connection) -> None:
    """Makes the tables, in one transaction; with the rows of an earlier version."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == VERSION:
        return
    if version == _SECOND:
        connection.execute(f"PRAGMA user_version = {VERSION}")
        return
    connection.execute("BEGIN IMMEDIATE")
    if version == landed.FIRST:
        landed.set_aside(connection)
    for statement in TABLES.values():
        connection.execute(statement)
    if version == landed.FIRST:
        landed.take_over(connection, SPREAD)
    connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def _is_sound(path: Path) -> bool:
    """True when the file is whole and ours, or has nothing in it yet.

    Raises:
        CheckpointError: A later version wrote it, or it cannot be opened for now: held by another, disk full.
    """
    try:
        with closing(sqlite3.connect(path)) as connection:
            connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
            application, version = (
                connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
            )
            if application == _APPLICATION_ID and version > VERSION:
                raise later(path, version)
            if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                return False
            tables = dict(connection.execute("SELECT name, sql FROM sqlite_master"))
            if application == _APPLICATION_ID and version in {_SECOND, VERSION} and tables == TABLES:
                _check_rows(connection)
                return True
            if (application, version) == (_APPLICATION_ID, landed.FIRST):
                return landed.can_be_taken_over(connection, _WINDOW_US)
            return (application, version, tables) == (0, 0, {})
    except DamagedError:
        return False
    except sqlite3.DatabaseError as exc:
        if exc.sqlite_errorcode & 0xFF in _NOT_OURS:
            return False
        raise CheckpointError("open the checkpoint", path, hint=_OPEN_HINT) from exc


def later(path: Path, version: int) -> CheckpointError:
    """What to say of the file of a later version."""
    return CheckpointError(
        "open the checkpoint",
        path,
        why=f"version {version} wrote it, this is {VERSION}",
        hint="use that version; or move the file away, and it is made again from the archive",
    )


def _check_rows(connection: sqlite3.Connection) -> None:
    for table in ("branch", "series"):
        for *values, written in connection.execute(f"SELECT * FROM {table}"):  # noqa: S608 - our names
            check(values, written)
    for generation, name, frame, written in connection.execute("SELECT * FROM carried"):
        check((generation, name), written, frame)
