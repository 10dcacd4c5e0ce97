"""Names in the archive, and what it writes down of each batch and each life of a database.

What is written down is sealed with a CRC-32: one digit that has changed would make a position another one, and rows
would be lost or sent under other ids.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, TypeGuard

from processors.errors import ArchiveError
from processors.form import Form
from processors.model import BEFORE_FIRST, Anchor, Branch

VERSION = 3
"""Schema version of what is written down. The first had no seal, and manifests without checksums of their files; the
second did not say in which form readings left, which was each by itself."""

_FORMS_SINCE = 3
_VERSION = "schemaVersion"
_SEAL = "seal"


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
        checksums: CRC-32 of each data file, and of the file of rejects by its mere name; a file may be missing here.
        form: In which form its readings left (`form.Form.document`); None when that was lost.
        left: First and last row id of each run of readings that left with it, of this batch or of those before: all
            readings of the generation between the two. None: those of the batch, unless it is of a stage without any.
        privacy: What was hidden of the readings that left with it (`Privacy.document`); None: that was not recorded.
    """

    generation: str
    after: int
    last_id: int
    rows: int
    rejects: int
    files: Sequence[str]
    anchors: Sequence[Anchor]
    stage: str | None = None
    checksums: Mapping[str, int] = field(default_factory=dict)
    form: Mapping[str, Any] | None = None
    left: Sequence[Sequence[int]] | None = None
    privacy: Mapping[str, Any] | None = None


def after_name(position: int) -> str:
    """A position as it is written in names."""
    return "start" if position == BEFORE_FIRST else str(position)


def batch_name(generation: str, after: int) -> str:
    """What the files of a batch are named for."""
    return f"{generation}-{after_name(after)}"


def announced(branch: Branch, ordinal: int, position: int) -> bytes:
    """The beginning of a generation as `beginning` reads it.

    Args:
        branch: The generation.
        ordinal: Its place among those of the database, from 1.
        position: That its archive begins at.
    """
    return _sealed(
        {
            "ordinal": ordinal,
            "parent": branch.parent,
            "baseId": branch.base_id,
            "position": position,
            "anchors": list(branch.anchors),
        }
    )


def beginning(path: Path) -> tuple[int, Branch] | None:
    """Ordinal and generation, None when the file is damaged.

    Raises:
        ArchiveError: A later version wrote it.
        OSError: It cannot be read.
    """
    line = _unsealed(path)
    if line is None:
        return None
    del line[_VERSION]
    line.setdefault("position", line.get("baseId"))
    parent, anchors = line.get("parent"), line.get("anchors")
    numbers = (line.get("ordinal"), line.get("baseId"), line["position"])
    if not all(map(_is_integer, numbers)) or not isinstance(parent, str | None) or not _are_anchors(anchors):
        return None
    return line["ordinal"], Branch(path.parent.name, parent, line["baseId"], line["position"], tuple(anchors))


def read_manifest(path: Path, generation: str, after: int) -> Manifest | None:
    """The manifest at a path, None when it is damaged or another batch's.

    Raises:
        ArchiveError: A later version wrote it.
        OSError: It cannot be read.
    """
    line = _unsealed(path)
    if line is None:
        return None
    if line.pop(_VERSION) < _FORMS_SINCE:
        line["form"] = {"stage": line.get("stage") or Form.stage}
    try:
        manifest = Manifest(**line)
    except TypeError:
        return None
    if (manifest.generation, manifest.after) != (generation, after) or not _holds(manifest):
        return None
    return manifest


def encode(manifest: Manifest) -> bytes:
    """The manifest as `read_manifest` reads it."""
    return _sealed(asdict(manifest))


def _sealed(line: Mapping[str, Any]) -> bytes:
    whole = {_VERSION: VERSION, **line}
    return json.dumps({**whole, _SEAL: _seal(whole)}, ensure_ascii=False).encode()


def _unsealed(path: Path) -> dict[str, Any] | None:
    """What was written down, None when it is not as it was written."""
    try:
        line = json.loads(path.read_bytes())
        seal, version = line.pop(_SEAL, None), line[_VERSION]
        whole = seal == _seal(line) if _is_integer(seal) else version == 1 and seal is None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    if not whole or not _is_integer(version):
        return None
    if version > VERSION:
        raise ArchiveError(
            "read the archive",
            path,
            why=f"version {version} wrote it, this is {VERSION}",
            hint="use that version, or choose another folder with --archive",
        )
    return dict(line)


def _seal(line: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(line, sort_keys=True).encode())


def _holds(manifest: Manifest) -> bool:
    """Whether each part has its type, and no file is elsewhere: the first version has no seal that would say so."""
    counts = (manifest.last_id, manifest.rows, manifest.rejects)
    name = f"{batch_name(manifest.generation, manifest.after)}.parquet"
    return (
        all(map(_is_integer, counts))
        and manifest.last_id > manifest.after
        and min(manifest.rows, manifest.rejects) >= 0
        and isinstance(manifest.files, list)
        and all(isinstance(file, str) and _is_place(PurePosixPath(file), name) for file in manifest.files)
        and _are_anchors(manifest.anchors)
        and isinstance(manifest.stage, str | None)
        and isinstance(manifest.checksums, dict)
        and isinstance(manifest.form, dict | None)
        and (manifest.left is None or _are_runs(manifest.left))
        and (manifest.privacy is None or _is_privacy(manifest.privacy))
    )


def _are_runs(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(run, list) and len(run) == 2 and all(map(_is_integer, run)) and run[0] <= run[1] for run in value
    )


def _is_privacy(value: object) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"decimals", "drop", "hash"}
        and _is_integer(value["decimals"])
        and all(isinstance(name, str) for names in (value["drop"], value["hash"]) for name in names)
    )


def _is_place(file: PurePosixPath, name: str) -> bool:
    return file.name == name and len(file.parts) == 4 and ".." not in file.parts and not file.is_absolute()


def _is_integer(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def _are_anchors(value: object) -> TypeGuard[Sequence[Anchor]]:
    return isinstance(value, list | tuple) and all(isinstance(a, dict) and _is_integer(a.get("id")) for a in value)
