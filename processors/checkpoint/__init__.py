"""Sole owner of positions and of what stages carry from run to run: one SQLite file for each city.

One transaction moves the position together with all that belongs to it, so that a kill at any instruction
leaves the state of before or after a batch. A lock is held for the run. A file that cannot be trusted is put
aside: the archive holds all that is needed to make it again.
"""

from __future__ import annotations

import io
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from processors.checkpoint import minutes
from processors.checkpoint.file import SPREAD, VERSION, connect, later, put_aside
from processors.checkpoint.lock import hold
from processors.checkpoint.rows import (
    DamagedError,
    check,
    checksum,
    read_branches,
    read_carried,
    read_frames,
    read_lives,
)
from processors.errors import CheckpointError
from processors.model import Branch
from processors.schema import ACCUMULATOR, SENSOR_ID, WINDOW_START

__all__ = [
    "FILE",
    "VERSION",
    "Carried",
    "Checkpoint",
    "DamagedError",
    "later",
    "open_checkpoint",
    "read_branches",
    "read_carried",
    "read_frames",
    "read_lives",
]

FILE = "checkpoint.db"

_WINDOWS = f"""SELECT s.sensor, w.* FROM span
CROSS JOIN series AS s ON s.generation = ? AND s.sensor = span.sensor
CROSS JOIN window AS w ON w.series = s.number AND w."{WINDOW_START}" BETWEEN first AND last"""  # noqa: S608 - our name

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
    lock = hold(folder, city)
    try:
        connection, aside = connect(folder / FILE)
        with closing(connection):
            yield Checkpoint(connection, folder / FILE, aside)
    finally:
        os.close(lock)


class Checkpoint:
    """Reads and moves positions; see `open_checkpoint`.

    Attributes:
        put_aside: Where a damaged file of before is now, None when there was none.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, aside: Path | None):
        self.put_aside = aside
        self._connection = connection
        self._path = path

    def databases(self) -> list[str]:
        """Those that are known, by name."""
        with self._explained("read positions"):
            found = self._connection.execute("SELECT DISTINCT database FROM branch ORDER BY database").fetchall()
        return [name for (name,) in found]

    def branches(self, database: str) -> list[Branch]:
        """The lives of a database that are known, oldest first."""
        with self._explained("read positions"):
            return read_branches(self._connection, database, VERSION)

    def add(self, database: str, branch: Branch) -> None:
        """A new life begins; known before anything of it is sent."""
        with self._explained("add a generation"), self._connection:
            (known,) = self._connection.execute(
                "SELECT count(*) FROM branch WHERE database = ?", (database,)
            ).fetchone()
            row = (database, branch.generation, known + 1, branch.parent, *_place(branch))
            self._connection.execute("INSERT INTO branch VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*row, checksum(row)))

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
            carried: The frames that stages want to see again, in place of all of before.
            windows: Accumulators that changed (`schema.ACCUMULATOR`).
        """
        with self._explained("move the position"), self._connection:
            self._carry(branch.generation, carried)
            numbers = self._numbers(branch.generation, windows[SENSOR_ID].unique())
            rows = ((numbers[str(sensor)], *values) for sensor, *values in _to_rows(windows.select(*ACCUMULATOR)))
            marks = ", ".join("?" * (len(_STORED) + 1))
            self._connection.executemany(
                f"REPLACE INTO window VALUES ({marks})",  # noqa: S608 - question marks only
                ((*row, checksum(row)) for row in rows),
            )
            self._place(database, branch)

    def _carry(self, generation: str, frames: Carried) -> None:
        self._connection.execute("DELETE FROM carried WHERE generation = ?", (generation,))
        for name, frame in frames.items():
            key, content = (generation, name), _pack(frame)
            self._connection.execute("INSERT INTO carried VALUES (?, ?, ?, ?)", (*key, content, checksum(key, content)))

    def _place(self, database: str, branch: Branch) -> None:
        key = (database, branch.generation)
        known = "SELECT ordinal, parent FROM branch WHERE database = ? AND generation = ?"
        row = (*key, *self._connection.execute(known, key).fetchone(), *_place(branch))
        self._connection.execute("REPLACE INTO branch VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*row, checksum(row)))

    def _numbers(self, generation: str, sensors: pl.Series) -> dict[str, int]:
        """Sensor id -> number of its series, given where it has none."""
        known = "SELECT sensor, number FROM series WHERE generation = ?"
        numbers: dict[str, int] = dict(self._connection.execute(known, (generation,)))
        (last,) = self._connection.execute("SELECT coalesce(max(number), 0) FROM series").fetchone()
        for number, sensor in enumerate(sensors.filter(~sensors.is_in(list(numbers))).sort(), 1):
            row = (generation, sensor, last + number * SPREAD)
            self._connection.execute("INSERT INTO series VALUES (?, ?, ?, ?)", (*row, checksum(row)))
            numbers[sensor] = row[-1]
        return numbers

    def carried(self, generation: str, name: str | None = None) -> dict[str, pl.DataFrame]:
        """What stages left for the next rows of a generation: all of it, or what is of one name."""
        with self._explained("read what stages carry"):
            query = "SELECT name, frame FROM carried WHERE generation = ? AND name = coalesce(?, name)"
            rows = self._connection.execute(query, (generation, name))
            return {name: pl.read_ipc(frame) for name, frame in rows}

    def keep(self, owner: str, frames: Carried) -> None:
        """What belongs to no life of a database moves, all of it together.

        Args:
            owner: Takes the place of a generation; no generation has its name.
            frames: In place of all of before.
        """
        with self._explained("keep what is of the city"), self._connection:
            self._carry(owner, frames)

    def windows(self, generation: str, spans: pl.DataFrame) -> pl.DataFrame:
        """Accumulators of the windows that start in the spans, in no particular order.

        Args:
            generation: Whose windows.
            spans: `sensorId`, `first` and `last` start, both included; spans of one sensor do not overlap.
        """
        with self._explained("read windows"):
            # No column types: with an affinity that `window` lacks, SQLite does not seek by the start of a window.
            self._connection.execute("CREATE TEMP TABLE IF NOT EXISTS span (sensor, first, last)")
            self._connection.execute("DELETE FROM span")
            self._connection.executemany("INSERT INTO span VALUES (?, ?, ?)", _to_rows(spans))
            found = self._connection.execute(_WINDOWS, (generation,)).fetchall()
            self._connection.commit()
            for _, *values, written in found:
                check(values, written)
            rows = [(sensor, *values) for sensor, _, *values, _ in found]
        return pl.DataFrame(rows, schema=_STORED, orient="row").cast(ACCUMULATOR)  # type: ignore[arg-type]

    def sums(self, spans: pl.DataFrame) -> pl.DataFrame:
        """What the means of windows are made of, see `minutes.read`; in no particular order.

        Args:
            spans: `generation`, `sensorId`, `first` and `last` start, both included.
        """
        with self._explained("read windows"):
            minutes.place(self._connection, spans)
            return minutes.read(self._connection)

    def first_start(self, spans: pl.DataFrame) -> datetime | None:
        """Start of the earliest window in the spans; None when there is none."""
        with self._explained("read windows"):
            minutes.place(self._connection, spans)
            start = minutes.first_start(self._connection)
        return None if start is None else datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=start)

    @contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        try:
            yield
        except DamagedError as exc:
            raise self._damaged(doing, exc) from exc
        except (sqlite3.Error, pl.exceptions.PolarsError, ValueError) as exc:
            raise CheckpointError(
                doing,
                self._path,
                hint="free some space if the disk is full; if the file is damaged, move it away: the next run makes "
                "it again from the archive",
            ) from exc

    def _damaged(self, doing: str, found: DamagedError) -> CheckpointError:
        """The file is put aside, and with it what this run would go on from."""
        self._connection.close()
        try:
            where = f"put aside as {put_aside(self._path)}"
        except OSError as exc:
            where = f"cannot be moved away: {exc}"
        return CheckpointError(
            doing,
            self._path,
            why=f"{found}; the file is damaged, and {where}",
            hint="run again: without the file it is made again from the archive",
            retryable=True,
        )


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
