"""Where one database's part of the archive is, and how a file that a run may be moving is read."""

from __future__ import annotations

import os
import re
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from processors.errors import ArchiveError
from processors.manifest import after_name
from processors.model import BEFORE_FIRST, Database
from processors.names import partition_value

RESTORE = "restore it from a copy of the archive, or let the next run write it again from the table"

ASIDE = ".new"
"""Suffix of a file that is not in place yet: no pattern for Parquet files matches it."""

_PARTS = ("_rejects", "_manifests", "_aside")
_POSITION = re.compile(r"0|-?[1-9][0-9]{0,18}")


@dataclass(frozen=True)
class Places:
    """Folders.

    Attributes:
        root: Of the archive.
        city: Partition of the city.
        manifests: One folder for each generation.
        rejects: Files of rejects.
        aside: What is not in place yet.
    """

    root: Path
    city: str
    manifests: Path
    rejects: Path
    aside: Path

    def manifest(self, generation: str, after: int) -> Path:
        """The manifest of a batch."""
        return self.manifests / generation / f"{after_name(after)}.json"


def sensors(root: Path, city: str) -> list[str]:
    """Folders of sensors of a city that the archive has something of; a name too long for a folder stays cut."""
    places = root / "_manifests" / f"city={partition_value(city)}"
    return sorted(unquote(path.name.removeprefix("sensor=")) for path in places.glob("sensor=*"))


def of_city(root: Path, city: str) -> list[Path]:
    """Folders that have all that the archive has of a city; not all need be there."""
    name = f"city={partition_value(city)}"
    return [place / name for place in (root, *(root / part for part in _PARTS))]


def size_bytes(root: Path, city: str) -> int:
    """Bytes of the city's files, also of those that are not in place yet; 0 without an archive."""
    total = 0
    for place in of_city(root, city):
        for folder, _, files in os.walk(place):
            for file in files:
                with suppress(FileNotFoundError):
                    total += Path(folder, file).stat().st_size
    return total


def places(root: Path, database: Database) -> Places:
    """Those of a database."""
    city = f"city={partition_value(database.city)}"
    place = Path(city, f"sensor={partition_value(database.sensor)}")
    return Places(root, city, root / "_manifests" / place, root / "_rejects" / place, root / "_aside" / place)


def named(stem: str) -> int | None:
    """The position that a manifest is named for, None for another file."""
    if stem == after_name(BEFORE_FIRST):
        return BEFORE_FIRST
    return int(stem) if _POSITION.fullmatch(stem) else None


def whole(place: Path, aside: Path, checksum: int | None) -> bytes:
    """Content of a file that a run may be moving from aside to its place.

    Args:
        place: Where it belongs.
        aside: Where it was written, without the suffix.
        checksum: CRC-32; None where it is not known.

    Raises:
        OSError: It is in neither.
        ArchiveError: It is not as it was written.
    """
    content = _wherever(place, aside.with_name(aside.name + ASIDE))
    if checksum is not None and zlib.crc32(content) != checksum:
        raise ArchiveError("read the archive", place, why="it is not as it was written", hint=RESTORE)
    return content


def _wherever(*paths: Path) -> bytes:
    for path in paths:
        try:
            return path.read_bytes()
        except FileNotFoundError:
            continue
    return paths[0].read_bytes()
