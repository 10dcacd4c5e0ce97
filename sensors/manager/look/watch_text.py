"""An overview as cells of tables for people, and as a document for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sensors.manager.look.databases import Look
from sensors.manager.look.watch import Overview, SensorRow, UploaderRow, status_of

VERSION = 1
"""Of the document."""

MARK = "*"
"""After the name of what the configuration has not."""

_LONG = timedelta(hours=20)
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"))
_BYTES = ("B", "kB", "MB", "GB", "TB")

Cells = dict[str, Any]


def sensor_cells(view: Overview) -> list[Cells]:
    """A row of each sensor; None is an empty cell."""
    return [_sensor_cells(row, view) for row in view.sensors]


def uploader_cells(view: Overview) -> list[Cells]:
    """A row of each uploader."""
    return [_uploader_cells(row, view) for row in view.uploaders]


def total_cells(view: Overview) -> list[tuple[str, str]]:
    """Names and values of the totals."""
    totals = totals_of(view)
    active = "" if totals["active"] is None else f", {totals['active']} active"
    counts = [(name, totals[name]) for name in ("rows", "backlogRows", "archiveFiles", "rejects", "anomalies")]
    words = ("rows", "backlog", "archive files", "rejects", "anomalies")
    more = "" if totals["countsWhole"] else "+"
    size = size_text(totals["sizeBytes"])
    return [
        ("sensors", f"{totals['sensors']}{active}"),
        ("databases", f"{totals['databases']} ({size})" if totals["databases"] else "0"),
        *(
            (word, f"{count}{more if name in _COUNTED else ''}")
            for word, (name, count) in zip(words, counts, strict=True)
            if count is not None
        ),
    ]


def notes(view: Overview) -> list[str]:
    """What does not fit a cell: why databases cannot be read, why a pass failed, and what a mark means."""
    found = [f"{row.path}: {row.look.why}" for row in view.sensors if row.look.why is not None]
    found += [f"{row.service}: {row.last.error}" for row in view.uploaders if row.last and row.last.error]
    if not all([*(row.planned for row in view.sensors), *(row.planned for row in view.uploaders)]):
        found.append(f"{MARK} is not in the configuration")
    if not all(row.whole for row in view.sensors):
        found.append("+ more: an earlier version took in rows that it did not count")
    return found


def document(view: Overview, unknown: Sequence[str]) -> dict[str, Any]:
    """What `monitor --output json` prints; docs/sensors/monitor.md has its fields.

    Args:
        view: What there is.
        unknown: What could not be looked at, for people.
    """
    return {
        "schemaVersion": VERSION,
        "kind": "monitor",
        "project": view.project,
        "at": _instant(view.at),
        "unknown": list(unknown),
        "sensors": [_sensor_document(row, view) for row in view.sensors],
        "uploaders": [_uploader_document(row, view) for row in view.uploaders],
        "totals": totals_of(view),
    }


def totals_of(view: Overview) -> dict[str, Any]:
    """Sums over the sensors; null where nothing is known."""
    rows = view.sensors
    return {
        "sensors": len(rows),
        "active": sum(1 for row in rows if row.container and row.container.well) if view.known else None,
        "databases": sum(1 for row in rows if row.path is not None),
        "sizeBytes": _sum(row.look.size_bytes for row in rows),
        "rows": _sum(row.look.rows for row in rows),
        "backlogRows": _sum(row.look.backlog_rows for row in rows),
        "archiveFiles": _sum(row.files for row in rows),
        "rejects": _sum(row.rejects for row in rows),
        "anomalies": _sum(row.anomalies for row in rows),
        "countsWhole": all(row.whole for row in rows),
    }


def age_text(seconds: float) -> str:
    """`7s`, `12m`, `3h`, `2d`."""
    for unit_s, name in _UNITS:
        if abs(seconds) >= unit_s:
            return f"{seconds / unit_s:.0f}{name}"
    return f"{seconds:.0f}s"


def size_text(size_bytes: float | None) -> str | None:
    """`1.2 MB`."""
    if size_bytes is None:
        return None
    size, names = size_bytes, iter(_BYTES)
    name = next(names)
    while size >= 999.5 and name != _BYTES[-1]:
        size, name = size / 1000, next(names)
    return f"{size:.0f} {name}" if name == "B" or size >= 99.5 else f"{size:.1f} {name}"


_COUNTED = ("archiveFiles", "rejects", "anomalies")


def _sensor_cells(row: SensorRow, view: Overview) -> Cells:
    look = row.look
    return {
        "city": row.city,
        "sensor": (row.sensor_id or row.sensor or "?") + ("" if row.planned else MARK),
        "status": status_of(row.container, known=view.known),
        "database": _database(row),
        "rows": look.rows,
        "rows/s": None if look.rows_per_second is None else round(look.rows_per_second, 2),
        "newest": None if look.newest is None else _moment(look.newest, view.at),
        "backlog": look.backlog_rows,
        "uploaded": _ago(row.taken_at, view.at),
        "lag": None if look.lag_s is None else age_text(look.lag_s),
        "rejects": _counted(row.rejects, row),
        "anomalies": _counted(row.anomalies, row),
        "files": _counted(row.files, row),
        "restarts": None if row.container is None else row.container.restarts,
    }


def _uploader_cells(row: UploaderRow, view: Overview) -> Cells:
    return {
        "city": row.city,
        "uploader": row.service + ("" if row.planned else MARK),
        "status": status_of(row.container, known=view.known),
        "last pass": None if row.last is None else row.last.outcome,
        "began": _ago(None if row.last is None else row.last.started_at, view.at),
        "rows": None if row.last is None else row.last.rows,
        "uploaded": _ago(row.taken_at, view.at),
        "restarts": None if row.container is None else row.container.restarts,
    }


def _sensor_document(row: SensorRow, view: Overview) -> dict[str, Any]:
    look, container = row.look, row.container
    return {
        "city": row.city,
        "folder": row.folder,
        "sensor": row.sensor,
        "sensorId": row.sensor_id,
        "planned": row.planned,
        "service": row.service,
        "status": status_of(container, known=view.known),
        "state": None if container is None else container.state,
        "health": None if container is None else container.health,
        "restarts": None if container is None else container.restarts,
        "database": _database_document(row.path, look, view.at),
        "backlogRows": look.backlog_rows,
        "lastUploadAt": _instant(row.taken_at),
        "uploadLagSeconds": None if look.lag_s is None else round(look.lag_s, 3),
        "rejects": row.rejects,
        "anomalies": row.anomalies,
        "archiveFiles": row.files,
        "countsWhole": row.whole,
    }


def _database_document(path: object, look: Look, at: datetime) -> dict[str, Any] | None:
    if path is None:
        return None
    rate = look.rows_per_second
    return {
        "path": str(path),
        "sizeBytes": look.size_bytes,
        "rows": look.rows,
        "rowsPerSecond": None if rate is None else round(rate, 3),
        "newestAt": _instant(look.newest),
        "ageSeconds": None if look.newest is None else round((at - look.newest).total_seconds(), 3),
        "error": look.why,
    }


def _uploader_document(row: UploaderRow, view: Overview) -> dict[str, Any]:
    last, container = row.last, row.container
    return {
        "city": row.city,
        "planned": row.planned,
        "service": row.service,
        "status": status_of(container, known=view.known),
        "state": None if container is None else container.state,
        "health": None if container is None else container.health,
        "restarts": None if container is None else container.restarts,
        "lastPass": None
        if last is None
        else {
            "outcome": last.outcome,
            "startedAt": _instant(last.started_at),
            "rows": last.rows,
            "error": last.error,
        },
        "lastUploadAt": _instant(row.taken_at),
    }


def _database(row: SensorRow) -> str:
    if row.path is None:
        return "none"
    return "unreadable" if row.look.why is not None else size_text(row.look.size_bytes) or "?"


def _counted(count: int | None, row: SensorRow) -> int | str | None:
    return count if count is None or row.whole else f"{count}+"


def _moment(at: datetime, now: datetime) -> str:
    """Time of day and age; the day where it is another one."""
    clock = f"{at:%H:%M:%S}" if abs(now - at) < _LONG else f"{at:%Y-%m-%d}"
    return f"{clock} ({age_text((now - at).total_seconds())})"


def _ago(at: datetime | None, now: datetime) -> str | None:
    return None if at is None else f"{age_text((now - at).total_seconds())} ago"


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _sum(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
