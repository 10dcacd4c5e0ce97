"""What `sensors simulate` prints of what was written."""

import json
import socket
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import typer

from submitter.output import show_document

if TYPE_CHECKING:
    from sensors.simulator import Sensor, Written

_MAX_CITY = 300


def show_started(sensors: "Sequence[Sensor]", rows: int, *, node_folder: str, seconds: float) -> None:
    """One line that says that every sensor writes: the report of a job that goes on."""
    city = ", ".join(dict.fromkeys(sensor.folder for sensor in sensors))
    _show_line(
        {
            "schemaVersion": 1,
            "kind": "simulate",
            "city": city[:_MAX_CITY],
            "node": f"{socket.gethostname()}/{node_folder}".rstrip("/"),
            "seconds": round(seconds, 3),
            "outcome": "complete",
            "exitCode": 0,
            "sensors": len(sensors),
            "rows": rows,
            "errors": [],
            "truncated": len(city) > _MAX_CITY,
        }
    )


def show(written: "Sequence[Written]", how: str, *, one_line: bool) -> None:
    """What each database got."""
    if how == "json":
        document = {
            "schemaVersion": 1,
            "rows": sum(each.rows for each in written),
            "databases": [_document(each) for each in written],
        }
        (_show_line if one_line else show_document)(document)
        return
    for each in written:
        parts = [str(each.path), f"{each.rows} rows"]
        if each.rows:
            parts.append(f"{_stamp(each.first_at)} to {_stamp(each.last_at)}")
        parts += [f"{n} {kind}" for kind, n in (*each.anomalies.items(), *each.faults.items())]
        typer.echo("  ".join(parts))


def _document(each: "Written") -> dict[str, object]:
    return {
        "city": each.city,
        "sensorId": each.sensor_id,
        "path": str(each.path),
        "rows": each.rows,
        "firstAt": _stamp(each.first_at),
        "lastAt": _stamp(each.last_at),
        "anomalies": dict(each.anomalies),
        "missing": each.missing,
        "faults": dict(each.faults),
    }


def _stamp(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _show_line(document: dict[str, object]) -> None:
    typer.echo(json.dumps(document, ensure_ascii=False, separators=(",", ":")))
