"""The archive as one table, `readings`, for what should not be paid for: SQL, and the selections of `query`.

A row is a reading as it was conformed, before it was cleaned, hidden in part, or judged by detectors; beside its
columns it has `city`, `sensor` (the folder that it came from), `date` (UTC) and `generation`. Files are read lazily,
and only those of the partitions that are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import polars as pl

from processors import document
from processors.discover import near, readable
from processors.document import Origin
from processors.errors import ArchiveError, ProcessorError, SettingsError
from processors.names import partition_value
from processors.query import Group, Selection, is_select
from processors.schema import EXTRAS, MONTH, OBSERVED_AT, READING, ROW_ID, SENSOR_ID, SOURCE_TIMESTAMP, TIME_AMBIGUOUS

TABLE = "readings"

_PARTITION: dict[str, pl.DataType] = {"city": pl.String(), "sensor": pl.String(), "date": pl.Date()}
_COLUMNS = {**READING, "generation": pl.String()}
_FILES = "city=*/sensor=*/date=*/*.parquet"
_INSTANT = "%Y-%m-%dT%H:%M:%S%.6fZ"
_BLOCK_ROWS = 1_000
"""Rows that are Python objects at a time."""


def newest(root: Path, selection: Selection, limit: int) -> Iterator[dict[str, Any]]:
    """The latest readings, at most `limit`, with the ids and names that their documents have.

    Raises:
        ArchiveError: There is no archive, or a file is damaged.
    """
    with _explained(root):
        latest = _selected(root, selection).sort(OBSERVED_AT, SENSOR_ID, ROW_ID, descending=True).head(limit)
        for block in latest.collect_batches(chunk_size=_BLOCK_ROWS, engine="streaming"):
            yield from _plain(_as_documents(block))


def count(root: Path, selection: Selection) -> int:
    """How many readings there are.

    Raises:
        ArchiveError: There is no archive, or a file is damaged.
    """
    with _explained(root):
        return int(_selected(root, selection).select(pl.len()).collect(engine="streaming").item())


def groups(root: Path, selection: Selection) -> list[Group]:
    """Readings by city, sensor and day, in that order; what they take in Cosmos is not known here.

    Raises:
        ArchiveError: There is no archive, or a file is damaged.
    """
    at = pl.col(OBSERVED_AT)
    day = at.dt.strftime("%Y-%m-%d").alias("day")
    with _explained(root):
        counted = (
            _selected(root, selection)
            .group_by("city", SENSOR_ID, day)
            .agg(pl.len(), at.max().dt.strftime(_INSTANT))
            .sort("city", SENSOR_ID, "day")
            .collect(engine="streaming")
        )
    return [Group(city, sensor, on, number, None, last) for city, sensor, on, number, last in counted.iter_rows()]


def unknown(root: Path, city: str) -> str | None:
    """That the archive has no such city, and which it has; None when it has it.

    Raises:
        ArchiveError: The archive cannot be looked into.
    """
    with _explained(root):
        if (root / f"city={partition_value(city)}").is_dir():
            return None
        folders = sorted(path.name for path in root.glob("city=*") if path.is_dir())
    cities = [unquote(readable(name).removeprefix("city=")) for name in folders]
    return f"the archive has no city {city}: {near(city, cities) if cities else 'it has none yet'}"


def rows(root: Path, sql: str) -> Iterator[dict[str, Any]]:
    """What a SELECT in Polars' SQL gives of the table `readings`, with times as documents write them.

    Raises:
        SettingsError: It is no SELECT, or one that cannot be run.
        ArchiveError: There is no archive, or a file is damaged.
    """
    if not is_select(sql):
        raise SettingsError(
            "query the archive",
            sql,
            why="it is not a SELECT, and queries only read",
            hint='for example --archive --sql "SELECT city, count(*) FROM readings GROUP BY city"',
        )
    with _explained(root, sql):
        asked = pl.SQLContext({TABLE: _table(root)}, eager=False).execute(sql)
        for block in asked.collect_batches(chunk_size=_BLOCK_ROWS, engine="streaming"):
            yield from block.with_columns(_as_text(block)).iter_rows(named=True)


def _table(root: Path, city: str | None = None) -> pl.LazyFrame:
    """All files of the archive, or of a city; those of rejects and manifests are in folders of other names."""
    if not root.is_dir():
        raise ArchiveError(
            "query the archive",
            root,
            why="there is no such folder",
            hint="name the folder that `run` archives to: --set archive=DIR, or COSMOS_ARCHIVE",
        )
    above = [part.partition("=")[0] for part in root.parts if "=" in part]
    if taken := [name for name in above if name in _PARTITION]:
        raise ArchiveError(
            "query the archive",
            root,
            why=f"a folder above it is named like a partition of it, {taken[0]}=...",
            hint="name it by a path without that folder: change to it, or link to the archive from elsewhere",
        )
    place = _FILES if city is None else _FILES.replace("city=*", f"city={partition_value(city)}")
    if not _has_files(root, place):
        return pl.LazyFrame(schema=_COLUMNS | _PARTITION)
    found = pl.scan_parquet(
        f"{_escaped(str(root))}/{place}",
        schema=_COLUMNS,
        missing_columns="insert",
        extra_columns="ignore",
        hive_partitioning=True,
        hive_schema={**dict.fromkeys(above, pl.String()), **_PARTITION},
    )
    return found.with_columns(*() if city is None else (pl.lit(city).alias("city"),)).select(*_COLUMNS, *_PARTITION)


def _has_files(root: Path, place: str) -> bool:
    """Whether there is one; Polars would pass over an empty one, as if its readings had never been."""
    found = False
    for path in root.glob(place):
        found = True
        if path.stat().st_size == 0:
            raise _damage(path, "it is empty")
    return found


def _selected(root: Path, selection: Selection) -> pl.LazyFrame:
    conditions = [pl.lit(value=True)]
    if selection.sensor is not None:
        conditions.append(pl.col(SENSOR_ID) == selection.sensor)
    if selection.since is not None:
        conditions += [pl.col(OBSERVED_AT) >= selection.since, pl.col("date") >= selection.since.date()]
    if selection.before is not None:
        conditions += [pl.col(OBSERVED_AT) < selection.before, pl.col("date") <= selection.before.date()]
    return _table(root, selection.city).filter(*conditions)


def _as_documents(found: pl.DataFrame) -> pl.DataFrame:
    """Readings under the names and with the ids that their documents have."""
    parts = [
        document.identify(part, Origin(city, generation))
        for (city, generation), part in found.with_row_index("!place").group_by("city", "generation")
    ]
    ordered = pl.concat(parts).sort("!place") if parts else found.with_columns(id=pl.lit(None, pl.String))
    return ordered.select(
        "id",
        "city",
        SENSOR_ID,
        pl.col(OBSERVED_AT).dt.strftime("%Y-%m").alias(MONTH),
        ROW_ID,
        pl.col(OBSERVED_AT).dt.strftime(_INSTANT),
        "generation",
        pl.when(TIME_AMBIGUOUS).then(statement=True).alias(TIME_AMBIGUOUS),
        *(name for name in READING if name not in _ELSEWHERE),
    )


_ELSEWHERE = {ROW_ID, OBSERVED_AT, SENSOR_ID, TIME_AMBIGUOUS, SOURCE_TIMESTAMP, EXTRAS}
"""Columns of a reading that have a place of their own in a document, or none."""


def _plain(found: pl.DataFrame) -> Iterator[dict[str, Any]]:
    for row in found.iter_rows(named=True):
        yield {name: value for name, value in row.items() if value is not None}


def _as_text(found: pl.DataFrame) -> list[pl.Expr]:
    """Times and all else that JSON has no name for, as text."""
    expressions = []
    for name, dtype in found.schema.items():
        if isinstance(dtype, pl.Datetime):
            expressions.append(pl.col(name).dt.strftime(_INSTANT if dtype.time_zone == "UTC" else "%FT%T%.6f"))
        elif dtype.is_temporal() or dtype.is_decimal() or dtype in (pl.Categorical, pl.Enum):
            expressions.append(pl.col(name).cast(pl.String))
    return expressions


def _escaped(path: str) -> str:
    """A path in which a pattern finds only itself."""
    return "".join(f"[{char}]" if char in "*?[]" else char for char in path)


@contextmanager
def _explained(root: Path, sql: str = "") -> Iterator[None]:
    try:
        yield
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _damaged(root) or _refused(root, sql, error) from error


def _damaged(root: Path) -> ArchiveError | None:
    """The error of the first file that cannot be read, None when all can: every file is looked at, one at a time."""
    for path in sorted(root.glob(_FILES)):
        try:
            pl.read_parquet(path, hive_partitioning=False, glob=False)
        except (pl.exceptions.PolarsError, OSError) as error:
            return _damage(path, _first_line(error))
    return None


def _damage(path: Path, why: str) -> ArchiveError:
    hint = "restore it from a copy of the archive, or let `run` write it again from the table"
    return ArchiveError("read the archive", path, why=why, hint=hint)


def _refused(root: Path, sql: str, error: Exception) -> ProcessorError:
    if not sql:
        return ArchiveError("read the archive", root, why=_first_line(error), hint="try again: a run may have moved it")
    if isinstance(error, pl.exceptions.ColumnNotFoundError):
        hint = f"columns: {', '.join((*_COLUMNS, *_PARTITION))}"
    else:
        hint = f"it is SQL of Polars, and the one table is {TABLE}; text is in single quotes"
    return SettingsError("query the archive", sql, why=_first_line(error), hint=hint)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
