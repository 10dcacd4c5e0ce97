"""A rehearsal's own place: a copy of the city's checkpoint, in a folder that is gone in the end."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import polars as pl

from processors import spending
from processors.checkpoint import FILE, open_checkpoint
from processors.errors import CheckpointError
from processors.recorded import open_asked, scratch
from processors.settings import Settings


@contextmanager
def place(settings: Settings) -> Iterator[Settings]:
    """The settings with a state of their own, in a folder that is gone in the end, and without a budget.

    Raises:
        CheckpointError: The folder cannot be made.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix="plan-", dir=scratch())
    except OSError as error:
        raise CheckpointError("make a copy in", scratch(), hint="free some space there, or set TMPDIR") from error
    with folder as name:
        yield settings.model_copy(update={"state": Path(name), "every": None, "ru_budget": ""})


def copy_checkpoint(state: Path, city: str, to: Path) -> None:
    """The city's checkpoint as it is now, without its lock, in another state folder; nothing where there is none.

    Raises:
        CheckpointError: It is damaged, a later version's, or unreadable; or there is no room for the copy.
    """
    target = to / city / FILE
    target.parent.mkdir(parents=True, exist_ok=True)

    def copied(connection: sqlite3.Connection, _version: int) -> None:
        with closing(sqlite3.connect(target)) as copy:
            connection.backup(copy)

    with open_asked(state, city) as ask:
        ask(copied)


def learned(settings: Settings) -> pl.DataFrame:
    """What the city's runs were charged (`charges.SCHEMA`), read without its lock.

    Raises:
        CheckpointError: See `copy_checkpoint`.
    """
    with place(settings) as own:
        copy_checkpoint(settings.state, settings.city, own.state)
        with open_checkpoint(own.state, own.city) as checkpoint:
            known, _ = spending.learned(checkpoint)
    return known
