"""Sole owner of positions and of what stages carry from run to run: one SQLite file for each city.

One transaction moves the position together with all that belongs to it, so that a kill at any instruction
leaves the state of before or after a batch. A lock is held for the run. A file that cannot be trusted is put
aside: the archive holds all that is needed to make it again.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import socket
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import polars as pl

from processors.errors import BusyError, CheckpointError
from processors.files import FILE_MODE, make_folder, open_private
from processors.model import Branch
from processors.schema import ACCUMULATOR, SENSOR_ID, VERSION, WINDOW_START

FILE = "checkpoint.db"
LOCK = "lock"
_APPLICATION_ID = 0x62636F73

_OPEN_HINT = "free some space on the disk, end what else has the file open, or choose another folder with --state"

_WINDOW_COLUMNS = [f'"{name}"' for name in ACCUMULATOR]

_SCHEMA = f"""
CREATE TABLE branch (
    database TEXT NOT NULL, generation TEXT NOT NULL, ordinal INTEGER NOT NULL,
    parent TEXT, base_id INTEGER NOT NULL, position INTEGER NOT NULL, anchors TEXT NOT NULL,
    PRIMARY KEY (database, generation)
) WITHOUT ROWID;
CREATE TABLE carried (
    generation TEXT NOT NULL, name TEXT NOT NULL, frame BLOB NOT NULL, PRIMARY KEY (generation, name)
) WITHOUT ROWID;
CREATE TABLE window (
    generation TEXT NOT NULL, {", ".join(_WINDOW_COLUMNS)},
    PRIMARY KEY (generation, "{SENSOR_ID}", "{WINDOW_START}")
) WITHOUT ROWID;
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {VERSION};
"""

Carried = Mapping[str, pl.DataFrame]
"""Name of a stage -> the frame that it wants to see again with the next rows."""


@contextmanager
def open_checkpoint(state: Path, city: str) -> Iterator[Checkpoint]:
    """The city's checkpoint, held for this run alone.

    Raises:
        BusyError: Another run holds it; the error says which.
        CheckpointError: The folder cannot be written.
    """
    folder = state / city
    lock = _hold(folder, city)
    try:
        connection, put_aside = _connect(folder / FILE)
        with closing(connection):
            yield Checkpoint(connection, folder / FILE, put_aside)
    finally:
        os.close(lock)


class Checkpoint:
    """Reads and moves positions; see `open_checkpoint`.

    Attributes:
        put_aside: Where a damaged file of before is now, None when there was none.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, put_aside: Path | None):
        self.put_aside = put_aside
        self._connection = connection
        self._path = path

    def branches(self, database: str) -> list[Branch]:
        """The lives of a database that are known, oldest first."""
        with self._explained("read positions"):
            return read_branches(self._connection, database)

    def add(self, database: str, branch: Branch) -> None:
        """A new life begins; known before anything of it is sent."""
        with self._explained("add a generation"), self._connection:
            self._connection.execute(
                "INSERT INTO branch SELECT ?, ?, coalesce(max(ordinal), 0) + 1, ?, ?, ?, ? FROM branch"
                " WHERE database = ?",
                (database, branch.generation, branch.parent, *_place(branch), database),
            )

    def intend(self, database: str, branch: Branch) -> None:
        """The branch's anchors now hold the end of a batch that is about to be sent; the position stays.

        A run that is killed after sending may find another copy of the database in its place: the anchor tells
        that the ids of the batch are taken.
        """
        with self._explained("note what is about to be sent"), self._connection:
            self._place(database, branch)

    def advance(self, database: str, branch: Branch, carried: Carried, windows: pl.DataFrame) -> None:
        """The position moves, together with all that belongs to it.

        Args:
            database: Sensor folder.
            branch: With its new position and anchors.
            carried: The frames that stages want to see again; each replaces the one of its name.
            windows: Accumulators that changed (`schema.ACCUMULATOR`).
        """
        marks = ", ".join("?" * (len(_STORED) + 1))
        with self._explained("move the position"), self._connection:
            self._connection.executemany(
                "REPLACE INTO carried VALUES (?, ?, ?)",
                [(branch.generation, name, _pack(frame)) for name, frame in carried.items()],
            )
            self._connection.executemany(
                f"REPLACE INTO window VALUES ({marks})",  # noqa: S608 - question marks only
                _to_rows(windows.select(pl.lit(branch.generation).alias("generation"), *ACCUMULATOR)),
            )
            self._place(database, branch)

    def _place(self, database: str, branch: Branch) -> None:
        self._connection.execute(
            "UPDATE branch SET base_id = ?, position = ?, anchors = ? WHERE database = ? AND generation = ?",
            (*_place(branch), database, branch.generation),
        )

    def carried(self, generation: str) -> dict[str, pl.DataFrame]:
        """What stages left for the next rows of a generation."""
        with self._explained("read what stages carry"):
            rows = self._connection.execute("SELECT name, frame FROM carried WHERE generation = ?", (generation,))
            return {name: pl.read_ipc(io.BytesIO(frame)) for name, frame in rows}

    def windows(self, generation: str, spans: pl.DataFrame) -> pl.DataFrame:
        """Accumulators of the windows that start in the spans, in no particular order.

        Args:
            generation: Whose windows.
            spans: `sensorId`, `first` and `last` start, both included; spans of one sensor do not overlap.
        """
        select = ", ".join(f"w.{name}" for name in _WINDOW_COLUMNS)
        with self._explained("read windows"):
            # No column types: with an affinity that `window` lacks, SQLite does not seek by the start of a window.
            self._connection.execute("CREATE TEMP TABLE IF NOT EXISTS span (sensor, first, last)")
            self._connection.execute("DELETE FROM span")
            self._connection.executemany("INSERT INTO span VALUES (?, ?, ?)", _to_rows(spans))
            rows = self._connection.execute(
                f"SELECT {select} FROM span CROSS JOIN window AS w ON w.generation = ?"  # noqa: S608 - our names
                f' AND w."{SENSOR_ID}" = sensor AND w."{WINDOW_START}" BETWEEN first AND last',
                (generation,),
            ).fetchall()
            self._connection.commit()
        return pl.DataFrame(rows, schema=_STORED, orient="row").cast(ACCUMULATOR)  # type: ignore[arg-type]

    @contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, pl.exceptions.PolarsError, ValueError) as exc:
            raise CheckpointError(
                doing,
                self._path,
                hint="free some space if the disk is full; if the file is damaged, move it away: the next run makes "
                "it again from the archive",
            ) from exc


def read_branches(connection: sqlite3.Connection, database: str) -> list[Branch]:
    """The lives of a database that a checkpoint knows, oldest first; it is only read.

    Raises:
        sqlite3.Error: It is no checkpoint, or it is damaged.
    """
    rows = connection.execute(
        "SELECT generation, parent, base_id, position, anchors FROM branch WHERE database = ? ORDER BY ordinal",
        (database,),
    ).fetchall()
    return [
        Branch(generation, parent, base_id, position, tuple(json.loads(anchors)))
        for generation, parent, base_id, position, anchors in rows
    ]


_STORED: dict[str, pl.DataType] = {
    name: pl.String() if dtype == pl.Int128 else pl.Int64() if dtype == pl.Datetime else dtype
    for name, dtype in ACCUMULATOR.items()
}
"""Columns of the table `window`: SQLite's integers end at 64 bits, so sums are text, and instants are microseconds."""


def _to_rows(frame: pl.DataFrame) -> list[tuple[object, ...]]:
    return frame.with_columns(
        pl.col(pl.Datetime).cast(pl.Int64),
        pl.col(pl.Int128).cast(pl.String),
    ).rows()


def _pack(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_ipc(buffer, compression="zstd")
    return buffer.getvalue()


def _place(branch: Branch) -> tuple[int, int, str]:
    return branch.base_id, branch.position, json.dumps(list(branch.anchors))


def _hold(folder: Path, city: str) -> int:
    """A descriptor that holds the city's lock until it is closed."""
    try:
        make_folder(folder)
        lock = open_private(folder / LOCK, os.O_RDWR)
    except OSError as exc:
        raise CheckpointError(
            "open the state folder", folder, hint="make it writable, or choose another with --state"
        ) from exc
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        holder = os.read(lock, 200).decode(errors="replace").strip() or "another process"
        os.close(lock)
        raise BusyError(
            "start a run", city, why=f"{holder} is running it", hint="wait for it to end, or stop it first"
        ) from exc
    except OSError as exc:
        os.close(lock)
        raise CheckpointError(
            "lock the state folder", folder, hint="choose a folder on a local disk with --state"
        ) from exc
    try:
        os.ftruncate(lock, 0)
        os.write(lock, f"process {os.getpid()} on {socket.gethostname()}".encode())
    except OSError as exc:
        os.close(lock)
        raise CheckpointError("write to the state folder", folder, hint="free some space on its disk") from exc
    return lock


def _connect(path: Path) -> tuple[sqlite3.Connection, Path | None]:
    """A connection to a sound file, made if there is none; and where an unsound one was put."""
    put_aside = None
    if path.exists() and not _is_sound(path):
        put_aside = next(
            aside for n in range(1, 1_000_000) if not (aside := path.with_name(f"{path.name}.damaged-{n}")).exists()
        )
    try:
        if put_aside is not None:
            path.chmod(FILE_MODE)
            path.rename(put_aside)
            for suffix in ("-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
        # Before SQLite opens it, which would make it as the umask says; its -wal and -shm have the database's mode.
        os.close(open_private(path, os.O_RDWR))
        with ExitStack() as undo:
            connection = undo.enter_context(closing(sqlite3.connect(path)))
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
                connection.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
            undo.pop_all()
    except (sqlite3.Error, OSError) as exc:
        raise CheckpointError("open the checkpoint", path, hint=_OPEN_HINT) from exc
    return connection, put_aside


def _is_sound(path: Path) -> bool:
    """True when the file is whole and ours, or has nothing in it yet.

    Raises:
        CheckpointError: A later version wrote it, or it cannot be opened for now: held by another, disk full.
    """
    try:
        with closing(sqlite3.connect(path)) as connection:
            application, version = (
                connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
            )
            if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                return False
            (objects,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError as exc:
        if exc.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            return False
        raise CheckpointError("open the checkpoint", path, hint=_OPEN_HINT) from exc
    if application == _APPLICATION_ID and version > VERSION:
        raise CheckpointError(
            "open the checkpoint", path, why=f"version {version} wrote it, this is {VERSION}", hint="use that version"
        )
    return (application, version) == (_APPLICATION_ID, VERSION) or (application, version, objects) == (0, 0, 0)
