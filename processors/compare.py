"""At the end of a pass: the sensors of the city are compared, as far as their closed windows go.

The position is kept with the state in the checkpoint, and moves after the alarms are in Cosmos; a run that ends in
between finds the same ones again, with the same ids. Minutes are taken a slice at a time, so that memory is bounded
whatever waits, and are judged once: what a sensor brings later for them is not compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import polars as pl

from processors import document
from processors.checkpoint import Checkpoint
from processors.containers import ANOMALIES
from processors.detect.thresholds import DEFAULT_THRESHOLDS
from processors.document import Origin
from processors.errors import Stopped
from processors.model import Database
from processors.neighbours import State, judge
from processors.neighbours.reach import BEHIND, DATABASE, WATERMARK, reach
from processors.neighbours.state import restored, stored
from processors.pipeline import Taken
from processors.rounds import Means
from processors.schema import SENSOR_ID, TIMESTAMP_TYPE
from processors.transform.aggregate import WINDOW_S, means
from processors.transform.watermark import watermarks

OWNER = "neighbours"
"""Stands for a generation in checkpoint and documents: those of databases have twelve characters."""

SLICE_WINDOWS = 50_000
"""Windows of a slice, unless a single minute has more."""

_KEPT_EVERY = 16
"""Slices after which the position moves: with many sensors the state is larger than a slice."""

_POSITION = "position"
_WINDOW = timedelta(seconds=WINDOW_S)
_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)


def compare(databases: Sequence[Database], using: Means, until: float | None) -> None:
    """Judges the minutes that are new and complete; the tally is told of the alarms.

    Args:
        databases: Those of the city.
        using: What the pass has; `Means.lives` says which life of a database counts.
        until: When no new slice may begin any more (`World.clock`); the first one always does, unless the budget is
            used up.

    Raises:
        ProcessorError: Of the checkpoint or the sink.
        Stopped: The run was asked to end; what was judged is kept.
    """
    reached = _watermarks(databases, using)
    end = None if reached is None else reach(reached, using.world.now())
    if reached is None or end is None:
        return
    state, position, notices = _restored(using.checkpoint)
    if (position is not None and position >= end) or using.purse.left <= 0:
        return
    using.tally.add(Taken(notices=notices))
    comparison = _Comparison(using, reached, end, state)
    at = comparison.next_minute(position or _BEGINNING)
    slices = 0
    while at < end:
        at = comparison.slice(at)
        slices += 1
        if using.world.stop.is_set():
            comparison.keep(at)
            raise Stopped
        late = (until is not None and using.world.clock() >= until) or using.purse.left <= 0
        if at >= end or late or slices % _KEPT_EVERY == 0:
            comparison.keep(at)
        if late:
            return
        at = comparison.next_minute(at)


class _Comparison:
    """Minutes of a city that wait to be judged."""

    def __init__(self, using: Means, reached: pl.DataFrame, end: datetime, state: State):
        self._using = using
        self._reached = reached
        self._end = end
        self._state = state
        self._thresholds = {**DEFAULT_THRESHOLDS, **using.settings.thresholds}
        self._span = _WINDOW * max(1, SLICE_WINDOWS // len(reached))

    def next_minute(self, at: datetime) -> datetime:
        """The first minute from one on in which there is anything, or the end."""
        return self._using.checkpoint.first_start(self._spans(at, self._end)) or self._end

    def slice(self, begin: datetime) -> datetime:
        """Judges a slice and sends what is found; where it ends."""
        using = self._using
        end = min(begin + self._span, self._end)
        judged = judge(means(using.checkpoint.sums(self._spans(begin, end))), self._state, self._thresholds)
        using.progress.moving()
        origin = Origin(using.settings.city, OWNER)
        written = using.sink.write(ANOMALIES, document.comparisons(judged.findings, origin))
        refused = tuple(f"{OWNER}: {each.document_id} was refused: {each.why}" for each in written.refused)
        using.tally.add(Taken(anomalies=written.documents, notices=refused))
        self._state = judged.state
        return end

    def keep(self, position: datetime) -> None:
        """The position moves."""
        place = pl.DataFrame({_POSITION: [position]}, schema={_POSITION: TIMESTAMP_TYPE})
        self._using.checkpoint.keep(OWNER, {**stored(self._state), _POSITION: place})

    def _spans(self, begin: datetime, end: datetime) -> pl.DataFrame:
        """Closed windows of the sensors that start in a time, its end not included."""
        last = pl.min_horizontal(pl.lit(end, TIMESTAMP_TYPE), WATERMARK) - _WINDOW
        spans = self._reached.select("generation", SENSOR_ID, pl.lit(begin, TIMESTAMP_TYPE).alias("first"), last=last)
        return spans.filter(pl.col("first") <= pl.col("last"))


def _watermarks(databases: Sequence[Database], using: Means) -> pl.DataFrame | None:
    """How far each sensor of each database has come; None when nothing is known yet of one that is behind."""
    behind = using.tally.behind()
    found = []
    for database in databases:
        generation = using.lives.get(database.sensor) or _newest_life(using.checkpoint, database)
        carried = {} if generation is None else using.checkpoint.carried(generation, WATERMARK)
        known = watermarks(carried.get(WATERMARK))
        if known.is_empty():
            if database.sensor in behind:
                return None
            continue
        found.append(
            known.with_columns(
                pl.lit(database.sensor).alias(DATABASE),
                pl.lit(generation).alias("generation"),
                pl.lit(database.sensor in behind).alias(BEHIND),
            )
        )
    return pl.concat(found) if found else None


def _newest_life(checkpoint: Checkpoint, database: Database) -> str | None:
    """Of a database that this pass could not open."""
    known = checkpoint.branches(database.sensor)
    return known[-1].generation if known else None


def _restored(checkpoint: Checkpoint) -> tuple[State, datetime | None, tuple[str, ...]]:
    """What was learned, and up to when; and what to say of it where that is not to be trusted."""
    carried = checkpoint.carried(OWNER)
    place = carried.pop(_POSITION, None)
    state = restored(carried)
    if state is not None and place is not None and place.schema == {_POSITION: TIMESTAMP_TYPE} and len(place) == 1:
        return state, place[_POSITION][0], ()
    if not carried:
        return State(), None, ()
    return State(), None, (f"{OWNER}: what was learned is of another version or not readable: it is learned anew",)
