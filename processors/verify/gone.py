"""Which readings of a generation have left, and which of those Cosmos refused: runs and ids, in bounded memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

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


class Gone:
    """What has left, as far as manifests were added."""

    def __init__(self) -> None:
        self._runs = pl.DataFrame(schema=_RUNS)
        self._new: list[tuple[int, int]] = []
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
        if manifest.left is not None:
            self._new += [(first, last) for first, last in manifest.left]
            self._refuse(_refused(archive.rejected(manifest)))
        elif manifest.stage != "aggregated":
            self._new.append((manifest.after + 1, manifest.last_id))
        if len(self._new) >= _BLOCK:
            self._settle()

    def has(self, ids: pl.Series) -> pl.Series:
        """Whether each of these readings has left; row ids in order."""
        self._settle()
        asked = ids.alias(ROW_ID).to_frame().join_asof(self._runs, left_on=ROW_ID, right_on=_FIRST)
        return asked.select((pl.col(ROW_ID) <= pl.col(_LAST)).fill_null(value=False)).to_series()

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


def all_gone(archive: Archive, generation: str) -> Gone:
    """What left with all batches that the archive has of a generation: a later one may have let earlier rows go.

    Raises:
        ArchiveError: A manifest or a file of rejects is damaged or missing.
    """
    found = Gone()
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
