"""Where a database stands: what has been taken in of it, and which of it the table still has. Nothing is written.

The checkpoint is read without its lock (`recorded`), so a run may be going on: what is told was true at one moment,
and a run only adds to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from processors import lineage
from processors.archive import Archive
from processors.form import Form
from processors.manifest import Manifest
from processors.model import BEFORE_FIRST, Anchor, Batch, Branch, Database
from processors.pipeline.evidence import Evidence
from processors.pipeline.recipe import Recipe
from processors.recorded import Recorded, scratch
from processors.source import Source, open_source


class Untouched(Archive):
    """An archive that is only looked at: a commit that a killed run left half moved stays so, and nothing is kept."""

    def next_manifest(self, generation: str, after: int) -> Manifest | None:
        """See `Archive.manifest`."""
        return self.manifest(generation, after)

    def announce(self, branch: Branch, ordinal: int) -> None:
        """Nothing is announced."""

    def write(
        self,
        batch: Batch,
        after: int,
        valid: pl.DataFrame,
        rejects: pl.DataFrame,
        anchors: Sequence[Anchor],
        form: Form | None = None,
        left: Sequence[Sequence[int]] | None = None,
        privacy: Mapping[str, Any] | None = None,
    ) -> None:
        """Nothing is kept."""

    def mend_readings(self, manifest: Manifest, valid: pl.DataFrame) -> Manifest:  # noqa: ARG002 - nothing is mended
        """The manifest as it is."""
        return manifest

    def mend_rejects(self, manifest: Manifest, rejects: pl.DataFrame) -> Manifest:  # noqa: ARG002 - likewise
        """The manifest as it is."""
        return manifest


@dataclass(frozen=True)
class Standing:
    """How far a database has been taken in.

    Attributes:
        known: Its branches, oldest first, each at the end of what checkpoint and archive have of it.
        begins: Generation -> position that its archive begins at, for those that the archive knows.
        branch: The one that the table's next rows belong to, None for an empty table.
        limits: Generation -> last row id that the table has of it, for the branch and those it continues; the
            branch's own is None, for it has no end.
    """

    known: Sequence[Branch]
    begins: Mapping[str, int]
    branch: Branch | None
    limits: Mapping[str, int | None]

    @property
    def position(self) -> int:
        """Rows of the table above it wait to be taken in."""
        return BEFORE_FIRST if self.branch is None else self.branch.position


def stand(database: Database, source: Source | None, archive: Archive, recorded: Recorded, recipe: Recipe) -> Standing:
    """Where a database stands now.

    Args:
        database: Which.
        source: Its table, None when it is gone.
        archive: Its part of the archive; `Untouched`.
        recorded: See `recorded.open_recorded`.
        recipe: How rows are read.

    Raises:
        SourceError: The table can no longer be read.
        ArchiveError: A manifest is damaged.
        CheckpointError: The positions cannot be read.
    """
    known = recorded(database.sensor)
    names = {branch.generation for branch in known}
    archived = archive.generations()
    known += [branch for branch in archived if branch.generation not in names]
    known = [_followed(branch, archive) for branch in known]
    branch = None if source is None else _branch(database, known, Evidence(source, archive, known, recipe))
    begins = {begun.generation: begun.position for begun in archived}
    return Standing(known, begins, branch, _limits(branch, known))


def _followed(branch: Branch, archive: Archive) -> Branch:
    """The branch at the end of its archive, which the checkpoint follows."""
    while manifest := archive.manifest(branch.generation, branch.position):
        last = manifest.anchors[-1] if manifest.anchors else branch.anchors[-1]
        branch = lineage.advance(branch, manifest.last_id, last)
    return branch


def _branch(database: Database, known: Sequence[Branch], evidence: Evidence) -> Branch | None:
    branch = lineage.place(database, known, evidence)
    if branch is not None or evidence.extent().first_id is None:
        return branch
    held, point = lineage.holds(known, evidence)
    return None if held is None else replace(held, position=max(point, held.base_id))


def _limits(branch: Branch | None, known: Sequence[Branch]) -> dict[str, int | None]:
    by_name = {each.generation: each for each in known}
    limits: dict[str, int | None] = {}
    limit = None
    while branch is not None:
        limits[branch.generation] = limit
        limit = branch.base_id if limit is None else min(limit, branch.base_id)
        branch = by_name.get(branch.parent or "")
    return limits


@contextmanager
def open_table(database: Database, table: str, columns: Mapping[str, str]) -> Iterator[Source]:
    """The database's table; a copy, where one is needed, is made in the machine's folder for temporary files.

    Raises:
        SourceError: See `source.open_source`.
    """
    with open_source(database.path, table=table, columns=columns, scratch=scratch()) as source:
        yield source
