"""What of this node explains a document: a row of the archive, or of a table, that may be on its way."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import polars as pl

from processors import city
from processors.archive import Archive
from processors.conform import conform
from processors.document import ID, Origin
from processors.errors import ArchiveError, ProcessorError, SourceError
from processors.model import Database
from processors.recorded import Recorded
from processors.schema import OBSERVED_AT, READING, ROW_ID, SENSOR_ID
from processors.settings import Settings
from processors.standing import Untouched, open_table, stand
from processors.transform.derive import month
from processors.verify.lookup import Key
from processors.verify.readings import Place

_NO_ROWS = pl.DataFrame(schema={ROW_ID: READING[ROW_ID], OBSERVED_AT: READING[OBSERVED_AT]})


@dataclass(frozen=True)
class Verdict:
    """What became of suspects.

    Attributes:
        unexplained: Those that no row explains, with the database whose they would be, None when there is none.
        explained: Generation, its database, and `id`, `observedAt` and `rowId` of the archived rows that explain the
            others.
    """

    unexplained: list[tuple[Place, Database | None]]
    explained: list[tuple[str, Database, pl.DataFrame]]


@dataclass(frozen=True)
class Holding:
    """One database's share.

    Attributes:
        database: Which.
        archive: Its part of the archive.
        has_table: False when only the archive knows the database.
    """

    database: Database
    archive: Untouched
    has_table: bool


@dataclass
class Holdings:
    """What this node has.

    Attributes:
        settings: With the city as written.
        recorded: See `recorded.open_recorded`.
        holdings: Of each database of the city.
        failures: Database -> why it could not be read; nothing is said of documents that may be its.
    """

    settings: Settings
    recorded: Recorded
    holdings: Sequence[Holding]
    failures: dict[str, ProcessorError] = field(default_factory=dict)
    _batches: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def is_ours(self, key: Key, prefix: str) -> bool:
        """Whether ids of the sensor's documents begin like this."""
        return prefix in self._owners(key.sensor)

    def judged(self, key: Key, suspects: Sequence[Place]) -> Verdict:
        """Which of the suspects rows explain.

        Args:
            key: The partition that they are in.
            suspects: At most a page.
        """
        owners = self._owners(key.sensor)
        verdict = Verdict([], [])
        by_owner: dict[tuple[str, str], list[Place]] = defaultdict(list)
        for suspect in suspects:
            owner = owners.get(suspect.prefix)
            if suspect.row_id is None or owner is None:
                verdict.unexplained.append((suspect, None))
            else:
                by_owner[owner[0].database.sensor, owner[1]].append(suspect)
        for own in by_owner.values():
            prefix = own[0].prefix
            holding, generation = owners[prefix]
            ids = {each.row_id for each in own if each.row_id is not None}
            left, rows = self._left(holding, generation, key, ids)
            verdict.unexplained.extend((suspect, holding.database) for suspect in own if suspect.row_id in left)
            if len(rows):
                named = rows.with_columns(pl.format("{}-{}", pl.lit(prefix), ROW_ID).alias(ID))
                verdict.explained.append((generation, holding.database, named))
        return verdict

    def _owners(self, sensor: str) -> dict[str, tuple[Holding, str]]:
        """Prefix of the sensor's ids -> whose they are: as of now, for a life may have begun."""
        return {
            Origin(self.settings.city, generation).prefix(sensor): (holding, generation)
            for holding in self.holdings
            for generation in {
                *holding.archive.lives(),
                *(branch.generation for branch in self.recorded(holding.database.sensor)),
            }
        }

    def _left(self, holding: Holding, generation: str, key: Key, ids: set[int]) -> tuple[set[int], pl.DataFrame]:
        """Those of the ids that nothing explains, and the archived rows of the others."""
        name = holding.database.sensor
        if name in self.failures:
            return set(), _NO_ROWS
        try:
            rows, settled = self._archived(holding.archive, name, generation, key, ids)
            left = ids - set(rows[ROW_ID])
            if left:
                del self._batches[name, generation]
                more, settled = self._archived(holding.archive, name, generation, key, left)
                left -= set(more[ROW_ID])
                rows = pl.concat([rows, more])
            if left - settled and holding.has_table:
                left -= self._in_table(holding, generation, key, left - settled)
        except (SourceError, ArchiveError) as error:
            self.failures[name] = error
            return set(), _NO_ROWS
        return left, rows

    def _archived(
        self, archive: Archive, name: str, generation: str, key: Key, ids: Collection[int]
    ) -> tuple[pl.DataFrame, set[int]]:
        """Those that the archive has as readings, and those of batches that it has: with them no table argues."""
        if (name, generation) not in self._batches:
            self._batches[name, generation] = archive.batches(generation)
        batches = self._batches[name, generation]
        by_batch: dict[int, set[int]] = defaultdict(set)
        for row_id in ids:
            if number := bisect_left(batches, row_id):
                by_batch[batches[number - 1]].add(row_id)
        found = [_NO_ROWS]
        settled: set[int] = set()
        for after, wanted in by_batch.items():
            manifest = archive.manifest(generation, after)
            if manifest is not None and manifest.last_id >= min(wanted):
                rows = _of(archive.read(manifest), key)
                found.append(rows.filter(pl.col(ROW_ID).is_in(pl.Series(sorted(wanted), dtype=pl.Int64).implode())))
                settled |= {row_id for row_id in wanted if row_id <= manifest.last_id}
        return pl.concat(found), settled

    def _in_table(self, holding: Holding, generation: str, key: Key, ids: Collection[int]) -> set[int]:
        settings, recipe = self.settings, city.recipe(self.settings)
        with open_table(holding.database, settings.table, settings.columns) as source:
            standing = stand(holding.database, source, holding.archive, self.recorded, recipe)
            if generation not in standing.limits:
                return set()
            limit = standing.limits[generation]
            rows = source.rows_at([row_id for row_id in ids if limit is None or row_id <= limit])
        return set(_of(conform(rows, default_zone=recipe.default_zone).valid, key)[ROW_ID])


def _of(rows: pl.DataFrame, key: Key) -> pl.DataFrame:
    """Row ids and times of those rows that are of a partition."""
    return rows.filter(pl.col(SENSOR_ID) == key.sensor, month() == key.month).select(*_NO_ROWS.columns)
