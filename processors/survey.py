"""What is on the node: databases, rows, what waits, archive and disk. Nothing is written, and Cosmos is not asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from processors import archive as archives
from processors import city, discover
from processors.conform import conform
from processors.disks import bytes_beside, bytes_in, disk_of
from processors.errors import ArchiveError, CheckpointError, ProcessorError, SourceError
from processors.forecast import Forecast, Kept, Stamp, Table, forecast, rows_a_second
from processors.model import BEFORE_FIRST, Database
from processors.recorded import Recorded, open_recorded
from processors.report import Ended, fit, instant
from processors.schema import OBSERVED_AT, ROW_ID
from processors.settings import Settings
from processors.source import Source
from processors.standing import Untouched, open_table, stand
from processors.world import World

_LATEST_IDS = 64
"""Row ids from the end among which the newest reading is looked for."""

_STRETCH_IDS = 20_000
"""Row ids from the end over which it is told how fast rows come."""


@dataclass(frozen=True)
class Held:
    """One database.

    Attributes:
        database: Sensor folder.
        rows: Of its table.
        backlog_rows: Those that are not taken in yet.
        newest: Latest time among its last rows, UTC; None when none of them is readable.
        table: The same for the forecast.
    """

    database: str
    rows: int
    backlog_rows: int
    newest: datetime | None
    table: Table

    def document(self) -> dict[str, Any]:
        """As it is reported."""
        newest = None if self.newest is None else instant(self.newest)
        return {"database": self.database, "rows": self.rows, "backlogRows": self.backlog_rows, "newest": newest}


@dataclass(frozen=True, kw_only=True)
class InspectReport(Ended):
    """What a city has on this node.

    Attributes:
        held: Databases that could be read.
        archive_bytes: Of the city's files in the archive, manifests and rejects among them.
        free_bytes: On the archive's disk; None where that cannot be told.
        forecast: Of the disks of data, archive and state, by the databases that could be read; None when the survey
            ended early.
    """

    held: Sequence[Held] = ()
    archive_bytes: int = 0
    free_bytes: int | None = None
    forecast: Forecast | None = None

    def document(self) -> dict[str, Any]:
        """The report as a JSON object of at most `report.MAX_BYTES`; databases with the largest backlog come first."""
        times = [held.newest for held in self.held if held.newest is not None]
        full_at = None if self.forecast is None else self.forecast.full_at
        whole = {
            **self.head("inspect"),
            "rows": sum(held.rows for held in self.held),
            "newest": instant(max(times)) if times else None,
            "backlogRows": sum(held.backlog_rows for held in self.held),
            "archiveBytes": self.archive_bytes,
            "freeBytes": self.free_bytes,
            "growthBytesPerDay": None if self.forecast is None else self.forecast.bytes_a_day,
            "diskFullAt": None if full_at is None else instant(full_at),
        }
        most_waiting = sorted(self.held, key=lambda held: (-held.backlog_rows, held.database))
        return fit(whole, {"errors": self.told(), "perDatabase": [held.document() for held in most_waiting]})


def inspect(settings: Settings, world: World) -> InspectReport:
    """What the city has on this node.

    Args:
        settings: `city`, and where data, state and archive are; no endpoint is needed.
        world: Clocks; `stop` ends it early.

    Returns:
        Also when it ended early: then the report says by what.
    """
    started_at, begun = world.now(), world.clock()
    found: Sequence[Database] | None = None
    held: list[Held] = []
    failures: dict[str, ProcessorError] = {}
    stopped_by: ProcessorError | None = None
    try:
        found = discover.databases(settings.data, settings.city)
        settings = settings.model_copy(update={"city": found[0].city})
        with open_recorded(settings.state, settings.city) as recorded:
            for database in found:
                if world.stop.is_set():
                    break
                try:
                    held.append(_held(database, settings, recorded, started_at))
                except (SourceError, ArchiveError, CheckpointError) as error:
                    failures[database.sensor] = error
    except ProcessorError as error:
        stopped_by = error
    archive_bytes = archives.size_bytes(settings.archive, settings.city)
    disk = disk_of(settings.archive)
    state = settings.state / settings.city
    kept = [Kept(disk, archive_bytes), Kept(disk_of(state), bytes_in(state))]
    whole = stopped_by is None and not world.stop.is_set()
    return InspectReport(
        city=settings.city,
        node=city.node_name(settings),
        started_at=started_at,
        seconds=world.clock() - begun,
        databases=None if found is None else len(found),
        held=held,
        archive_bytes=archive_bytes,
        free_bytes=None if disk is None else disk.free_bytes,
        forecast=forecast([each.table for each in held], kept, started_at) if whole else None,
        failures=failures,
        stopped_by=stopped_by,
        interrupted=world.stop.is_set(),
    )


def _held(database: Database, settings: Settings, recorded: Recorded, now: datetime) -> Held:
    archive = Untouched(settings.archive, database)
    with open_table(database, settings.table, settings.columns) as source:
        standing = stand(database, source, archive, recorded, city.recipe(settings))
        rows, waiting = source.count(BEFORE_FIRST), source.count(standing.position)
        early, late = stamps(source, settings.source_time_zone)
        return Held(
            database=database.sensor,
            rows=rows,
            backlog_rows=waiting,
            newest=max((at for _, at in late), default=None),
            table=Table(
                disk_of(database.path), bytes_beside(database.path), rows, waiting, rows_a_second(early, late, now)
            ),
        )


def stamps(source: Source, zone: str) -> tuple[list[Stamp], list[Stamp]]:
    """Readable rows where the last stretch begins, and the last ones; in a small table each half of it."""
    extent = source.extent()
    if extent.first_id is None or extent.last_id is None:
        return [], []
    before = max(extent.first_id - 1, extent.last_id - _STRETCH_IDS)
    limit = min(_LATEST_IDS, (extent.last_id - before + 1) // 2)
    places = (before, max(before, extent.last_id - limit))
    pages = [conform(source.page(after, limit), default_zone=zone).valid for after in places]
    early, late = (page.select(ROW_ID, OBSERVED_AT).rows() for page in pages)
    return early, late
