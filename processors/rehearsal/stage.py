"""Where a rehearsal takes place: a copy of the city's checkpoint, and an archive to which nothing is added."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from processors import discover, spending
from processors.checkpoint import FILE, Checkpoint, open_checkpoint
from processors.city import recipe
from processors.errors import CheckpointError
from processors.model import Database
from processors.pipeline import Sender, Sends
from processors.recorded import open_asked, scratch
from processors.rehearsal.counting import Counting
from processors.rehearsal.trials import Trials
from processors.rehearsal.windows import Remembering
from processors.rounds import Means
from processors.settings import Settings
from processors.standing import Untouched
from processors.tally import Tally
from processors.world import Silent, World


@dataclass(frozen=True)
class Stage(Means):
    """What the databases of a rehearsal share; time stands still, so that nothing is shown before its turn.

    Attributes:
        trials: Forms that are tried; None: that of the settings, as a run would.
    """

    trials: Trials | None = None

    @property
    def sends(self) -> Sends:
        """As a run's, and each of the forms that are tried."""
        if self.trials is not None:
            return self.trials
        assert isinstance(self.sink, Counting)
        return Remembering(Sender(self.sink, self.recipe), self.sink)

    def archive(self, database: Database) -> Untouched:
        """Is only read."""
        return Untouched(self.settings.archive, database)


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


def stage(settings: Settings, world: World, checkpoint: Checkpoint, sink: Counting, trials: Trials | None) -> Stage:
    """What a rehearsal has in the place of what a pass has."""
    still = World(now=world.now, clock=lambda: 0.0, stop=world.stop)
    tally = Tally(still)
    tally.databases = discover.databases(settings.data, settings.city)
    purse = spending.purse(settings, checkpoint, tally.meter, still)
    return Stage(settings, recipe(settings), still, Silent(), checkpoint, sink, tally, purse, trials=trials)
