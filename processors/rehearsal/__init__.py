"""What a run would send, by doing all of it but that: the real databases, a copy of the checkpoint, a sink that counts.

Nothing of the order of stages is repeated here. Nothing is written but to a folder that is gone in the end, no lock is
taken, and a run may be going on: what is counted is what a run would do that began now.

Not counted: newest windows that are shown while a backlog takes longer than a minute (`pipeline.preview`), attempts
that come to nothing, and documents that a killed run left in Cosmos and that are put there once more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from processors import discover
from processors.anchors import anchor_of
from processors.checkpoint import Checkpoint, open_checkpoint
from processors.city import node_name, recipe
from processors.compare import compare
from processors.containers import RUNS
from processors.errors import SourceError
from processors.form import Form
from processors.model import Branch, Database, Documents
from processors.pipeline.rest import shown
from processors.rehearsal.apart import copy_checkpoint, place
from processors.rehearsal.counting import Counted, Counting
from processors.rehearsal.means import StillMeans, still_means
from processors.rehearsal.trials import Trials
from processors.report import Report, encode
from processors.rounds import show_waiting, take_rounds
from processors.settings import Settings
from processors.standing import open_table
from processors.world import World

SAMPLE_ROWS = 20_000
"""Rows of a city that a sample is made of, the latest of each of its databases."""

_LEAST_ROWS = 500
"""Of a database."""


See = Callable[[str, Documents], object]


def _unseen(_container: str, _group: Documents) -> None:
    """Nobody looks."""


@dataclass(frozen=True)
class Rehearsal:
    """What a run would come to.

    Attributes:
        report: As of a run, without what it was charged.
        counted: Its documents.
        positions: Database -> where it stood.
        seconds: That it took.
    """

    report: Report
    counted: Counted
    positions: Mapping[str, int]
    seconds: float


@dataclass(frozen=True)
class Tried:
    """What a form came to.

    Attributes:
        form: Which.
        taken_rows: That were taken in.
        rows: Of these, whose readings have left, or never will.
        counted: What has left.
        shown: The same with what waits, as it is shown.
    """

    form: Form
    taken_rows: int
    rows: int
    counted: Counted
    shown: Counted


def rehearse(settings: Settings, world: World, see: See = _unseen) -> Rehearsal:
    """What a run would come to that began now and took in all that waits.

    Args:
        settings: Of the run; nothing of the account is used.
        world: Clocks, and what ends it early.
        see: Is told of each group of documents, with its container.

    Raises:
        ProcessorError: What would end the run.
        Stopped: It was asked to end.
    """
    begun = world.clock()
    settings = _found(settings)
    with place(settings) as own:
        copy_checkpoint(settings.state, settings.city, own.state)
        with open_checkpoint(own.state, own.city) as checkpoint:
            sink = Counting(see)
            using = still_means(own, world, checkpoint, sink)
            databases = using.tally.databases or ()
            for sensor in checkpoint.databases():
                sink.holds(settings.container, shown(own.city, sensor, checkpoint))
            take_rounds(databases, using, None)
            show_waiting(own.city, using)
            compare(databases, using, None)
            report = using.tally.report(city=own.city, node=node_name(settings), continuous=False)
            document = report.document()
            sink.write(RUNS, [Documents((own.city,), [document], [len(encode(document).encode())])])
            counted = sink.counted()
    return Rehearsal(report, counted, dict(using.positions), world.clock() - begun)


def sample(settings: Settings, world: World, forms: Sequence[Form], see: See = _unseen) -> Sequence[Tried]:
    """What the latest rows of each database come to in each of several forms, as if nothing had been taken in.

    Args:
        settings: Of the run.
        world: Clocks, and what ends it early.
        forms: The first is that of the settings.
        see: Is told of each group of documents, with its container.

    Raises:
        ProcessorError: What would end a run.
        Stopped: It was asked to end.
    """
    settings = _found(settings)
    with place(settings) as placed:
        own = placed.model_copy(update={"archive": placed.state / "archive"})
        with open_checkpoint(own.state, own.city) as checkpoint:
            trials = Trials(recipe(own), [(form, Counting(see)) for form in forms])
            using = still_means(own, world, checkpoint, Counting(), trials)
            databases = using.tally.databases or ()
            for number, database in enumerate(databases):
                _begin(database, checkpoint, own, max(_LEAST_ROWS, SAMPLE_ROWS // len(databases)), f"{number:012d}")
            take_rounds(databases, using, None)
            return _tried(forms, trials, using)


def _tried(forms: Sequence[Form], trials: Trials, using: StillMeans) -> Sequence[Tried]:
    rows = using.tally.report(city="", node="", continuous=False).taken.rows
    tried = []
    for form, trial in zip(forms, trials.trials, strict=True):
        left, counted = rows - trial.waiting_rows(), trial.counted()
        trial.show()
        tried.append(Tried(form, rows, left, counted, trial.counted()))
    return tried


def _begin(database: Database, checkpoint: Checkpoint, settings: Settings, rows: int, generation: str) -> None:
    """The database's life begins before its latest rows; one that cannot be read is told of when its turn comes.

    Args:
        database: Which.
        checkpoint: Of the sample.
        settings: Of the run.
        rows: That are wanted.
        generation: As long as generations are, for it is in each document.
    """
    with suppress(SourceError), open_table(database, settings.table, settings.columns) as source:
        extent = source.extent()
        if extent.first_id is None or extent.last_id is None or extent.last_id - rows < extent.first_id:
            return
        anchor = anchor_of(source.page(extent.last_id - rows - 1, 1), 0)
        checkpoint.add(database.sensor, Branch(generation, None, anchor["id"], anchor["id"], (anchor,)))


def _found(settings: Settings) -> Settings:
    """The settings with the city as its folder is written."""
    return settings.model_copy(update={"city": discover.databases(settings.data, settings.city)[0].city})
