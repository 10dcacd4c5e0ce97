"""What a city's checkpoint says, read without its lock and without the pipeline: nothing is written."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from processors.checkpoint import FILE, VERSION, DamagedError, later, read_branches
from processors.errors import CheckpointError, SourceError
from processors.model import Branch
from processors.source.opening import opening

T = TypeVar("T")

Recorded = Callable[[str], list[Branch]]
"""Name of a database -> its branches, as the checkpoint has them now."""

_BUSY_S = 5.0


class Ask(Protocol):
    """Answers what is read from a checkpoint and its schema's version; None when there is no checkpoint."""

    def __call__(self, read: Callable[[sqlite3.Connection, int], T], /) -> T | None: ...  # noqa: D102


@contextmanager
def open_recorded(state: Path, city: str) -> Iterator[Recorded]:
    """What the city's checkpoint knows of a database; nothing when there is none. See `open_asked`."""
    with open_asked(state, city) as ask:
        yield branches_by(ask)


def branches_by(ask: Ask) -> Recorded:
    """What a checkpoint that can be asked knows of a database."""
    return lambda sensor: ask(lambda connection, version: read_branches(connection, sensor, version)) or []


@contextmanager
def open_asked(state: Path, city: str) -> Iterator[Ask]:
    """The city's checkpoint, which is only read, without its lock.

    Raises:
        CheckpointError: It is damaged, a later version's, or unreadable. Also raised when it is asked.
    """
    path = state / city / FILE
    try:
        there = path.exists()
    except OSError as error:
        raise CheckpointError("read positions", path, hint="let this user read the state folder") from error
    if not there:
        yield lambda _: None
        return
    with opening(path, scratch=scratch(), busy_s=_BUSY_S) as opened:

        def ask(read: Callable[[sqlite3.Connection, int], T]) -> T | None:
            try:
                return opened.read(lambda uri: _read(uri, path, read))
            except (SourceError, DamagedError, ValueError) as error:
                why = getattr(error, "why", "") or str(error)
                raise CheckpointError(
                    "read positions", path, why=why, hint="ingest once: the run mends what it can"
                ) from error

        yield ask


def _read(uri: str, path: Path, read: Callable[[sqlite3.Connection, int], T]) -> T | None:
    with closing(sqlite3.connect(uri, uri=True, timeout=0)) as connection:
        connection.execute("BEGIN")  # all that is read is of one moment, whatever a run commits meanwhile
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise later(path, version)
        return read(connection, version) if version else None


def scratch() -> Path:
    """Where a copy may be made: never beside the data, and not where a run clears up."""
    try:
        return Path(tempfile.gettempdir())
    except OSError:
        return Path("/tmp")  # noqa: S108 - named in the error when the copy fails
