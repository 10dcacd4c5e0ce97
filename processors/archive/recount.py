"""What is in the files of a batch, and a manifest made again from it."""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence

import polars as pl

from processors.archive.places import ASIDE, Places
from processors.errors import ArchiveError
from processors.manifest import Manifest, batch_name
from processors.schema import ROW_ID


def parquet(rows: pl.DataFrame) -> memoryview:
    """Content of a data file. Not written by Polars: a full disk is "Invalid thrift: transport error" to it."""
    content = io.BytesIO()
    rows.write_parquet(content, compression="zstd", compression_level=3)
    return content.getbuffer()


def readings(content: bytes) -> pl.DataFrame:
    """Readings of a data file.

    Raises:
        polars.exceptions.PolarsError: It is none.
    """
    return pl.read_parquet(io.BytesIO(content), hive_partitioning=False)


def rejects_of(content: bytes) -> pl.DataFrame:
    """`rowId`, null where a reject is no row's, and `rules`.

    Raises:
        polars.exceptions.PolarsError: It is no file of rejects.
    """
    return pl.read_ndjson(content, schema={ROW_ID: pl.Int64(), "rules": pl.List(pl.String())})


def named_files(places: Places, generation: str, after: int) -> list[str]:
    """Data files of a batch by their names, relative to the archive, also those that are not in place yet."""
    pattern = f"{places.city}/*/*/{batch_name(generation, after)}.parquet"
    found = {path.relative_to(places.root) for path in places.root.glob(pattern)}
    found |= {path.relative_to(places.aside).with_suffix("") for path in places.aside.glob(pattern + ASIDE)}
    return sorted(map(str, found))


def recounted(places: Places, generation: str, after: int, files: Sequence[str], following: int | None) -> Manifest:
    """The manifest of files that are in place.

    Args:
        places: Of the database.
        generation: Life of the database.
        after: Position that the batch started after.
        files: See `named_files`.
        following: Position that the batch after it started after, which is where this one ended; None for the last.

    Raises:
        ArchiveError: Files are missing.
        OSError: One cannot be read.
        polars.exceptions.PolarsError: One is damaged.
    """
    contents = {name: (places.root / name).read_bytes() for name in files}
    ids = [readings(content)[ROW_ID] for content in contents.values()]
    rows = sum(map(len, ids))
    name = f"{batch_name(generation, after)}.jsonl"
    rejects = 0
    if (places.rejects / name).exists():
        contents[name] = (places.rejects / name).read_bytes()
        ids.append(rejects_of(contents[name])[ROW_ID])
        rejects = len(ids[-1])
    known = pl.concat(ids).drop_nulls() if ids else pl.Series(ROW_ID, [], pl.Int64)
    last_id = max(known.to_list(), default=None)
    if last_id is None or following not in {None, last_id}:
        raise ArchiveError(
            "read a manifest",
            places.manifest(generation, after),
            why="it is damaged, and files that it named are gone",
            hint="restore it and its files from a copy of the archive",
        )
    checksums = {name: zlib.crc32(content) for name, content in contents.items()}
    return Manifest(generation, after, last_id, rows, rejects, list(files), (), checksums=checksums)
