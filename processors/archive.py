"""Parquet on the node: what every sensor said, kept as one hive-partitioned dataset.

    <archive>/city=<city>/sensor=<sensor id>/date=<UTC day>/<generation>-<after>.parquet
    <archive>/_rejects/city=<city>/sensor=<folder>/<generation>-<after>.jsonl
    <archive>/_manifests/city=<city>/sensor=<folder>/<generation>/<after>.json

A batch is named for the position it starts after. Its manifest is the commit: before it exists, the batch is
not archived, and its files lie in a folder that no reader looks into; after it exists, they only remain to be
moved in place, which the next run completes if this one is killed.
"""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote

import polars as pl

from processors.errors import ArchiveError
from processors.files import make_folder, sync_folder, write_synced, write_whole
from processors.manifest import Manifest, after_name, batch_name, beginning, encode, parse, partition_value
from processors.model import BEFORE_FIRST, Anchor, Batch, Branch, Database
from processors.schema import OBSERVED_AT, READING, ROW_ID, SENSOR_ID, VERSION

T = TypeVar("T")

_GENERATION = "generation.json"

_ASIDE = ".new"
"""Suffix of a file that is not in place yet: no pattern for Parquet files matches it."""

_PARTS = ("_rejects", "_manifests", "_aside")


def sensors(root: Path, city: str) -> list[str]:
    """Folders of sensors of a city that the archive has something of; a name too long for a folder stays cut."""
    places = root / "_manifests" / f"city={partition_value(city)}"
    return sorted(unquote(path.name.removeprefix("sensor=")) for path in places.glob("sensor=*"))


def size_bytes(root: Path, city: str) -> int:
    """Bytes of the city's files, also of those that are not in place yet; 0 without an archive."""
    name = f"city={partition_value(city)}"
    total = 0
    for place in (root, *(root / part for part in _PARTS)):
        for folder, _, files in os.walk(place / name):
            for file in files:
                with suppress(FileNotFoundError):
                    total += Path(folder, file).stat().st_size
    return total


class Archive:
    """One database's part of the archive."""

    def __init__(self, root: Path, database: Database):
        self._root = root
        self._city = f"city={partition_value(database.city)}"
        place = Path(self._city, f"sensor={partition_value(database.sensor)}")
        self._manifests = root / "_manifests" / place
        self._rejects = root / "_rejects" / place
        self._aside = root / "_aside" / place

    def announce(self, branch: Branch, ordinal: int) -> None:
        """A generation begins; known before anything of it is sent. One that is known already stays as it is.

        Args:
            branch: The generation.
            ordinal: Its place among those of the database, from 1.
        """
        path = self._manifests / branch.generation / _GENERATION
        with self._explained("announce a generation in"):
            if path.exists() and beginning(path) is not None:
                return
            # An archive that was moved away and begun anew has nothing from the base up to the position.
            whole = self._manifest_path(branch.generation, branch.base_id).exists()
            line = {
                "schemaVersion": VERSION,
                "ordinal": ordinal,
                "parent": branch.parent,
                "baseId": branch.base_id,
                "position": branch.base_id if whole else branch.position,
                "anchors": list(branch.anchors),
            }
            write_whole(path, json.dumps(line).encode())

    def generations(self) -> list[Branch]:
        """The lives of the database that the archive knows, at their beginning, oldest first."""
        found = []
        for path in self._manifests.glob(f"*/{_GENERATION}"):
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
        stage: str | None = None,
    ) -> None:
        """Keeps a batch. When this returns it survives a power cut, and readers see it once.

        Args:
            batch: What was read.
            after: Position that it started after.
            valid: Conformed rows.
            rejects: `rowId`, `rules`, `odd`, `row`.
            anchors: First and last row.
            stage: How far its readings were refined before they left.

        Raises:
            ArchiveError: The disk is full or read-only; nothing is committed then.
        """
        name = batch_name(batch.generation, after)
        with self._explained("write"):
            shutil.rmtree(self._aside, ignore_errors=True)
            files = [_set_aside(self._aside, part, name) for part in self._parts(valid, batch.generation)]
            if len(rejects):
                rejects_file = self._aside / f"{name}.jsonl{_ASIDE}"
                make_folder(rejects_file.parent)
                lines = rejects.with_columns(generation=pl.lit(batch.generation)).write_ndjson()
                write_synced(rejects_file, lines.encode())
                sync_folder(rejects_file.parent)
            manifest = Manifest(batch.generation, after, batch.last_id, len(valid), len(rejects), files, anchors, stage)
            write_whole(self._manifest_path(batch.generation, after), encode(manifest))
            self._move_in_place(manifest, self._aside)
            shutil.rmtree(self._aside, ignore_errors=True)

    def next_manifest(self, generation: str, after: int) -> Manifest | None:
        """The batch that was archived after a position, with its files in place; None when there is none."""
        path = self._manifest_path(generation, after)
        with self._explained("read"):
            if not path.exists():
                return None
            manifest = parse(path.read_bytes()) or self._recount(generation, after)
            self._move_in_place(manifest, self._aside)
            return manifest

    def lives(self) -> list[str]:
        """Names of the generations that the archive has something of, in no particular order."""
        return [path.name for path in self._manifests.glob("*") if path.is_dir()]

    def batches(self, generation: str) -> list[int]:
        """The positions that archived batches of a generation start after, in order."""
        names = (path.stem for path in (self._manifests / generation).glob("*.json") if path.name != _GENERATION)
        return sorted(BEFORE_FIRST if name == "start" else int(name) for name in names)

    def manifest(self, generation: str, after: int) -> Manifest | None:
        """The batch that was archived after a position; nothing is moved or mended. None when there is none.

        Raises:
            ArchiveError: The manifest is damaged; the next run makes it again.
        """
        path = self._manifest_path(generation, after)
        with self._explained("read"):
            if not path.exists():
                return None
            manifest = parse(path.read_bytes())
        if manifest is None:
            raise ArchiveError("read a manifest", path, why="it is damaged", hint="ingest once: the run mends it")
        return manifest

    def read(self, manifest: Manifest) -> pl.DataFrame:
        """The batch's readings (`schema.READING`), in id order, also from files that are not in place yet.

        Raises:
            ArchiveError: A file is missing or damaged.
        """
        if not manifest.files:
            return pl.DataFrame(schema=READING)
        with self._explained("read"):
            frames = [_wherever(self._root / name, self._aside / name, _read) for name in manifest.files]
            return pl.concat(frames).select(*READING).sort(ROW_ID)

    def rejected(self, manifest: Manifest) -> dict[int, list[str]]:
        """Row id -> names of the rules, of the batch's rejects; those that are no rows' are left out.

        Raises:
            ArchiveError: The file of rejects is missing or damaged.
        """
        if not manifest.rejects:
            return {}
        name = f"{batch_name(manifest.generation, manifest.after)}.jsonl"
        with self._explained("read"):
            content = _wherever(self._rejects / name, self._aside / name, Path.read_bytes)
            frame = pl.read_ndjson(content, schema={ROW_ID: pl.Int64(), "rules": pl.List(pl.String())})
            return dict(frame.drop_nulls(ROW_ID).rows())

    def replace(self, manifest: Manifest, valid: pl.DataFrame) -> None:
        """Writes the batch's files again, after one was found damaged."""
        with self._explained("repair"):
            # Not where a commit waits: one that a kill leaves half made here must never be moved in place.
            aside = self._aside / "repair"
            shutil.rmtree(aside, ignore_errors=True)
            name = batch_name(manifest.generation, manifest.after)
            for part in self._parts(valid, manifest.generation):
                _set_aside(aside, part, name)
            self._move_in_place(manifest, aside)
            shutil.rmtree(aside, ignore_errors=True)

    def _parts(self, valid: pl.DataFrame, generation: str) -> list[tuple[Path, pl.DataFrame]]:
        dated = valid.with_columns(date=pl.col(OBSERVED_AT).dt.strftime("%Y-%m-%d"), generation=pl.lit(generation))
        return [
            (Path(self._city, f"sensor={partition_value(sensor)}", f"date={date}"), part)
            for (sensor, date), part in dated.partition_by(
                SENSOR_ID, "date", as_dict=True, include_key=True, maintain_order=True
            ).items()
        ]

    def _move_in_place(self, manifest: Manifest, aside: Path) -> None:
        """What of the batch is still aside; what else is there may be of a later batch, and stays."""
        moves = [(aside / f"{name}{_ASIDE}", self._root / name) for name in manifest.files]
        if manifest.rejects:
            name = f"{batch_name(manifest.generation, manifest.after)}.jsonl"
            moves.append((aside / f"{name}{_ASIDE}", self._rejects / name))
        for waiting, place in moves:
            if waiting.exists():
                make_folder(place.parent)
                waiting.replace(place)
        for folder in {place.parent for _, place in moves if place.parent.exists()}:
            sync_folder(folder)

    def _recount(self, generation: str, after: int) -> Manifest:
        """A damaged manifest, made again from the files that it named."""
        name = batch_name(generation, after)
        pattern = f"{self._city}/*/*/{name}.parquet"
        found = [path.relative_to(self._root) for path in self._root.glob(pattern)]
        found += [path.relative_to(self._aside).with_suffix("") for path in self._aside.glob(pattern + _ASIDE)]
        files = sorted(map(str, set(found)))
        self._move_in_place(Manifest(generation, after, after, 0, 1, files, ()), self._aside)
        ids = [_read(self._root / file)[ROW_ID] for file in files]
        rejects = self._rejects / f"{name}.jsonl"
        rejected = pl.DataFrame()
        if rejects.exists():
            rejected = pl.read_ndjson(rejects.read_bytes(), schema_overrides={ROW_ID: pl.Int64})
            ids.append(rejected[ROW_ID])
        if not ids:
            raise ArchiveError(
                "read a manifest",
                self._manifest_path(generation, after),
                why="it is damaged, and the files that it named are gone",
                hint="restore it and its files from a copy of the archive",
            )
        every = pl.concat(ids)
        manifest = Manifest(
            generation,
            after,
            int(every.drop_nulls().sort()[-1]),
            len(every) - len(rejected),
            len(rejected),
            files,
            (),
        )
        write_whole(self._manifest_path(generation, after), encode(manifest))
        return manifest

    def _manifest_path(self, generation: str, after: int) -> Path:
        return self._manifests / generation / f"{after_name(after)}.json"

    @contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        try:
            yield
        except (OSError, pl.exceptions.PolarsError) as exc:
            raise ArchiveError(
                f"{doing} the archive",
                self._root,
                hint="free some space, make the folder writable and its files whole, or choose another with --archive; "
                "the position has not moved, the next run does the same batch again",
            ) from exc


def _set_aside(aside: Path, part: tuple[Path, pl.DataFrame], name: str) -> str:
    """Writes the part where no reader looks; its path when it is in place, relative to the archive."""
    folder, rows = part
    path = aside / folder / f"{name}.parquet{_ASIDE}"
    make_folder(path.parent)
    content = io.BytesIO()
    rows.drop("date").write_parquet(content, compression="zstd", compression_level=3)
    write_synced(path, content.getbuffer())  # not by Polars: a full disk is "Invalid thrift: transport error" to it
    sync_folder(path.parent)
    return str(folder / f"{name}.parquet")


def _wherever(place: Path, aside: Path, read: Callable[[Path], T]) -> T:
    """What is read of a file that a run may be moving from aside to its place."""
    for path in (place, aside.with_name(aside.name + _ASIDE)):
        try:
            return read(path)
        except FileNotFoundError:
            continue
    return read(place)


def _read(path: Path) -> pl.DataFrame:
    return pl.read_parquet(path, hive_partitioning=False, glob=False)
