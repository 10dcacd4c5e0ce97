"""What a project does now: a row for each sensor and each uploader, from what was looked at. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sensors.manager.engine.values import Container
from sensors.manager.fleet import CityPlan, Fleet, SensorPlan, ascii_of
from sensors.manager.look.databases import NOTHING, Look, Taken

Key = tuple[str, str]
"""Folder of a city, and of a sensor below it."""

STOPPED = "STOPPED"
"""Status of what has no container."""


@dataclass(frozen=True)
class Pass:
    """An uploader's last report.

    Attributes:
        outcome: `complete`, `partial`, `failed` or `interrupted`.
        started_at: UTC.
        rows: Taken in.
        error: The first one, None when all went well.
    """

    outcome: str
    started_at: datetime | None
    rows: int | None
    error: str | None


@dataclass(frozen=True)
class Seen:
    """What was looked at, at one moment.

    Attributes:
        project: Its name.
        at: When, with a zone.
        containers: Of the project; None when the engine did not say.
        databases: Those below the data folder, with what each says.
        taken: Sensor -> lives of its database, as they were taken in.
        passes: Service of an uploader -> its last report.
    """

    project: str
    at: datetime
    containers: Sequence[Container] | None
    databases: Mapping[Key, tuple[Path, Look]]
    taken: Mapping[Key, Sequence[Taken]] = field(default_factory=dict)
    passes: Mapping[str, Pass] = field(default_factory=dict)


@dataclass(frozen=True)
class SensorRow:
    """One sensor.

    Attributes:
        city: As people write it; the folder's name where the configuration has it not.
        folder: Of the city.
        sensor: Folder below it; None where only a container is known, as the path.
        sensor_id: Its plan's, else of the last row.
        planned: Whether it is in the configuration.
        service: Of Compose.
        container: None when there is none, and when the engine did not say.
        path: Of the database, None where there is none.
        look: What it says.
        taken: Its lives, as they were taken in.
    """

    city: str
    folder: str
    sensor: str | None
    sensor_id: str | None
    planned: bool
    service: str
    container: Container | None
    path: Path | None = None
    look: Look = NOTHING
    taken: Sequence[Taken] = ()

    @property
    def taken_at(self) -> datetime | None:
        """When a row of it was last taken in."""
        return max((life.taken_at for life in self.taken if life.taken_at is not None), default=None)

    @property
    def rejects(self) -> int | None:
        """Of all lives; None where nobody counted."""
        return _sum(life.rejects for life in self.taken)

    @property
    def anomalies(self) -> int | None:
        """Likewise."""
        return _sum(life.anomalies for life in self.taken)

    @property
    def files(self) -> int | None:
        """Likewise."""
        return _sum(life.files for life in self.taken)

    @property
    def whole(self) -> bool:
        """Whether these counts cover all that was taken in; else there were more."""
        return all(life.whole for life in self.taken)


@dataclass(frozen=True)
class UploaderRow:
    """One city's uploader."""

    city: str
    planned: bool
    service: str
    container: Container | None
    last: Pass | None
    taken_at: datetime | None


@dataclass(frozen=True)
class Overview:
    """All of it.

    Attributes:
        project: Its name.
        at: When.
        known: Whether the engine told of containers.
        sensors: Of the configuration in its order, then what else there is.
        uploaders: Likewise.
    """

    project: str
    at: datetime
    known: bool
    sensors: Sequence[SensorRow]
    uploaders: Sequence[UploaderRow]


def status_of(container: Container | None, *, known: bool) -> str | None:
    """State and health, `STOPPED` without a container; None when nobody knows."""
    if container is None:
        return STOPPED if known else None
    more = container.health if container.state == "running" else None
    if more is None and container.exit_code:
        more = f"code {container.exit_code}"
    return container.state if more is None else f"{container.state} ({more})"


def overview(fleet: Fleet, seen: Seen) -> Overview:
    """The rows of what was looked at."""
    by_service = {each.service: each for each in seen.containers or ()}
    sensors = [_planned(plan, seen, by_service) for plan in fleet.sensors]
    there = {(row.folder, row.sensor) for row in sensors}
    sensors += [_unplanned(key, seen, by_service) for key in seen.databases if key not in there]
    services = {row.service for row in sensors}
    sensors += [
        SensorRow(service, "", None, None, planned=False, service=service, container=each)
        for service, each in by_service.items()
        if service.startswith("sensor-") and service not in services
    ]
    uploaders = [_uploader(city, seen, by_service, sensors) for city in fleet.cities]
    services = {row.service for row in uploaders}
    uploaders += [
        UploaderRow(service.removeprefix("uploader-"), False, service, each, seen.passes.get(service), None)
        for service, each in by_service.items()
        if service.startswith("uploader-") and service not in services
    ]
    return Overview(seen.project, seen.at, seen.containers is not None, sensors, uploaders)


def last_pass(lines: Sequence[str]) -> Pass | None:
    """The last report among the last lines of an uploader; None when there is none."""
    for line in reversed(lines):
        try:
            told = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(told, dict) and told.get("kind") == "ingest":
            return _pass(told)
    return None


def _pass(told: Mapping[str, object]) -> Pass:
    rows, errors = told.get("rowsRead"), told.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    try:
        started_at = datetime.fromisoformat(str(told.get("startedAt")))
    except ValueError:
        started_at = None
    return Pass(
        outcome=str(told.get("outcome")),
        started_at=started_at,
        rows=rows if isinstance(rows, int) else None,
        error=str(first["error"]) if isinstance(first, dict) and "error" in first else None,
    )


def _planned(plan: SensorPlan, seen: Seen, by_service: Mapping[str, Container]) -> SensorRow:
    key = (plan.folder, str(plan.number))
    path, look = seen.databases.get(key, (None, NOTHING))
    return SensorRow(
        city=plan.city,
        folder=plan.folder,
        sensor=str(plan.number),
        sensor_id=plan.sensor_id,
        planned=True,
        service=plan.service,
        container=by_service.get(plan.service),
        path=path,
        look=look,
        taken=seen.taken.get(key, ()),
    )


def _unplanned(key: Key, seen: Seen, by_service: Mapping[str, Container]) -> SensorRow:
    folder, sensor = key
    path, look = seen.databases[key]
    service = f"sensor-{ascii_of(folder)}-{sensor}"
    return SensorRow(
        city=folder,
        folder=folder,
        sensor=sensor,
        sensor_id=look.sensor_id,
        planned=False,
        service=service,
        container=by_service.get(service),
        path=path,
        look=look,
        taken=seen.taken.get(key, ()),
    )


def _uploader(
    city: CityPlan, seen: Seen, by_service: Mapping[str, Container], sensors: Sequence[SensorRow]
) -> UploaderRow:
    taken = (row.taken_at for row in sensors if row.folder == city.folder)
    return UploaderRow(
        city=city.name,
        planned=True,
        service=city.uploader,
        container=by_service.get(city.uploader),
        last=seen.passes.get(city.uploader),
        taken_at=max((at for at in taken if at is not None), default=None),
    )


def _sum(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
