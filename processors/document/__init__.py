"""Rows to Cosmos documents: a derived id, a partition key, JSON types, and no nulls.

A null is left out, so the document of a row is the same whatever else is on its page. Ids are the same on every
run, so that writing again changes nothing. The SDK wants Python objects: they are made here, in the one loop over
rows that there is.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import polars as pl

from processors.document.bucket import COUNT, INSTANT, pack, unpack
from processors.document.description import DESCRIBED, TTL_S, describe, described_by
from processors.form import Form
from processors.model import Documents
from processors.schema import (
    BUCKET,
    BUCKETED,
    DESCRIPTION,
    EXTRAS,
    FIELDS,
    IS_DUPLICATE,
    KIND,
    MONTH,
    OBSERVED_AT,
    PROVISIONAL,
    REQUIRED,
    ROW_ID,
    SENSOR_ID,
    SOURCE_TIMESTAMP,
    TIME_AMBIGUOUS,
    VERSION,
    WINDOW_START,
)

__all__ = [
    "BUCKETED", "DESCRIBED", "DESCRIPTION", "ID", "KIND", "Origin", "aggregates", "anomalies", "comparisons",
    "describe", "described_by", "described_ids", "descriptions", "holding", "identify", "leaving", "readings",
    "unpack", "with_source",
]  # fmt: skip

ID = "id"

_SLICE_ROWS = 1_000
"""Rows that are Python objects at a time: memory is bounded by this, not by the page."""

_SIZE = "!size"


@dataclass(frozen=True)
class Origin:
    """Where rows come from: what makes their documents' ids.

    Attributes:
        city: As written in the folder's name.
        generation: Life of the database.
    """

    city: str
    generation: str

    def prefix(self, sensor_id: str) -> str:
        """Start of the ids of a sensor's documents: 80 bits of SHA-256 over city, sensor and generation."""
        name = json.dumps([self.city, sensor_id, self.generation]).encode()
        return base64.b32encode(hashlib.sha256(name).digest()[:10]).decode().lower()


def identify(rows: pl.DataFrame, origin: Origin) -> pl.DataFrame:
    """The rows with the `id` of each one's document: the sensor's prefix and the row id, unique by construction."""
    return rows.with_columns(pl.format("{}-{}", _prefix(rows, origin), ROW_ID).alias(ID))


def with_source(rows: pl.DataFrame, valid: pl.DataFrame) -> pl.DataFrame:
    """The rows with `source`, a struct of each row as it was read, by source name.

    Numbers that a column held as text are numbers; columns that the contract does not know are in `extras`.

    Args:
        rows: Transformed rows, in id order.
        valid: The conformed rows that they came from, whose texts are as they were read.
    """
    read = valid.filter(pl.col(ROW_ID).is_in(rows[ROW_ID].implode()))
    texts = [pl.col(field.name).alias(field.source) for field in (*REQUIRED, *FIELDS) if field.kind == "text"]
    numbers = [pl.col(field.name).alias(field.source) for field in FIELDS if field.kind != "text"]
    source = read.select(pl.col(ROW_ID).alias("id"), *texts).hstack(rows.select(*numbers, EXTRAS))
    return rows.with_columns(source.to_struct("source"))


def leaving(rows: pl.DataFrame, origin: Origin, form: Form) -> Iterator[Documents]:
    """Documents of readings that leave, each of its own or of a bucket.

    Args:
        rows: As for `readings`, with `BUCKET`.
        origin: Where they come from.
        form: Of the documents.
    """
    alone = pl.col(BUCKET).is_null()
    yield from readings(rows.filter(alone).drop(BUCKET), origin, form.stage)
    together = rows.filter(~alone)
    if not together.is_empty():
        yield from _buckets(together, origin, form.stage)


def holding(rows: pl.DataFrame) -> pl.DataFrame:
    """`id` of the document and `rowId` of each of the readings, which have `id` and `BUCKET`."""
    prefix = pl.col(ID).str.extract(r"^([^-]*)")
    name = pl.when(pl.col(BUCKET).is_null()).then(ID).otherwise(pl.format("{}-b{}", prefix, BUCKET))
    return rows.select(name.alias(ID), ROW_ID)


def descriptions(rows: pl.DataFrame, origin: Origin) -> Iterator[Documents]:
    """One document for each description (see `description.apart`)."""
    name = _description_id(rows, origin)
    return _documents(
        rows.with_columns(name, pl.lit(DESCRIPTION).alias(KIND), ttl=pl.lit(TTL_S)).drop(DESCRIBED), origin
    )


def described_ids(rows: pl.DataFrame, origin: Origin) -> pl.Series:
    """`id` of each description (`description.KEY`)."""
    return rows.select(_description_id(rows, origin))[ID]


def _description_id(rows: pl.DataFrame, origin: Origin) -> pl.Expr:
    return pl.format("{}-d{}", _prefix(rows, origin), DESCRIBED).alias(ID)


def _buckets(rows: pl.DataFrame, origin: Origin, stage: str) -> Iterator[Documents]:
    head = {"city": origin.city, "generation": origin.generation, "schemaVersion": VERSION, "stage": stage}
    for key, group in groupby(pack(_body(rows, stage)), key=lambda item: (item[SENSOR_ID], item[MONTH])):
        items = ({**item, **head} for item in group)
        while some := list(_of_so_many(items, _SLICE_ROWS)):
            sizes = [len(json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode()) for item in some]
            yield Documents((origin.city, *key), some, sizes)


def _of_so_many(buckets: Iterator[dict[str, Any]], readings: int) -> Iterator[dict[str, Any]]:
    """The next buckets, until they have so many readings."""
    for bucket in buckets:
        yield bucket
        readings -= bucket[COUNT]
        if readings <= 0:
            return


def readings(rows: pl.DataFrame, origin: Origin, stage: str) -> Iterator[Documents]:
    """Documents of the rows at a stage of refinement.

    Args:
        rows: Transformed rows with `id` and `month`, and with `source` for the stage `raw`.
        origin: Where they come from.
        stage: Written into each document.
    """
    body = _body(rows, stage)
    written = body.with_columns(pl.col(OBSERVED_AT).dt.strftime(INSTANT), stage=pl.lit(stage))
    return _documents(written, origin)


def _body(rows: pl.DataFrame, stage: str) -> pl.DataFrame:
    """What the documents of a stage say, and `BUCKET` and `PROVISIONAL` where they are there."""
    if stage == "raw":
        names = [ID, SENSOR_ID, MONTH, ROW_ID, OBSERVED_AT, "source"]
        return rows.select(*names, *(name for name in (BUCKET, PROVISIONAL) if name in rows.columns))
    return rows.drop(SOURCE_TIMESTAMP, EXTRAS).with_columns(
        pl.when(flag).then(statement=True).alias(flag) for flag in (TIME_AMBIGUOUS, IS_DUPLICATE)
    )


def anomalies(found: pl.DataFrame, origin: Origin) -> Iterator[Documents]:
    """One document for each alarm (see `detect.alarm.ALARM`)."""
    reading = pl.format("{}-{}", _prefix(found, origin), ROW_ID)
    return _documents(
        found.with_columns(
            pl.format("{}-{}-{}", reading, "measure", "kind").alias(ID),
            reading.alias("readingId"),
            pl.col(OBSERVED_AT).dt.strftime("%Y-%m").alias(MONTH),
            pl.col(OBSERVED_AT).dt.strftime(INSTANT),
        ),
        origin,
    )


def comparisons(found: pl.DataFrame, origin: Origin) -> Iterator[Documents]:
    """One document for each finding of a sensor against others (see `neighbours.FINDING`)."""
    start = pl.col(WINDOW_START)
    name = pl.format("{}-w{}-{}-{}", _prefix(found, origin), start.dt.epoch("s"), "measure", "kind")
    return _documents(
        found.with_columns(
            name.alias(ID),
            start.dt.strftime("%Y-%m").alias(MONTH),
            start.dt.strftime(INSTANT).alias(OBSERVED_AT),
        ).drop(WINDOW_START),
        origin,
    )


def aggregates(windows: pl.DataFrame, origin: Origin, window_s: int) -> Iterator[Documents]:
    """One document for each window (see `transform.aggregate.summarize`)."""
    start = pl.col(WINDOW_START)
    return _documents(
        windows.with_columns(
            pl.format("{}-w{}", _prefix(windows, origin), start.dt.epoch("s")).alias(ID),
            start.dt.strftime("%Y-%m").alias(MONTH),
            start.dt.strftime(INSTANT),
            windowSeconds=pl.lit(window_s),
        ),
        origin,
    )


def _prefix(rows: pl.DataFrame, origin: Origin) -> pl.Expr:
    sensors = rows[SENSOR_ID].unique()
    prefixes = [origin.prefix(sensor) for sensor in sensors]
    return pl.col(SENSOR_ID).replace_strict(sensors, prefixes, return_dtype=pl.String)


def _documents(rows: pl.DataFrame, origin: Origin) -> Iterator[Documents]:
    if rows.is_empty():
        return
    head = [
        pl.lit(origin.city).alias("city"),
        pl.lit(origin.generation).alias("generation"),
        pl.lit(VERSION).alias("schemaVersion"),
    ]
    whole = rows.with_columns(head)
    known = whole.select(column for column in whole if column.null_count() < len(column))
    sized = known.with_columns(_size(known)).sort(SENSOR_ID, MONTH, maintain_order=True)
    for part in sized.iter_slices(_SLICE_ROWS):
        pairs = zip(_items(part.drop(_SIZE)), part[_SIZE].to_list(), strict=True)
        for key, group in groupby(pairs, key=lambda pair: (pair[0][SENSOR_ID], pair[0][MONTH])):
            items, sizes = zip(*group, strict=True)
            yield Documents((origin.city, *key), list(items), list(sizes))


def _size(rows: pl.DataFrame) -> pl.Series:
    """Bytes of each row as JSON, without the nulls that Polars' encoder writes, also those in structs."""
    encoded = rows.select(pl.struct(pl.all()).struct.json_encode()).to_series()
    exponents = encoded.str.count_matches("e-", literal=True)  # 1e-7 here, 1e-07 there
    size = encoded.str.len_bytes() + exponents - _null_bytes(rows)
    for column in rows:
        if column.dtype == pl.Struct and len(rows):
            inner = column.struct.unnest()
            commas = inner.select(pl.all_horizontal(pl.all().is_null())).to_series()  # one less than fields
            size -= (_null_bytes(inner) - commas) * column.is_not_null()
    return size.alias(_SIZE)


def _null_bytes(rows: pl.DataFrame) -> pl.Series:
    """What nulls take of each row, each with the comma after it."""
    nulls = (pl.col(c.name).is_null() * len(json.dumps(c.name) + ":null,") for c in rows if c.null_count())
    return rows.select(pl.sum_horizontal(pl.lit(0), *nulls).cast(pl.Int64)).to_series()


def _items(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """The rows as objects without nulls, also without those that are in structs."""
    names = rows.columns
    return [
        {name: value for name, value in zip(names, row, strict=True) if value is not None}
        for row in zip(*(_values(column) for column in rows), strict=True)
    ]


def _values(column: pl.Series) -> list[Any]:
    values = column.to_list()
    if column.dtype != pl.Struct:
        return values
    return [value and {part: inner for part, inner in value.items() if inner is not None} for value in values]
