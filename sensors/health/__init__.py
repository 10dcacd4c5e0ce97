"""Whether simulated sensors still write, for the health check of their container."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from sensors.errors import SensorsError
from sensors.layout import FILE_NAME, databases

LATELY_S = 300.0
"""Longer than an anomaly leaves a sensor without rows."""

READINGS = 3
"""That may be missed by a sensor that reads seldom."""


def patience_s(environment: Mapping[str, str]) -> float:
    """How long ago the last write may be: `LATELY_S`, or three readings where READINGS_PER_SECOND makes that more."""
    try:
        return max(LATELY_S, READINGS / float(environment.get("READINGS_PER_SECOND", "")))
    except (ValueError, ZeroDivisionError):
        return LATELY_S


def check(data: Path, *, within_s: float, now_s: float) -> tuple[Path, float]:
    """The database that was written last, and how many seconds ago.

    What is not yet in the database itself is in its `-wal`, so the newer of both counts.

    Args:
        data: The folder that holds the cities, or one sensor's database.
        within_s: How long ago the last write may be.
        now_s: The present, since 1970.

    Raises:
        SensorsError: There is no database, or none was written in that time.
    """
    hint = "see what the sensors say, and that they write below the same folder"
    newest_s, path = max(_written(data), default=(0.0, None))
    if path is None:
        raise SensorsError("find what sensors write", data, why="it holds no database", hint=hint)
    ago_s = now_s - newest_s
    if ago_s > within_s:
        raise SensorsError("call the sensors well", path, why=f"its last write was {ago_s:.0f} s ago", hint=hint)
    return path, ago_s


def _written(data: Path) -> Iterator[tuple[float, Path]]:
    for path in databases(data):
        for each in (path, path.with_name(f"{FILE_NAME}-wal")):
            try:
                yield each.stat().st_mtime, path
            except FileNotFoundError:
                continue
