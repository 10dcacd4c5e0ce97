"""Whether Cosmos has what this node's tables and archive say it should have: every reading, by id, and no other.

For each database of the city, generation by generation and a page of rows at a time:

1. The table: each row up to the position of its generation is a reading in the archive, with the same content, or
   among the rejects. Rows beyond wait, and are only counted.
2. The archive, of rows that the table has lost as well: each reading that has left, as the manifests say (`due`), is in
   Cosmos once, in a document of its own or in a bucket, and says the same in the form that it left in (`documents`).
   One that has not left may be there, and must then be right.
3. Cosmos: the readings of these sensors are no more than that (`extras`).

Nothing is written, no lock is taken, and a run may be going on. It sends a batch before it archives it, and
archives it before its position moves; so what was archived when it was looked at is there, and what is there and
not archived is looked for in the archive once more, and then in the table, before it is called extra. What waits is
looked at before what has left, so what leaves meanwhile is known to have been somewhere.

Where the archive was begun anew, rows before its beginning are compared straight with the table, those that the
table still has. Only readings are verified: aggregates and anomalies follow from them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import polars as pl

from processors import archive as archives
from processors import city, discover
from processors.document import Origin
from processors.errors import ArchiveError, ProcessorError, SourceChanged, SourceError
from processors.manifest import after_name
from processors.model import Branch, Database
from processors.names import partition_value
from processors.query import open_reader
from processors.recorded import Ask, branches_by, open_asked
from processors.settings import Settings
from processors.source import Source
from processors.standing import Standing, Untouched, open_table, stand
from processors.verify.described import Descriptions
from processors.verify.extras import extras
from processors.verify.findings import Counts, Finding, Findings, VerifyReport, open_findings
from processors.verify.gone import all_gone, is_refusal
from processors.verify.holdings import Holding, Holdings
from processors.verify.lookup import Lookup
from processors.verify.stored import Comparison, Stored
from processors.verify.stretches import FORM, Stretch, stretches
from processors.verify.tables import compared, page
from processors.verify.waits import waits
from processors.world import World

__all__ = ["VerifyReport", "verify"]

_MOST_ROWS = 5_000
"""Rows at a time, and their documents as Python objects, also where pages are larger."""

_LATE_S = 3_600.0
"""Documents may expire so many seconds before a manifest tells, or a tenth of their life where that is less: they are
written before it, and while this one goes on time passes."""

_CHANGES = 3
"""Times that a table may be replaced while a page of it is read."""


def verify(settings: Settings, world: World, ids: Path | IO[str] | None = None) -> VerifyReport:
    """The city's databases, their archive and their documents, compared.

    Args:
        settings: `city`, `endpoint` and where data, state and archive are.
        world: Clocks; `stop` ends the verification early.
        ids: File for all findings, one JSON object a line, by name or open; None for none.

    Returns:
        Also when it ended early: then the report says by what.
    """
    state = _State(settings, world)
    try:
        found = discover.databases(settings.data, settings.city)
        state.settings = settings.model_copy(update={"city": found[0].city})
        state.holdings = _holdings(state.settings, found)
        with open_findings(ids) as state.findings:
            _verify(state)
    except ProcessorError as error:
        state.stopped_by = error
    return state.report()


@dataclass
class _State:
    """What a verification has come to so far."""

    settings: Settings
    world: World
    holdings: list[Holding] | None = None
    findings: Findings = field(default_factory=lambda: Findings(None))
    failures: dict[str, ProcessorError] = field(default_factory=dict)
    stopped_by: ProcessorError | None = None
    interrupted: bool = False

    def __post_init__(self) -> None:
        self._started_at = self.world.now()
        self._begun = self.world.clock()

    def report(self) -> VerifyReport:
        return VerifyReport(
            city=self.settings.city,
            node=city.node_name(self.settings),
            started_at=self._started_at,
            seconds=self.world.clock() - self._begun,
            databases=None if self.holdings is None else len(self.holdings),
            counts=self.findings.counts,
            found=self.findings.found,
            first=self.findings.first,
            failures=self.failures,
            stopped_by=self.stopped_by,
            interrupted=self.interrupted,
        )


def _holdings(settings: Settings, found: list[Database]) -> list[Holding]:
    """The databases that there are, and those that only the archive knows any more."""
    known = {partition_value(database.sensor) for database in found}
    gone = [
        Database(settings.city, name, settings.data / settings.city / name / discover.FILE_NAME)
        for name in archives.sensors(settings.archive, settings.city)
        if partition_value(name) not in known
    ]
    return [
        *(Holding(database, Untouched(settings.archive, database), has_table=True) for database in found),
        *(Holding(database, Untouched(settings.archive, database), has_table=False) for database in gone),
    ]


def _page_rows(settings: Settings) -> int:
    return min(settings.page_rows, _MOST_ROWS)


def _verify(state: _State) -> None:
    settings = state.settings
    with (
        open_asked(settings.state, settings.city) as ask,
        open_reader(city.account(settings), settings.container) as reader,
    ):
        lookup = Lookup(reader, settings.city)
        comparison = Comparison(lookup, Descriptions(reader, lookup), city.recipe(settings), state.findings)
        holdings = Holdings(settings, branches_by(ask), state.holdings or [], state.failures)
        for holding in holdings.holdings:
            try:
                stored = Stored(comparison, holding.database.sensor)
                _Verification(state, holdings, holding, ask, stored, reader.default_ttl_s).run()
            except (SourceError, ArchiveError) as error:
                state.failures[holding.database.sensor] = error
            if state.interrupted:
                return
        for finding in extras(reader, comparison, holdings, _page_rows(settings)):
            state.findings.add(finding)
            if state.world.stop.is_set():
                state.interrupted = True
                return


class _Verification:
    """One database, its archive and its documents."""

    def __init__(
        self, state: _State, holdings: Holdings, holding: Holding, ask: Ask, stored: Stored, ttl_s: int | None
    ):
        self._state = state
        self._holdings = holdings
        self._holding = holding
        self._ask = ask
        self._stored = stored
        self._ttl_s = ttl_s
        self._recipe = city.recipe(state.settings)
        self._page_rows = _page_rows(state.settings)
        self._standing: Standing

    @property
    def _counts(self) -> Counts:
        return self._state.findings.counts

    def run(self) -> None:
        """Compares."""
        if not self._holding.has_table:
            self._generations(None)
            return
        settings = self._state.settings
        with open_table(self._holding.database, settings.table, settings.columns) as source:
            self._generations(source)

    def _generations(self, source: Source | None) -> None:
        self._standing = self._stand(source)
        position = self._standing.position
        for branch in self._standing.known:
            archive = self._holding.archive
            begins = self._standing.begins.get(branch.generation)
            waiting = waits(self._ask, self._holding.database.sensor, branch.generation)
            left = all_gone(archive, branch.generation, self._expired_before())
            left.begun_anew(branch.base_id, begins or branch.base_id, branch.generation, archive)
            self._stored.begin(left, waiting)
            for stretch in stretches(archive, branch, begins, self._page_rows, left):
                if self._state.world.stop.is_set():
                    self._state.interrupted = True
                    return
                self._stretch(source, branch, stretch)
                if self._standing.branch is not None and branch.generation == self._standing.branch.generation:
                    position = stretch.last_id
        if source is not None:
            self._counts.waiting += source.count(max(position, self._standing.position))

    def _expired_before(self) -> float | None:
        if self._ttl_s is None:
            return None
        return self._state.world.now().timestamp() - self._ttl_s + min(_LATE_S, self._ttl_s / 10)

    def _stand(self, source: Source | None) -> Standing:
        holding = self._holding
        return stand(holding.database, source, holding.archive, self._holdings.recorded, self._recipe)

    def _stretch(self, source: Source | None, branch: Branch, stretch: Stretch) -> None:
        origin = Origin(self._holding.database.city, branch.generation)
        told = source is not None and self._table(source, stretch, origin)
        if stretch.kept is None:
            if not stretch.elsewhere and not told:
                self._state.findings.add(self._lost(stretch))
        else:
            broken = [row_id for row_id, rules in stretch.rejects.items() if not is_refusal(rules)]
            self._counts.rejects += len(broken)
            self._counts.rows += len(broken)
            self._stored.compare(stretch.kept, stretch.rejects, origin)

    def _lost(self, stretch: Stretch) -> Finding:
        """Batches form a chain: one that no batch follows on from was there, also when the table has lost its rows."""
        why = f"the archive lacks the batch after row {after_name(stretch.after)}"
        return Finding("missing", None, None, None, self._holding.database.sensor, why)

    def _table(self, source: Source, stretch: Stretch, origin: Origin) -> bool:
        """Compares the table's rows, as long as it is this life of the database that it holds.

        Returns:
            Whether there was something to tell.
        """
        told = False
        position, changes, size, zone = stretch.after, 0, self._page_rows, self._recipe.default_zone
        while (life := self._standing.branch) is not None and origin.generation in self._standing.limits:
            limit = self._standing.limits[origin.generation]
            last_id = stretch.last_id if limit is None else min(limit, stretch.last_id)
            try:
                found = page(source, position, last_id, life.anchors[-1], size, zone)
            except SourceChanged:
                changes += 1
                if changes == _CHANGES:
                    raise
                self._standing = self._stand(source)
                continue
            if found is None:
                break
            findings = list(compared(found.rows, stretch, origin, self._holding.database.sensor))
            if findings and self._has_changed(source):
                continue
            position = found.last_id
            if stretch.elsewhere:
                unknown = found.rows.valid.with_columns(pl.lit(None, pl.String).alias(FORM))
                self._stored.compare(unknown, {}, origin)
            else:
                for finding in findings:
                    self._state.findings.add(finding)
                told |= bool(findings)
        return told

    def _has_changed(self, source: Source) -> bool:
        """Whether the table now holds another life than it did, so that what was found in it proves nothing."""
        before, self._standing = self._standing, self._stand(source)
        return self._standing.limits != before.limits
