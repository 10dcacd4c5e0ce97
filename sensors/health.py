"""Whether simulated sensors still write, for the health check of their container."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from sensors.errors import SensorsError
from sensors.table import FILE_NAME


def check(data: Path, *, within_s: float, now: datetime) -> tuple[Path, float]:
    """The database that was written last, and how many seconds ago.

    What is not yet in the database itself is in its `-wal`, so the newer of both counts.

    Args:
        data: The folder that holds the cities.
        within_s: How long ago the last write may be.
        now: The present, with a zone.

    Raises:
        SensorsError: There is no database, or none was written in that time.
    """
    hint = "see what `sensors simulate --live` says, and that it writes below the same folder"
    newest_s, path = max(_written(data), default=(0.0, None))
    if path is None:
        raise SensorsError("find what sensors write", data, why="it holds no database", hint=hint)
    ago_s = now.timestamp() - newest_s
    if ago_s > within_s:
        raise SensorsError("call the sensors well", path, why=f"its last write was {ago_s:.0f} s ago", hint=hint)
    return path, ago_s


def _written(data: Path) -> Iterator[tuple[float, Path]]:
    for path in data.glob(f"*/*/{FILE_NAME}"):
        for each in (path, path.with_name(f"{FILE_NAME}-wal")):
            try:
                yield each.stat().st_mtime, path
            except FileNotFoundError:
                continue
