"""What of this node explains a document: a row of the archive, or of a table, that may be on its way."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

import polars as pl

from processors import city
from processors.archive import Archive
from processors.conform import conform
from processors.document import Origin
from processors.errors import ArchiveError, ProcessorError, SourceError
from processors.model import Database
from processors.recorded import Recorded
from processors.schema import ROW_ID, SENSOR_ID
from processors.settings import Settings
from processors.standing import Untouched, open_table, stand
from processors.transform.derive import month
from processors.verify.lookup import Key


@dataclass(frozen=True)
class Suspect:
    """A document by the parts of its id; `row_id` is None when the id is not one of ours."""

    id: str
    prefix: str
    row_id: int | None


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

    def unexplained(self, key: Key, suspects: Sequence[Suspect]) -> Iterator[tuple[Suspect, Database | None]]:
        """Those that no row explains, with the database whose they would be, None when there is none.

        Args:
            key: The partition that they are in.
            suspects: At most a page.
        """
        owners = self._owners(key.sensor)
        by_owner: dict[tuple[str, str], list[Suspect]] = defaultdict(list)
        for suspect in suspects:
            owner = owners.get(suspect.prefix)
            if suspect.row_id is None or owner is None:
                yield suspect, None
            else:
                by_owner[owner[0].database.sensor, owner[1]].append(suspect)
        for own in by_owner.values():
            holding, generation = owners[own[0].prefix]
            left = self._left(holding, generation, key, {each.row_id for each in own if each.row_id is not None})
            yield from ((suspect, holding.database) for suspect in own if suspect.row_id in left)

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

    def _left(self, holding: Holding, generation: str, key: Key, ids: set[int]) -> set[int]:
        name = holding.database.sensor
        if name in self.failures:
            return set()
        try:
            found, settled = self._archived(holding.archive, name, generation, key, ids)
            left = ids - found
            if left:
                del self._batches[name, generation]
                found, settled = self._archived(holding.archive, name, generation, key, left)
                left -= found
            if left - settled and holding.has_table:
                left -= self._in_table(holding, generation, key, left - settled)
        except (SourceError, ArchiveError) as error:
            self.failures[name] = error
            return set()
        return left

    def _archived(
        self, archive: Archive, name: str, generation: str, key: Key, ids: Collection[int]
    ) -> tuple[set[int], set[int]]:
        """Those that the archive has as readings, and those of batches that it has: with them no table argues."""
        if (name, generation) not in self._batches:
            self._batches[name, generation] = archive.batches(generation)
        batches = self._batches[name, generation]
        by_batch: dict[int, set[int]] = defaultdict(set)
        for row_id in ids:
            if number := bisect_left(batches, row_id):
                by_batch[batches[number - 1]].add(row_id)
        found: set[int] = set()
        settled: set[int] = set()
        for after, wanted in by_batch.items():
            manifest = archive.manifest(generation, after)
            if manifest is not None and manifest.last_id >= min(wanted):
                found |= wanted & _ids(archive.read(manifest), key)
                settled |= {row_id for row_id in wanted if row_id <= manifest.last_id}
        return found, settled

    def _in_table(self, holding: Holding, generation: str, key: Key, ids: Collection[int]) -> set[int]:
        settings, recipe = self.settings, city.recipe(self.settings)
        with open_table(holding.database, settings.table, settings.columns) as source:
            standing = stand(holding.database, source, holding.archive, self.recorded, recipe)
            if generation not in standing.limits:
                return set()
            limit = standing.limits[generation]
            rows = source.rows_at([row_id for row_id in ids if limit is None or row_id <= limit])
        return _ids(conform(rows, default_zone=recipe.default_zone).valid, key)


def _ids(rows: pl.DataFrame, key: Key) -> set[int]:
    return set(rows.filter(pl.col(SENSOR_ID) == key.sensor, month() == key.month)[ROW_ID])
