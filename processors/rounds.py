"""Databases in turn: one batch of each that has more, round after round, so that none waits for another's backlog."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from processors.archive import Archive
from processors.budget import Purse
from processors.checkpoint import Checkpoint
from processors.errors import ArchiveError, SourceChanged, SourceError, Stopped
from processors.model import Database
from processors.pipeline import Intake, Opened, Recipe, Sender, Sends, Sink, Taken
from processors.pipeline.preview import EVERY_S, preview
from processors.pipeline.rest import count_unshown, show_rest
from processors.settings import Settings
from processors.sink.delivery import Paces
from processors.source import Source, open_source
from processors.tally import Tally
from processors.world import Progress, World

_CHANGES = 3
"""Times that a database may be replaced under one pass before the pass gives it up."""


class Hold:
    """Since when readings are held back; it outlives a pass."""

    def __init__(self) -> None:
        self._since_s: float | None = None

    def begin(self, now_s: float) -> None:
        """What waits now was shown."""
        self._since_s = now_s

    def is_over(self, now_s: float, longest_s: float, every_s: float) -> bool:
        """Whether they would be for longer at the next pass, or for a time that is not known, of a run before this.

        Args:
            now_s: The pass ends.
            longest_s: For which they may be held back.
            every_s: Until the next pass.
        """
        return self._since_s is None or now_s + every_s - self._since_s > longest_s


@dataclass(frozen=True)
class Lasting:
    """What outlives a pass.

    Attributes:
        shown: Database -> when its newest windows were last shown, or a backlog of the city, which takes many passes,
            began to go up (`World.clock`).
        paces: How fast containers take documents.
        hold: Since when readings are held back.
    """

    shown: dict[str, float] = field(default_factory=dict)
    paces: Paces = field(default_factory=dict)
    hold: Hold = field(default_factory=Hold)


@dataclass(frozen=True)
class Means:
    """What the databases of a pass share.

    Attributes:
        purse: What the pass may spend.
        lasting: Of the passes before.
        lives: Database -> its generation, once it was opened and has rows.
        positions: Likewise, where it stood when the pass began.
    """

    settings: Settings
    recipe: Recipe
    world: World
    progress: Progress
    checkpoint: Checkpoint
    sink: Sink
    tally: Tally
    purse: Purse
    lasting: Lasting = field(default_factory=Lasting)
    lives: dict[str, str] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)

    @property
    def sender(self) -> Sender:
        """Sends what leaves of a batch; what that takes is known of while it does."""

        def moving() -> None:
            self.progress.moving()
            self.purse.note()

        return Sender(self.sink, self.recipe, moving)

    @property
    def sends(self) -> Sends:
        """The same for what a database takes in."""
        return self.sender

    def archive(self, database: Database) -> Archive:
        """Keeps what is taken in of a database."""
        return Archive(self.settings.archive, database)

    def in_order(self, turns: Sequence[_Turns]) -> Sequence[_Turns]:
        """Those that are most behind first where a budget may end the pass before each has had its turn."""
        if self.purse.budget is None:
            return turns
        return sorted(turns, key=lambda one: -self.tally.waiting(one.sensor))


def scratch(settings: Settings) -> Path:
    """Folder of copies of databases that cannot be read in place."""
    return settings.state / settings.city / "scratch"


def take_rounds(databases: Sequence[Database], means: Means, until: float | None) -> None:
    """Takes in what is new; a database that cannot be read is its own failure and not the city's.

    Args:
        databases: Those of the city.
        means: What they share; the tally is told all.
        until: When no new round may begin any more (`World.clock`); the first one always does. None: there is no end
            before all is taken in, or the budget is used up.

    Raises:
        ProcessorError: Of the checkpoint or the sink.
        Stopped: The run was asked to end.
    """
    with ExitStack() as stack:
        copy = _Copy()
        turns = [_Turns(database, means, copy) for database in databases]
        for one in turns:
            stack.callback(one.close)
        waiting = deque(means.in_order([one for one in turns if one.begin()]))
        while waiting:
            for _ in range(len(waiting)):
                rows = means.purse.batch(means.recipe.page_rows, len(waiting))
                if not rows:
                    return
                one = waiting.popleft()
                if one.take(rows):
                    waiting.append(one)
                for each in turns:
                    each.show_newest()
            if until is not None and means.world.clock() >= until and waiting:
                return
    means.lasting.shown.clear()


def show_waiting(city: str, means: Means) -> None:
    """What waits for its bucket to be full goes up as it is, unless it may wait longer; of gone databases too.

    Args:
        city: As written in the folder's name.
        means: What its databases share; the tally is told all.

    Raises:
        ProcessorError: Of the checkpoint or the sink.
        Stopped: The run was asked to end.
    """
    every = means.settings.every
    if every is not None and not means.lasting.hold.is_over(means.world.clock(), means.settings.hold, every):
        return
    unseen = 0
    for sensor in means.checkpoint.databases():
        if means.world.stop.is_set():
            raise Stopped
        if means.purse.left <= 0:
            unseen += count_unshown(sensor, means.checkpoint)
        else:
            means.tally.add(show_rest(city, sensor, means.checkpoint, means.sender))
    if unseen:
        used_up = f"ru_budget {means.settings.ru_budget} is used up"
        means.tally.add(Taken(notices=(f"{used_up}: {unseen} readings in open buckets are shown by the next run",)))
    else:
        means.lasting.hold.begin(means.world.clock())


@dataclass
class _Copy:
    """The one copy that there may be, lest a city whose power was cut needs its disk twice."""

    of: _Turns | None = None


class _Turns:
    """One database of a pass."""

    def __init__(self, database: Database, means: Means, copy: _Copy):
        self._database = database
        self._means = means
        self._copy = copy
        self._put_off = False
        self._changes = 0
        self._opened = ExitStack()
        self._source: Source | None = None
        self._intake: Intake | None = None

    def close(self) -> None:
        """Nothing of the database is open any longer."""
        self._opened.close()
        self._source = self._intake = None
        if self._copy.of is self:
            self._copy.of = None

    @property
    def sensor(self) -> str:
        """Name of the database's folder."""
        return self._database.sensor

    def begin(self) -> bool:
        """Whether there may be something to take in."""
        return self._read(self._open)

    def take(self, rows: int) -> bool:
        """One batch of at most so many rows; whether there may be more."""
        return self._read(lambda: self._take(rows))

    def _read(self, action: Callable[[], bool]) -> bool:
        while True:
            if self._means.world.stop.is_set():
                raise Stopped
            try:
                return action()
            except SourceChanged as exc:
                self.close()
                self._changes += 1
                if self._changes == _CHANGES:
                    self._means.tally.fail(self._database.sensor, exc)
                    return False
            except (SourceError, ArchiveError) as exc:
                self.close()
                if self._copy.of is not None and not self._put_off:  # perhaps there is no room for a second copy
                    self._put_off = True
                    return True
                self._means.tally.fail(self._database.sensor, exc)
                return False

    def show_newest(self) -> None:
        """What of the database is newest goes up before its turn when that is far off."""
        means, shown = self._means, self._means.lasting.shown
        if self._source is None or self._intake is None or self._intake.branch is None:
            return
        if means.world.stop.is_set():
            raise Stopped
        past_s = means.world.clock() - shown[self._database.sensor]
        if past_s < EVERY_S or not means.purse.spare:
            return
        try:
            preview(self._intake.opened, means.sink, self._intake.branch, past_s)
        except SourceError:
            self.close()  # to be opened again in its turn, which tells what is wrong
        shown[self._database.sensor] = means.world.clock()

    def _take(self, rows: int) -> bool:
        if self._intake is None:
            self._open()
        if self._intake is None:
            return True
        self._intake.page_rows = rows
        taken = next(self._intake, None)
        if taken is not None:
            self._means.purse.taken(taken.conformed)
            self._tell(taken)
        waiting = 0 if taken is None else self._intake.waiting
        if waiting is not None:
            self._means.tally.wait(self._database.sensor, waiting)
        if waiting == 0 and self._copy.of is self:
            self.close()
        return waiting != 0

    def _open(self) -> bool:
        """Opens the database and tells where it stands, unless it needs a copy while there is one of another."""
        database, means = self._database, self._means
        if self._put_off and self._copy.of is not None:
            return True
        source = self._opened.enter_context(
            open_source(
                database.path,
                table=means.settings.table,
                columns=means.settings.columns,
                scratch=scratch(means.settings),
            )
        )
        opened = Opened(database, source, means.checkpoint, means.archive(database), means.recipe)
        intake = Intake(opened, means.sends)
        for taken in intake.catch_up():
            self._tell(taken)
            if means.world.stop.is_set():
                raise Stopped
        expected = 0 if intake.branch is None else source.extent().beyond(intake.branch.position)
        if intake.branch is not None:
            means.lives[database.sensor] = intake.branch.generation
            means.positions.setdefault(database.sensor, intake.branch.position)
        means.tally.wait(database.sensor, expected)
        if source.mode == "copy":
            if self._copy.of is not None:
                self._put_off = True
                self.close()
                return True
            self._copy.of = self
        means.progress.database(database, expected)
        means.lasting.shown.setdefault(database.sensor, means.world.clock())
        self._source, self._intake = source, intake
        return True

    def _tell(self, taken: Taken) -> None:
        self._means.tally.add(taken)
        self._means.progress.batch(self._database, taken)
