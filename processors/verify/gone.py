"""Which readings of a generation have left, and which of those Cosmos refused: runs and ids, in bounded memory."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence

import polars as pl

from processors.archive import Archive
from processors.manifest import Manifest
from processors.schema import ROW_ID

REFUSED = "accepted_by_cosmos_"
"""Start of the name of a rule that a document has broken."""

_FIRST = "first"
_LAST = "last"
_RUNS = {_FIRST: pl.Int64(), _LAST: pl.Int64()}

_BLOCK = 10_000
"""Runs that wait to be put in order with the others."""


class Runs:
    """Row ids, as runs."""

    def __init__(self) -> None:
        self._runs = pl.DataFrame(schema=_RUNS)
        self._new: list[tuple[int, int]] = []

    def add(self, runs: Iterable[tuple[int, int]]) -> None:
        """First and last row id of each run."""
        self._new += runs
        if len(self._new) >= _BLOCK:
            self._settle()

    def has(self, ids: pl.Series) -> pl.Series:
        """Whether each of these is in one; row ids in order."""
        self._settle()
        asked = ids.alias(ROW_ID).to_frame().join_asof(self._runs, left_on=ROW_ID, right_on=_FIRST)
        return asked.select((pl.col(ROW_ID) <= pl.col(_LAST)).fill_null(value=False)).to_series()

    def _settle(self) -> None:
        """Runs in order, those that touch or overlap as one."""
        if not self._new:
            return
        new = pl.DataFrame(self._new, schema=_RUNS, orient="row")
        reached = pl.col(_LAST).cum_max().shift(1)
        apart = (pl.col(_FIRST) - 1 > reached).fill_null(value=True)
        self._runs = (
            pl.concat([self._runs, new])
            .sort(_FIRST, _LAST)
            .group_by(apart.cum_sum().alias("run"), maintain_order=True)
            .agg(pl.col(_FIRST).first(), pl.col(_LAST).max())
            .drop("run")
            .set_sorted(_FIRST)
        )
        self._new = []


class Gone:
    """What has left, as far as manifests were added.

    Attributes:
        is_whole: Whether all of them say what left with them; one that was lost and made again does not.
    """

    def __init__(self, expired_before: float | None = None) -> None:
        """Documents of batches that were archived before that, in seconds since 1970, may have expired."""
        self.is_whole = True
        self._expired_before = expired_before
        self._left = Runs()
        self._expired = Runs()
        self._private: dict[str | None, Runs] = {}
        self._refused = pl.Series(ROW_ID, [], pl.Int64)
        self._added: int | None = None

    def add(self, manifest: Manifest, archive: Archive) -> None:
        """What left with a batch; batches are added in order, and one that was added already is passed over.

        Raises:
            ArchiveError: The file of rejects is missing or damaged.
        """
        if self._added is not None and manifest.after <= self._added:
            return
        self._added = manifest.after
        self.is_whole &= manifest.form is not None
        runs: list[tuple[int, int]] = []
        if manifest.left is not None:
            runs = [(first, last) for first, last in manifest.left]
            self._refuse(_refused(archive.rejected(manifest)))
        elif manifest.stage != "aggregated":
            runs = [(manifest.after + 1, manifest.last_id)]
        private = None if manifest.privacy is None else json.dumps(manifest.privacy)
        self._left.add(runs)
        self._private.setdefault(private, Runs()).add(runs)
        if self._is_old(archive.written_at(manifest.generation, manifest.after)):
            self._expired.add(runs)

    def begun_anew(self, base_id: int, begins: int, generation: str, archive: Archive) -> None:
        """Rows up to `begins` left before this archive knew the generation."""
        if begins > base_id and self._is_old(archive.written_at(generation)):
            self._expired.add([(base_id + 1, begins)])

    def _is_old(self, written_at: float | None) -> bool:
        return self._expired_before is not None and written_at is not None and written_at < self._expired_before

    def has(self, ids: pl.Series) -> pl.Series:
        """Whether each of these readings has left; row ids in order."""
        return self._left.has(ids)

    def expired(self, ids: pl.Series) -> pl.Series:
        """Whether each of these readings left so long ago that its document may have expired; row ids in order."""
        return self._expired.has(ids)

    def privacy(self, ids: pl.Series) -> pl.Series:
        """What was hidden of each of these readings (`Manifest.privacy` as JSON), null where that is not known."""
        known = pl.Series([None] * len(ids), dtype=pl.String)
        for private, runs in self._private.items():
            known = (
                known.to_frame("private")
                .select(pl.when(runs.has(ids)).then(pl.lit(private, pl.String)).otherwise("private"))
                .to_series()
            )
        return known

    def refused(self, ids: pl.Series, rejects: Mapping[int, Sequence[str]]) -> pl.Series:
        """Whether Cosmos refused each of these readings.

        Args:
            ids: Row ids.
            rejects: Of their batches.
        """
        own = pl.Series(ROW_ID, _refused(rejects), pl.Int64)
        return ids.is_in(pl.concat([self._refused, own]).implode())

    def _refuse(self, ids: Collection[int]) -> None:
        if ids:
            self._refused = pl.concat([self._refused, pl.Series(ROW_ID, ids, pl.Int64)])


def all_gone(archive: Archive, generation: str, expired_before: float | None = None) -> Gone:
    """What left with all batches that the archive has of a generation: a later one may have let earlier rows go.

    Args:
        archive: The database's part.
        generation: Which.
        expired_before: See `Gone`.

    Raises:
        ArchiveError: A manifest or a file of rejects is damaged or missing.
    """
    found = Gone(expired_before)
    for after in archive.batches(generation):
        manifest = archive.manifest(generation, after)
        if manifest is not None:
            found.add(manifest, archive)
    return found


def is_refusal(rules: Sequence[str]) -> bool:
    """Whether a reject is a reading that Cosmos refused, and no row outside the contract."""
    return any(rule.startswith(REFUSED) for rule in rules)


def _refused(rejects: Mapping[int, Sequence[str]]) -> list[int]:
    return [row_id for row_id, rules in rejects.items() if is_refusal(rules)]
