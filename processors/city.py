"""One pass over a city's databases, each with its own position and outcome; or a pass every so often."""

from __future__ import annotations

import hashlib
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from processors import discover
from processors.archive import Archive
from processors.checkpoint import Checkpoint, open_checkpoint
from processors.cosmos import Account
from processors.detect import detectors
from processors.errors import ArchiveError, ProcessorError, SourceChanged, SourceError
from processors.model import BEFORE_FIRST, Database
from processors.pipeline import Recipe, Taken, take_in
from processors.report import Report
from processors.settings import Settings
from processors.sink import Sink, open_sink
from processors.source import Source, open_source
from processors.transform.privacy import Privacy

_REOPENED = 3
"""Times that a database may be replaced under one pass before the pass gives it up."""


class Progress(Protocol):
    """Is told how a pass goes."""

    def database(self, database: Database, expected_rows: int) -> None:
        """A database begins; `expected_rows` are at most to come."""
        ...

    def batch(self, taken: Taken) -> None:
        """A batch of it is safe."""
        ...


class Silent:
    """Nobody looks."""

    def database(self, database: Database, expected_rows: int) -> None:
        """See `Progress`."""

    def batch(self, taken: Taken) -> None:
        """See `Progress`."""


@dataclass(frozen=True)
class World:
    """What a run needs from outside: clocks, and whether it should end.

    Attributes:
        now: UTC.
        clock: Seconds, never falling.
        stop: Set when the run should end after the batch in hand.
    """

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    clock: Callable[[], float] = time.monotonic
    stop: threading.Event = field(default_factory=threading.Event)


def recipe(settings: Settings) -> Recipe:
    """What the settings ask to do to rows."""
    return Recipe(
        page_rows=settings.page_rows,
        default_zone=settings.source_time_zone,
        stage=settings.stage,
        privacy=Privacy(
            coordinate_decimals=settings.coordinate_decimals,
            drop=settings.drop_fields,
            hash=settings.hash_fields,
            hash_key=settings.hash_key.get_secret_value().encode(),
        ),
        detectors=detectors(
            robust_z_threshold=settings.robust_z_threshold, stuck_rows=settings.stuck_rows, limits=settings.limits
        ),
        readings=settings.container,
    )


def account(settings: Settings) -> Account:
    """Where the settings say that documents go."""
    return Account(settings.endpoint, settings.key.get_secret_value(), settings.database, settings.container)


def node_name(settings: Settings) -> str:
    """The host, and the node's folder where several nodes share a host."""
    return f"{socket.gethostname()}/{settings.node_folder}".rstrip("/")


def start_delay_s(settings: Settings) -> float:
    """Seconds before the first of many passes: spread over `start_delay`, the same for the same `node_name`."""
    digest = hashlib.sha256(f"{node_name(settings)} {settings.city}".encode()).digest()
    return settings.start_delay * int.from_bytes(digest[:4]) / 2**32


def passes(settings: Settings, world: World, progress: Progress) -> Iterator[Report]:
    """The report of each pass: of one, or of one every `settings.every` seconds until `world.stop` is set.

    The report of a pass is stored in `runs` before it is yielded. With `every`, a pass that fails is reported and
    the next one tries again, unless the failure is one that trying again cannot mend. The first of them waits its
    `start_delay_s`.
    """
    if settings.every is not None and world.stop.wait(start_delay_s(settings)):
        return
    while True:
        begun = world.clock()
        report = _pass(settings, world, progress)
        yield report
        if settings.every is None or world.stop.is_set() or not _may_recover(report):
            return
        if world.stop.wait(max(0.0, settings.every - (world.clock() - begun))):
            return


def _may_recover(report: Report) -> bool:
    return report.stopped_by is None or report.stopped_by.retryable


def _pass(settings: Settings, world: World, progress: Progress) -> Report:
    tally = _Tally(settings, world)
    try:
        tally.databases = discover.databases(settings.data, settings.city)
        settings = tally.settings = settings.model_copy(update={"city": tally.databases[0].city})
        with open_checkpoint(settings.state, settings.city) as checkpoint, open_sink(account(settings)) as sink:
            if checkpoint.put_aside is not None:
                tally.add(Taken(notices=(f"checkpoint damaged, put aside as {checkpoint.put_aside}, made anew",)))
            shutil.rmtree(_scratch(settings), ignore_errors=True)
            try:
                for database in tally.databases:
                    _take_in(database, checkpoint, sink, tally, progress)
            except ProcessorError as exc:
                tally.stopped_by = exc
            report = tally.report()
            sink.put_run(report.document())
            return report
    except ProcessorError as exc:
        tally.stopped_by = tally.stopped_by or exc
    return tally.report()


def _take_in(database: Database, checkpoint: Checkpoint, sink: Sink, tally: _Tally, progress: Progress) -> None:
    """Takes in one database; if it cannot be read, that is its own failure and not the city's."""
    for attempt in range(1, _REOPENED + 1):
        if tally.world.stop.is_set():
            tally.interrupted = True
            return
        try:
            with _opened(database, tally.settings) as source:
                progress.database(database, _expected_rows(database, source, checkpoint))
                archive = Archive(tally.settings.archive, database)
                for taken in take_in(database, source, checkpoint, archive, sink, recipe(tally.settings)):
                    tally.add(taken)
                    progress.batch(taken)
                    if tally.world.stop.is_set():
                        tally.interrupted = True
                        return
            return
        except SourceChanged as exc:
            if attempt == _REOPENED:
                tally.failures[database.sensor] = exc
        except (SourceError, ArchiveError) as exc:
            tally.failures[database.sensor] = exc
            return


@contextmanager
def _opened(database: Database, settings: Settings) -> Iterator[Source]:
    with open_source(
        database.path, table=settings.table, columns=settings.columns, scratch=_scratch(settings)
    ) as source:
        yield source


def _scratch(settings: Settings) -> Path:
    """Copies of databases that cannot be read in place; what a killed run left is removed."""
    return settings.state / settings.city / "scratch"


def _expected_rows(database: Database, source: Source, checkpoint: Checkpoint) -> int:
    """Rows that are to come, at most: ids may have gaps."""
    extent = source.extent()
    if extent.first_id is None or extent.last_id is None:
        return 0
    position = max((branch.position for branch in checkpoint.branches(database.sensor)), default=BEFORE_FIRST)
    return max(0, extent.last_id - max(position, extent.first_id - 1))


class _Tally:
    """What a pass has come to so far."""

    def __init__(self, settings: Settings, world: World):
        self.settings = settings
        self.world = world
        self.databases: Sequence[Database] | None = None
        self.failures: dict[str, ProcessorError] = {}
        self.stopped_by: ProcessorError | None = None
        self.interrupted = False
        self._taken = Taken()
        self._started_at = world.now()
        self._begun = world.clock()

    def add(self, taken: Taken) -> None:
        self._taken += taken

    def report(self) -> Report:
        return Report(
            city=self.settings.city,
            node=node_name(self.settings),
            started_at=self._started_at,
            seconds=self.world.clock() - self._begun,
            databases=None if self.databases is None else len(self.databases),
            taken=self._taken,
            failures=self.failures,
            stopped_by=self.stopped_by,
            interrupted=self.interrupted,
            continuous=self.settings.every is not None,
        )
