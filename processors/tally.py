"""What a pass has come to so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from processors.charges import Meter
from processors.errors import ProcessorError
from processors.model import Database
from processors.pipeline import Taken
from processors.planned import Planned
from processors.report import Report
from processors.world import World

E = TypeVar("E", bound=ProcessorError)


class Tally:
    """Counts, failures, and what still waits, until the pass is over.

    Attributes:
        databases: Those of the city, None while they are not known.
        interrupted: Whether a signal ended the pass early.
        meter: What the pass is charged.
        planned: What was foretold of it, None where nothing was.
    """

    def __init__(self, world: World):
        self.databases: Sequence[Database] | None = None
        self.interrupted = False
        self.meter = Meter()
        self.planned: Planned | None = None
        self._world = world
        self._taken = Taken()
        self._waiting: dict[str, int] = {}
        self._failures: dict[str, ProcessorError] = {}
        self._stopped_by: ProcessorError | None = None
        self._started_at = world.now()
        self._begun = world.clock()

    def add(self, taken: Taken) -> None:
        """A batch, or what there is to say of the pass."""
        self._taken += taken

    def wait(self, sensor: str, rows: int) -> None:
        """So many rows of a database wait now, at most."""
        self._waiting[sensor] = rows

    def waiting(self, sensor: str) -> int:
        """Rows of a database that wait, at most; 0 where that is not known."""
        return self._waiting.get(sensor, 0)

    def behind(self) -> set[str]:
        """Databases with rows that wait, without those that failed."""
        return {sensor for sensor, rows in self._waiting.items() if rows and sensor not in self._failures}

    def fail(self, sensor: str, error: ProcessorError) -> None:
        """A database could not be read to its end."""
        self._failures[sensor] = _without_frames(error)

    def stop(self, error: ProcessorError) -> None:
        """The pass ends by this error; the first one counts."""
        self._stopped_by = self._stopped_by or _without_frames(error)

    def report(self, *, city: str, node: str, continuous: bool) -> Report:
        """All of it, as of now."""
        return Report(
            city=city,
            node=node,
            started_at=self._started_at,
            seconds=self._world.clock() - self._begun,
            databases=None if self.databases is None else len(self.databases),
            taken=self._taken,
            spent=self.meter.spent,
            planned=self.planned,
            backlog_rows=self._backlog_rows(),
            failures=self._failures,
            stopped_by=self._stopped_by,
            interrupted=self.interrupted,
            continuous=continuous,
        )

    def _backlog_rows(self) -> int | None:
        """None while a database has not been looked at: what waits there is not known."""
        readable = [each.sensor for each in self.databases or () if each.sensor not in self._failures]
        if self.databases is None or not self._waiting.keys() >= set(readable):
            return None
        return sum(self._waiting[sensor] for sensor in readable)


def _without_frames(error: E) -> E:
    """The error and its causes without the frames that they went through.

    A report is kept until the next one: through them it would keep the rows of a page, for each error.
    """
    each: BaseException | None = error
    while each is not None:
        each.__traceback__ = None
        each.__context__ = None
        each = each.__cause__
    return error
