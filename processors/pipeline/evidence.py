"""What the table and the archive can be asked, to tell which life of the database this is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from processors.anchors import anchors_of
from processors.archive import Archive
from processors.conform import Conformed, conform
from processors.errors import ArchiveError
from processors.model import Anchor, Branch, Extent
from processors.pipeline.recipe import Recipe
from processors.schema import ROW_ID
from processors.source import Source


class Evidence:
    """One database as `lineage` asks about it; see `lineage.Evidence`."""

    def __init__(self, source: Source, archive: Archive, known: Sequence[Branch], recipe: Recipe):
        self._source = source
        self._archive = archive
        self._known = {branch.generation: branch for branch in known}
        self._recipe = recipe

    def extent(self) -> Extent:
        """How far the table reaches now."""
        return self._source.extent()

    def rows_at(self, ids: Sequence[int]) -> Sequence[Anchor]:
        """The rows that exist among these."""
        return anchors_of(self._source.rows_at(ids))

    def first_after(self, position: int) -> Anchor | None:
        """The next row, None when there is none."""
        return next(iter(anchors_of(self._source.page(position, 1))), None)

    def pairs(self, branch: Branch, after: int) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        """Conformed rows of the archive and of the table, range by range after a row id; earlier lives first."""
        if branch.parent in self._known:
            for archived, current in self.pairs(self._known[branch.parent], after):
                yield archived.filter(pl.col(ROW_ID) <= branch.base_id), current
        position = branch.base_id
        while position < branch.position and (manifest := self._archive.next_manifest(branch.generation, position)):
            if manifest.last_id > after:
                try:
                    archived = self._archive.read(manifest).filter(pl.col(ROW_ID) > after)
                except ArchiveError:
                    return  # what cannot be compared is not known to match
                there = conformed_range(self._source, max(position, after), manifest.last_id, self._recipe)
                yield archived, there.valid
            position = manifest.last_id


def conformed_range(source: Source, after: int, last_id: int, recipe: Recipe) -> Conformed:
    """Conformed rows of the table after one row id up to another, both of one batch."""
    pages = [conform(source.page(after, 1).clear(), default_zone=recipe.default_zone)]
    while after < last_id:
        rows = source.page(after, recipe.page_rows)
        if rows.is_empty():
            break
        after = int(rows["id"][-1])
        pages.append(conform(rows.filter(pl.col("id") <= last_id), default_zone=recipe.default_zone))
    return Conformed(pl.concat([page.valid for page in pages]), pl.concat([page.rejects for page in pages]))
