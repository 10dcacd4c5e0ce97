"""Parquet on the node: what every sensor said, kept as one hive-partitioned dataset.

    <archive>/city=<city>/sensor=<sensor id>/date=<UTC day>/<generation>-<after>.parquet
    <archive>/_rejects/city=<city>/sensor=<folder>/<generation>-<after>.jsonl
    <archive>/_manifests/city=<city>/sensor=<folder>/<generation>/<after>.json

A batch is named for the position it starts after. Its manifest is the commit: before it exists, the batch is
not archived, and its files lie in a folder that no reader looks into; after it exists, they only remain to be
moved in place, which the next run completes if this one is killed.
"""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from processors.archive.places import ASIDE, RESTORE, named, places, sensors, size_bytes, whole
from processors.archive.recount import named_files, parquet, readings, recounted, rejects_of
from processors.errors import ArchiveError
from processors.files import make_folder, sync_folder, write_synced, write_whole
from processors.form import Form
from processors.manifest import (
    Manifest,
    announced,
    batch_name,
    beginning,
    encode,
    read_manifest,
)
from processors.model import Anchor, Batch, Branch, Database
from processors.names import partition_value
from processors.schema import OBSERVED_AT, READING, ROW_ID, SENSOR_ID

__all__ = ["Archive", "files_of", "sensors", "size_bytes"]

_GENERATION = "generation.json"
_DATE = pl.col(OBSERVED_AT).dt.strftime("%Y-%m-%d")


class Archive:
    """One database's part of the archive."""

    def __init__(self, root: Path, database: Database):
        self._places = places(root, database)

    def announce(self, branch: Branch, ordinal: int) -> None:
        """A generation begins; known before anything of it is sent. One that is known already stays as it is.

        Args:
            branch: The generation.
            ordinal: Its place among those of the database, from 1.
        """
        path = self._places.manifests / branch.generation / _GENERATION
        with self._explained("announce a generation in"):
            if path.exists() and beginning(path) is not None:
                return
            # An archive that was moved away and begun anew has nothing from the base up to the position.
            has_base = self._places.manifest(branch.generation, branch.base_id).exists()
            write_whole(path, announced(branch, ordinal, branch.base_id if has_base else branch.position))

    def generations(self) -> list[Branch]:
        """The lives of the database that the archive knows, at their beginning, oldest first."""
        found = []
        for path in self._places.manifests.glob(f"*/{_GENERATION}"):
            with self._explained("read"):
                began = beginning(path)
            if began is None:
                raise ArchiveError(
                    "read the beginning of a generation",
                    path,
                    why="it is damaged",
                    hint="restore this file from a copy of the archive",
                )
            found.append(began)
        return [branch for _, branch in sorted(found, key=lambda pair: pair[0])]

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
        """Keeps a batch. When this returns it survives a power cut, and readers see it once.

        Args:
            batch: What was read.
            after: Position that it started after.
            valid: Conformed rows.
            rejects: `rowId`, `rules`, `odd`, `row`.
            anchors: First and last row.
            form: In which form its readings left.
            left: See `manifest.Manifest`.
            privacy: Likewise.

        Raises:
            ArchiveError: The disk is full or read-only; nothing is committed then.
        """
        with self._explained("write"):
            shutil.rmtree(self._places.aside, ignore_errors=True)
            manifest = Manifest(
                generation=batch.generation,
                after=after,
                last_id=batch.last_id,
                rows=len(valid),
                rejects=len(rejects),
                files=(),
                anchors=anchors,
                stage=None if form is None else form.stage,
                form=None if form is None else form.document(),
                left=left,
                privacy=privacy,
            )
            manifest = self._set_aside(self._places.aside, manifest, valid, rejects)
            write_whole(self._places.manifest(batch.generation, after), encode(manifest))
            self._move_in_place(manifest, self._places.aside)
            shutil.rmtree(self._places.aside, ignore_errors=True)

    def next_manifest(self, generation: str, after: int) -> Manifest | None:
        """The batch that was archived after a position, with its files in place; None when there is none."""
        path = self._places.manifest(generation, after)
        with self._explained("read"):
            if not path.exists():
                return None
            manifest = read_manifest(path, generation, after) or self._recount(generation, after)
            self._move_in_place(manifest, self._places.aside)
            return manifest

    def lives(self) -> list[str]:
        """Names of the generations that the archive has something of, in no particular order."""
        return [path.name for path in self._places.manifests.glob("*") if path.is_dir()]

    def batches(self, generation: str) -> list[int]:
        """The positions that archived batches of a generation start after, in order."""
        paths = (self._places.manifests / generation).glob("*.json")
        return sorted(position for path in paths if (position := named(path.stem)) is not None)

    def manifest(self, generation: str, after: int) -> Manifest | None:
        """The batch that was archived after a position; nothing is moved or mended. None when there is none.

        Raises:
            ArchiveError: The manifest is damaged; the next run makes it again.
        """
        path = self._places.manifest(generation, after)
        with self._explained("read"):
            if not path.exists():
                return None
            manifest = read_manifest(path, generation, after)
        if manifest is None:
            raise ArchiveError("read a manifest", path, why="it is damaged", hint="ingest once: the run mends it")
        return manifest

    def written_at(self, generation: str, after: int | None = None) -> float | None:
        """Seconds since 1970 when a batch's manifest was written, None when it is not there.

        Args:
            generation: Life of the database.
            after: Position that the batch started after; None: when the generation was announced.
        """
        path = self._places.manifests / generation / _GENERATION
        if after is not None:
            path = self._places.manifest(generation, after)
        with self._explained("read"):
            return path.stat().st_mtime if path.exists() else None

    def read(self, manifest: Manifest) -> pl.DataFrame:
        """The batch's readings (`schema.READING`), in id order, also from files that are not in place yet.

        Raises:
            ArchiveError: A file is missing or damaged.
        """
        if not manifest.files:
            return pl.DataFrame(schema=READING)
        with self._explained("read"):
            contents = (
                whole(self._places.root / name, self._places.aside / name, manifest.checksums.get(name))
                for name in manifest.files
            )
            found = pl.concat([readings(content) for content in contents]).select(*READING).sort(ROW_ID)
        if len(found) != manifest.rows:
            raise self._incomplete(", ".join(manifest.files), f"{len(found)} of {manifest.rows} readings are there")
        return found

    def rejected(self, manifest: Manifest) -> dict[int, list[str]]:
        """Row id -> names of the rules, of the batch's rejects; those that are no rows' are left out.

        Raises:
            ArchiveError: The file of rejects is missing or damaged.
        """
        if not manifest.rejects:
            return {}
        name = f"{batch_name(manifest.generation, manifest.after)}.jsonl"
        with self._explained("read"):
            place, aside = self._places.rejects / name, self._places.aside / name
            found = rejects_of(whole(place, aside, manifest.checksums.get(name)))
        if len(found) != manifest.rejects:
            raise self._incomplete(name, f"{len(found)} of {manifest.rejects} rejects are there")
        return dict(found.drop_nulls(ROW_ID).rows())

    def mend_readings(self, manifest: Manifest, valid: pl.DataFrame) -> Manifest:
        """Writes the batch's readings again, after they were found damaged; the manifest that says so."""
        kept = {name: checksum for name, checksum in manifest.checksums.items() if name not in manifest.files}
        return self._mend(replace(manifest, rows=len(valid), checksums=kept), valid, None)

    def mend_rejects(self, manifest: Manifest, rejects: pl.DataFrame) -> Manifest:
        """Writes the batch's rejects again, likewise."""
        return self._mend(replace(manifest, rejects=len(rejects)), None, rejects)

    def _mend(self, manifest: Manifest, valid: pl.DataFrame | None, rejects: pl.DataFrame | None) -> Manifest:
        with self._explained("repair"):
            # Not where a commit waits: one that a kill leaves half made here must never be moved in place.
            aside = self._places.aside / "repair"
            shutil.rmtree(aside, ignore_errors=True)
            mended = self._set_aside(aside, manifest, valid, rejects)
            self._move_in_place(mended, aside)
            write_whole(self._places.manifest(manifest.generation, manifest.after), encode(mended))
            shutil.rmtree(aside, ignore_errors=True)
        return mended

    def _set_aside(
        self, aside: Path, manifest: Manifest, valid: pl.DataFrame | None, rejects: pl.DataFrame | None
    ) -> Manifest:
        """Writes a batch where no reader looks; its manifest with these files. None leaves those that there are."""
        name = batch_name(manifest.generation, manifest.after)
        checksums = dict(manifest.checksums)
        if valid is not None:
            files = {
                str(folder / f"{name}.parquet"): _set_aside(aside / folder / f"{name}.parquet", parquet(rows))
                for folder, rows in self._parts(valid, manifest.generation)
            }
            manifest, checksums = replace(manifest, files=[*files]), checksums | files
        if rejects is not None and len(rejects):
            lines = rejects.with_columns(generation=pl.lit(manifest.generation)).write_ndjson()
            checksums[f"{name}.jsonl"] = _set_aside(aside / f"{name}.jsonl", lines.encode())
        return replace(manifest, checksums=checksums)

    def _parts(self, valid: pl.DataFrame, generation: str) -> Iterator[tuple[Path, pl.DataFrame]]:
        dated = valid.with_columns(date=_DATE, generation=pl.lit(generation))
        parts = dated.partition_by(SENSOR_ID, "date", as_dict=True, include_key=True, maintain_order=True)
        for (sensor, date), part in parts.items():
            yield Path(self._places.city, f"sensor={partition_value(sensor)}", f"date={date}"), part.drop("date")

    def _move_in_place(self, manifest: Manifest, aside: Path) -> None:
        """What of the batch is still aside; what else is there may be of a later batch, and stays."""
        moves = [(aside / f"{name}{ASIDE}", self._places.root / name) for name in manifest.files]
        if manifest.rejects:
            name = f"{batch_name(manifest.generation, manifest.after)}.jsonl"
            moves.append((aside / f"{name}{ASIDE}", self._places.rejects / name))
        for waiting, place in moves:
            if waiting.exists():
                make_folder(place.parent)
                waiting.replace(place)
        for folder in {place.parent for _, place in moves if place.parent.exists()}:
            sync_folder(folder)

    def _recount(self, generation: str, after: int) -> Manifest:
        """A damaged manifest, made again from the files that it named."""
        files = named_files(self._places, generation, after)
        self._move_in_place(Manifest(generation, after, after, 0, 1, files, ()), self._places.aside)
        following = next((position for position in self.batches(generation) if position > after), None)
        manifest = recounted(self._places, generation, after, files, following)
        write_whole(self._places.manifest(generation, after), encode(manifest))
        return manifest

    def _incomplete(self, what: str, why: str) -> ArchiveError:
        return ArchiveError("read the archive", what, why=why, hint=RESTORE)

    @contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        try:
            yield
        except (OSError, pl.exceptions.PolarsError) as exc:
            raise ArchiveError(
                f"{doing} the archive",
                self._places.root,
                hint="free some space, make the folder writable and its files whole, or choose another with --archive; "
                "the position has not moved, the next run does the same batch again",
            ) from exc


def files_of(valid: pl.DataFrame) -> int:
    """Data files that conformed rows of one batch become."""
    return valid.select(SENSOR_ID, date=_DATE).n_unique()


def _set_aside(place: Path, content: bytes | memoryview) -> int:
    """Writes a file where no reader looks; its checksum."""
    path = place.with_name(place.name + ASIDE)
    make_folder(path.parent)
    write_synced(path, content)
    sync_folder(path.parent)
    return zlib.crc32(content)
