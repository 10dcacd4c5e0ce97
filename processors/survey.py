"""What is on the node: databases, rows, what waits, archive and disk. Nothing is written, and Cosmos is not asked."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from processors import archive as archives
from processors import city, discover
from processors.conform import conform
from processors.errors import (
    ArchiveError,
    CheckpointError,
    ProcessorError,
    SourceError,
)
from processors.model import BEFORE_FIRST, Database
from processors.report import Ended, fit, instant
from processors.schema import OBSERVED_AT
from processors.settings import Settings
from processors.source import Source
from processors.standing import Recorded, Untouched, open_recorded, open_table, stand
from processors.world import World

_LATEST_IDS = 64
"""Row ids from the end among which the newest reading is looked for."""


@dataclass(frozen=True)
class Held:
    """One database.

    Attributes:
        database: Sensor folder.
        rows: Of its table.
        backlog_rows: Those that are not taken in yet.
        newest: Latest time among its last rows, UTC; None when none of them is readable.
    """

    database: str
    rows: int
    backlog_rows: int
    newest: datetime | None

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
    """

    held: Sequence[Held] = ()
    archive_bytes: int = 0
    free_bytes: int | None = None

    def document(self) -> dict[str, Any]:
        """The report as a JSON object of at most `report.MAX_BYTES`; databases with the largest backlog come first."""
        times = [held.newest for held in self.held if held.newest is not None]
        whole = {
            **self.head("inspect"),
            "rows": sum(held.rows for held in self.held),
            "newest": instant(max(times)) if times else None,
            "backlogRows": sum(held.backlog_rows for held in self.held),
            "archiveBytes": self.archive_bytes,
            "freeBytes": self.free_bytes,
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
                    held.append(_held(database, settings, recorded))
                except (SourceError, ArchiveError, CheckpointError) as error:
                    failures[database.sensor] = error
    except ProcessorError as error:
        stopped_by = error
    return InspectReport(
        city=settings.city,
        node=city.node_name(settings),
        started_at=started_at,
        seconds=world.clock() - begun,
        databases=None if found is None else len(found),
        held=held,
        archive_bytes=archives.size_bytes(settings.archive, settings.city),
        free_bytes=_free_bytes(settings.archive),
        failures=failures,
        stopped_by=stopped_by,
        interrupted=world.stop.is_set(),
    )


def _held(database: Database, settings: Settings, recorded: Recorded) -> Held:
    archive = Untouched(settings.archive, database)
    with open_table(database, settings.table, settings.columns) as source:
        standing = stand(database, source, archive, recorded, city.recipe(settings))
        return Held(
            database=database.sensor,
            rows=source.count(BEFORE_FIRST),
            backlog_rows=source.count(standing.position),
            newest=_newest(source, settings.source_time_zone),
        )


def _newest(source: Source, zone: str) -> datetime | None:
    last_id = source.extent().last_id
    if last_id is None:
        return None
    latest = source.page(max(BEFORE_FIRST, last_id - _LATEST_IDS), _LATEST_IDS)
    newest = conform(latest, default_zone=zone).valid[OBSERVED_AT].max()
    return newest if isinstance(newest, datetime) else None


def _free_bytes(folder: Path) -> int | None:
    """On the disk of the folder, or of the closest one above it that is there."""
    for place in (folder.absolute(), *folder.absolute().parents):
        try:
            return shutil.disk_usage(place).free
        except OSError:
            continue
    return None
