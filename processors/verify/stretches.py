"""A generation as the archive has it, in stretches of at most a page of rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from processors.archive import Archive
from processors.form import form_of
from processors.manifest import Manifest
from processors.model import Branch
from processors.schema import ROW_ID
from processors.verify.gone import Gone

FORM = "!form"
"""Column: the form that a row was taken in with (`form.Form.encode`), null where the archive does not tell."""

_ROUNDS = 2
"""Times that the archive is listed: what a run adds meanwhile is looked at too, but it is not followed for ever."""


@dataclass(frozen=True)
class Stretch:
    """What the archive has of the rows after one id up to another.

    Attributes:
        after: Row id.
        last_id: Row id.
        kept: Readings (`schema.READING`) and `FORM`, in id order; None when the archive has nothing of the stretch.
        rejects: Row id -> names of the rules.
        elsewhere: Whether the archive was begun anew after the stretch, so that another one has it.
    """

    after: int
    last_id: int
    kept: pl.DataFrame | None
    rejects: Mapping[int, Sequence[str]]
    elsewhere: bool = False


def stretches(archive: Archive, branch: Branch, begins: int | None, page_rows: int, gone: Gone) -> Iterator[Stretch]:
    """All of a generation, from its beginning to the end of what was taken in, in order and without gaps.

    Args:
        archive: The database's part.
        branch: The generation.
        begins: Position that its archive begins at, None when the archive does not know it.
        page_rows: Rows of a stretch at most.
        gone: Is told of batches that have come since it was made.

    Raises:
        ArchiveError: A manifest or a file is damaged or missing.
    """
    position = branch.base_id
    if begins is not None and begins > position:
        yield Stretch(position, begins, None, {}, elsewhere=True)
        position = begins
    for _ in range(_ROUNDS):
        waiting = _Waiting(position)
        for after in archive.batches(branch.generation):
            if after < position:
                continue
            manifest = archive.manifest(branch.generation, after)
            if manifest is None:
                continue
            if after > position or waiting.rows + manifest.rows + manifest.rejects > page_rows:
                yield from waiting.taken()
            if after > position:
                yield Stretch(position, after, None, {})
                waiting = _Waiting(after)
            gone.add(manifest, archive)
            yield from waiting.add(manifest, archive, page_rows)
            position = manifest.last_id
        yield from waiting.taken()
    if branch.position > position:
        yield Stretch(position, branch.position, None, {})


def _form(manifest: Manifest) -> str | None:
    """The form of a batch; those of before forms were written down had none but a stage."""
    if manifest.stage is None:
        return None
    form = form_of(manifest.form or {"stage": manifest.stage})
    return None if form is None else form.encode()


class _Waiting:
    """Small batches that are gathered until they fill a page."""

    def __init__(self, after: int) -> None:
        self.rows = 0
        self._after = self._last_id = after
        self._frames: list[pl.DataFrame] = []
        self._rejects: dict[int, Sequence[str]] = {}

    def add(self, manifest: Manifest, archive: Archive, page_rows: int) -> Iterator[Stretch]:
        """Takes a batch; of a large one all but the last page is yielded at once."""
        rejects = archive.rejected(manifest)
        whole = archive.read(manifest).with_columns(pl.lit(_form(manifest), pl.String).alias(FORM))
        pages = list(whole.iter_slices(page_rows)) or [whole]
        for page in pages[:-1]:
            last_id = int(page[ROW_ID][-1])
            own = {row_id: rules for row_id, rules in rejects.items() if self._last_id < row_id <= last_id}
            self._frames.append(page)
            self._rejects |= own
            self._last_id = last_id
            yield from self.taken()
        self._frames.append(pages[-1])
        self._rejects |= {row_id: rules for row_id, rules in rejects.items() if row_id > self._last_id}
        self._last_id = manifest.last_id
        self.rows += len(pages[-1]) + len(self._rejects)

    def taken(self) -> Iterator[Stretch]:
        """What has been gathered, if anything."""
        if self._frames:
            yield Stretch(self._after, self._last_id, pl.concat(self._frames), self._rejects)
        self._frames, self._rejects = [], {}
        self._after, self.rows = self._last_id, 0
