"""Names in the archive, and what it writes down of each batch and each life of a database."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from processors.model import BEFORE_FIRST, Anchor, Branch
from processors.schema import VERSION

_MAX_NAME_BYTES = 200
"""Below the 255 bytes of a file name, with room for the key before the value."""


def partition_value(name: str) -> str:
    """A name as the value of a hive partition: percent-encoded, which DuckDB and Polars decode again.

    A name too long for a folder is cut and made unique by a hash; `sensorId` in the files is always whole.
    """
    encoded = quote(name, safe="")
    if len(encoded) <= _MAX_NAME_BYTES:
        return encoded
    return f"{quote(name[:12], safe='')}~{hashlib.sha256(name.encode()).hexdigest()[:16]}"


@dataclass(frozen=True)
class Manifest:
    """What one batch left in the archive.

    Attributes:
        generation: Life of the database.
        after: Position that the batch started after; its name.
        last_id: Position that it ended at.
        rows: Readings in its files.
        rejects: Rows in its file of rejects.
        files: Data files, relative to the archive.
        anchors: First and last row of the batch, to know the database again.
        stage: How far its readings were refined before they left; None when that was not recorded.
    """

    generation: str
    after: int
    last_id: int
    rows: int
    rejects: int
    files: Sequence[str]
    anchors: Sequence[Anchor]
    stage: str | None = None


def after_name(position: int) -> str:
    """A position as it is written in names."""
    return "start" if position == BEFORE_FIRST else str(position)


def batch_name(generation: str, after: int) -> str:
    """What the files of a batch are named for."""
    return f"{generation}-{after_name(after)}"


def beginning(path: Path) -> tuple[int, Branch] | None:
    """Ordinal and generation, None when the file is damaged."""
    try:
        line = json.loads(path.read_bytes())
        base = int(line["baseId"])
        begins = int(line.get("position", base))
        return int(line["ordinal"]), Branch(path.parent.name, line["parent"], base, begins, tuple(line["anchors"]))
    except (ValueError, KeyError, TypeError):
        return None


def parse(content: bytes) -> Manifest | None:
    """The manifest, None when it is damaged; also where it names a file that is not below the archive."""
    try:
        line = json.loads(content)
        line.pop("schemaVersion")
        manifest = Manifest(**line)
        inside = all(_is_inside(name) for name in (*manifest.files, manifest.generation))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return manifest if inside else None


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\0" not in name


def encode(manifest: Manifest) -> bytes:
    """The manifest as `parse` reads it."""
    return json.dumps({"schemaVersion": VERSION, **asdict(manifest)}, ensure_ascii=False).encode()
