"""What becomes of a row, read again from docs/ and the table of columns: it shares no code with the pipeline.

A cell is a pair of SQLite's storage class and the value: bytes for `text` and `blob`, else Python's own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Cell = tuple[str, Any]
Cells = Mapping[str, Cell]

NULL: Cell = ("null", None)
MEASURES = {
    "temperature": ("temperatureC", -273.15, 5_000.0),
    "humidity": ("humidityPct", -1_000.0, 1_000.0),
    "pressure": ("pressurePa", -1e6, 1e7),
    "vibration": ("vibrationMmS", -1e5, 1e5),
    "voltage": ("voltageV", -1e5, 1e5),
}
REALS = MEASURES | {
    "latitude": ("latitude", -90.0, 90.0),
    "longitude": ("longitude", -180.0, 180.0),
    "height_meters": ("heightM", -1e300, 1e300),
    "orientation_degrees": ("orientationDeg", -1e300, 1e300),
}
INTEGERS = {"status_code": "statusCode", "anomaly_flag": "anomalyFlag"}
TEXTS = {
    "anomaly_type": "anomalyType",
    "firmware_version": "firmwareVersion",
    "model": "model",
    "manufacturer": "manufacturer",
    "location": "location",
    "original_timezone": "originalTimezone",
    "serial_number": "serialNumber",
    "manufacture_date": "manufactureDate",
    "deployment_type": "deploymentType",
    "installation_date": "installationDate",
    "instance_id": "instanceId",
    "sensor_type": "sensorType",
}
NAMES = ("timestamp", "sensor_id", *REALS, *INTEGERS, *TEXTS)

EXACT = 2**53
FIRST, LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)

WHITE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
"""Unicode's White_Space."""

_NUMBER = re.compile(r"[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf|infinity|nan)", re.ASCII | re.IGNORECASE)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_GAP = f"[{WHITE}]"
_PART = rf"{_GAP}*\d\d?"
_STAMP = re.compile(
    rf"(?P<year>\d{{1,4}}|[+-]\d{{1,6}})-(?P<month>{_PART})-(?P<day>{_PART})([Tt]|{_GAP})(?P<hour>{_PART}):(?P<minute>{_PART})"
    rf"(:(?P<second>{_PART})([.,](?P<fraction>\d+))?)?{_GAP}*"
    r"(?P<zone>[zZ]|(?P<sign>[+-])(?P<hours>\d\d):?(?P<minutes>\d\d)?)?",
    re.ASCII,
)
"""ISO 8601 and its relatives; also with less than two digits, as long as there is one meaning."""
_EPOCH = re.compile(r"[+-]?\d{1,15}(\.\d+)?", re.ASCII)
_OFFSET = re.compile(r"([+-])(\d\d):?([0-5]\d)", re.ASCII)


@dataclass
class Meaning:
    """What a row must become: `broken` rules make a reject of it, else `says` is in its document."""

    says: dict[str, Any] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)


def meaning(cells: Cells, encoding: str = "utf-8", zone: str = "UTC") -> Meaning:
    """Of a row without its id. `says` has `observedAt` as microseconds since 1970."""
    found = Meaning()
    for name, (to, low, high) in REALS.items():
        _take(found, name, to, real(cells.get(name, NULL), encoding))
        if to in found.says and not low <= found.says[to] <= high:
            found.broken.add(f"{name}_plausible")
    for name, to in INTEGERS.items():
        _take(found, name, to, integer(cells.get(name, NULL), encoding))
        if to in found.says and abs(found.says[to]) > EXACT:
            found.broken.add(f"{name}_exact_as_json_number")
    for name, to in TEXTS.items():
        value = text(cells.get(name, NULL), encoding)
        if value is False:
            found.broken.add(f"{name}_is_utf8")
        elif isinstance(value, str) and value.strip(WHITE):
            found.says[to] = value.strip(WHITE)
    _take_sensor(found, text(cells.get("sensor_id", NULL), encoding))
    _take_time(
        found, text(cells.get("timestamp", NULL), encoding), text(cells.get("original_timezone", NULL), encoding), zone
    )
    return found


def text(cell: Cell, encoding: str) -> str | bool | None:
    """The text, None where there is nothing, False where it is none."""
    kind, value = cell
    if kind in {"text", "blob"}:
        try:
            return str(value, encoding if kind == "text" else "utf-8")
        except UnicodeDecodeError:
            return False
    return None if kind == "null" else repr(value)


def real(cell: Cell, encoding: str) -> float | bool | None:
    kind, value = cell
    if kind in {"integer", "real"}:
        number = float(value)
    else:
        written = text(cell, encoding)
        if not isinstance(written, str):
            return written
        if not _NUMBER.fullmatch(written.strip(WHITE)):
            return False
        number = float(written.strip(WHITE))
    return None if math.isnan(number) else number + 0.0


def integer(cell: Cell, encoding: str) -> int | bool | None:
    kind, value = cell
    if kind == "integer":
        return int(value)
    if kind == "real":
        return int(value) if math.isfinite(value) and value == int(value) and -(2**63) <= value < 2**63 else False
    written = text(cell, encoding)
    if not isinstance(written, str):
        return written
    if not _INTEGER.fullmatch(written.strip(WHITE)) or not -(2**63) <= int(written.strip(WHITE)[:30]) < 2**63:
        return False
    return int(written.strip(WHITE))


def instant(stamp: str, row_zone: str | None, zone: str) -> tuple[int | None, bool]:  # noqa: PLR0911 - a way each
    """Microseconds since 1970, None where it cannot be read; and whether the clocks ran through it twice."""
    stamp = stamp.strip(WHITE)
    if _EPOCH.fullmatch(stamp):
        seconds = float(stamp) if abs(float(stamp)) < 1e11 else None
        return (round(float(stamp) * 1e3) if seconds is None else round(seconds * 1e6)), False
    match = _STAMP.fullmatch(stamp)
    if match is None:
        return None, False
    parts = {name: int(match[name] or 0) for name in ("month", "day", "hour", "minute", "second")}
    year = int(match["year"])
    try:
        local = datetime(2000 + year % 400, **{**parts, "second": min(parts["second"], 59)})  # noqa: DTZ001
    except ValueError:
        return None, False
    if parts["second"] > 60:
        return None, False
    micros = int((match["fraction"] or "")[:6].ljust(6, "0"))
    local += timedelta(seconds=parts["second"] == 60)  # the second that was put in is the next one's twin
    shift = (year - (2000 + year % 400)) // 400 * 146_097 * 86_400_000_000
    if match["zone"] is None:
        if shift or year < 1900:
            return _micros(local) + shift, False  # so far away that the zone does not matter
        return _placed(local, micros, row_zone, zone)
    east = 0
    if match["sign"]:
        hours, minutes = int(match["hours"]), int(match["minutes"] or 0)
        if hours > 23 or minutes > 59:
            return None, False
        east = (hours * 60 + minutes) * (1 if match["sign"] == "+" else -1)
    return _micros(local) + micros + shift - east * 60_000_000, False


def _placed(local: datetime, micros: int, row_zone: str | None, zone: str) -> tuple[int | None, bool]:
    name = (row_zone or "").strip(WHITE)
    offset = _OFFSET.fullmatch(name)
    if offset is not None and int(offset[2]) * 60 + int(offset[3]) <= 14 * 60:
        east = (int(offset[2]) * 60 + int(offset[3])) * (1 if offset[1] == "+" else -1)
        return _micros(local) + micros - east * 60_000_000, False
    try:
        chosen = ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        chosen = ZoneInfo(zone)
    earlier, later = (local.replace(tzinfo=chosen, fold=fold).astimezone(UTC) for fold in (0, 1))
    if earlier.astimezone(chosen).replace(tzinfo=None) != local:
        return None, False
    return _micros(earlier.replace(tzinfo=None)) + micros, earlier != later


def _micros(at: datetime) -> int:
    since = at - datetime(1970, 1, 1)  # noqa: DTZ001
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _take(found: Meaning, name: str, to: str, value: float | bool | None) -> None:
    if value is False:
        found.broken.add(f"{name}_is_a_number")
    elif value is not None:
        found.says[to] = value


def _take_sensor(found: Meaning, sensor: str | bool | None) -> None:
    if sensor is False:
        found.broken.add("sensor_id_is_utf8")
    elif not isinstance(sensor, str) or not sensor.strip(WHITE):
        found.broken.add("sensor_id_present")
    elif len(sensor.encode()) > 1024:
        found.broken.add("sensor_id_within_1024_bytes")
    else:
        found.says["sensorId"] = sensor


def _take_time(found: Meaning, stamp: str | bool | None, row_zone: str | bool | None, zone: str) -> None:
    if stamp is None:
        found.broken.add("timestamp_present")
    elif not isinstance(stamp, str):
        found.broken.add("timestamp_is_utf8")
    else:
        at, twice = instant(stamp, row_zone if isinstance(row_zone, str) else None, zone)
        if at is None:
            found.broken.add("timestamp_readable")
        elif not _micros(FIRST.replace(tzinfo=None)) <= at < _micros(LAST.replace(tzinfo=None)):
            found.broken.add("timestamp_plausible")
        else:
            found.says["observedAt"] = at
            found.says |= {"timeAmbiguous": True} if twice else {}
