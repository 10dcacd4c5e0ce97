"""Many readings in one document, and the readings of such a document again: nothing is lost on the way.

    {"id": "<prefix>-b<least row id>", "kind": "bucket", "count": 60, "city": ..., "sensorId": ..., "month": ...,
     "observedAt": the earliest, "lastObservedAt": the latest, "isAnomaly": whether one of them is,
     ...what all of them say alike..., "columns": {"rowId": [...], "offsetUs": [...], "temperatureC": [...], ...}}

A column has a value, or null, for each reading, in the order of their row ids; it wins over what is said beside it.
`offsetUs` is the time of each in microseconds after `observedAt`. Of `source`, what all say alike is beside the columns
too, and the columns are one below, by the source's names. The id of each reading is `<prefix>-<rowId>`, the same that
it has in a document of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from processors.schema import BUCKET, BUCKETED, IS_ANOMALY, KIND, MONTH, OBSERVED_AT, ROW_ID, SENSOR_ID

INSTANT = "%Y-%m-%dT%H:%M:%S%.6fZ"

_ID = "id"
COLUMNS = "columns"
COUNT = "count"
LAST_OBSERVED_AT = "lastObservedAt"
OFFSET_US = "offsetUs"

_OWN = {KIND, COUNT, LAST_OBSERVED_AT, COLUMNS}

_ROWS = 1_000
"""Rows that are Python objects at a time, but for a bucket that has more."""


@dataclass(frozen=True)
class _Said:
    """Something that readings say.

    Attributes:
        column: Its column.
        name: In documents.
        within: The object that it is part of there, None where it stands by itself.
        alike: Column of whether all readings of a bucket say the same.
    """

    column: str
    name: str
    within: str | None

    @property
    def alike(self) -> str:
        return f"!alike {self.column}"


def pack(rows: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """The document of each bucket, without what is of the whole generation; those of one sensor and month together.

    Args:
        rows: Readings with `BUCKET`, `id` and a time as `observedAt`; what they say otherwise is put as it is.
    """
    flat, said = _flat(rows.sort(SENSOR_ID, MONTH, BUCKET, ROW_ID))
    buckets = _buckets(flat, said)
    start = 0
    for part in _parts(buckets):
        readings = flat.slice(start, int(part[COUNT].sum()))
        start += len(readings)
        columns = {each.column: readings[each.column].to_list() for each in said}
        offsets_us = _offsets_us(readings, part).to_list()
        end = 0
        for bucket in part.iter_rows(named=True):
            begin, end = end, end + bucket[COUNT]
            yield _document(bucket, said, columns, offsets_us, slice(begin, end))


def _flat(rows: pl.DataFrame) -> tuple[pl.DataFrame, list[_Said]]:
    """The rows without structs, and what they say."""
    said, columns = [], []
    for column in rows.drop(SENSOR_ID, MONTH, BUCKET, _ID, OBSERVED_AT):
        if column.dtype == pl.Struct:
            parts = column.struct.unnest()
            columns += [part.alias(f"{column.name} {part.name}") for part in parts]
            said += [_Said(f"{column.name} {part.name}", part.name, column.name) for part in parts]
        else:
            columns.append(column)
            said.append(_Said(column.name, column.name, None))
    return rows.select(SENSOR_ID, MONTH, BUCKET, _ID, OBSERVED_AT).hstack(columns), said


def _buckets(flat: pl.DataFrame, said: list[_Said]) -> pl.DataFrame:
    """What is known of each bucket, in the order of the rows."""
    key = pl.struct(SENSOR_ID, MONTH, BUCKET)
    numbered = flat.with_columns(key.rle_id().alias("!number"))
    goes_on = pl.col("!number") == pl.col("!number").shift(1)
    alike = ((~_moves(flat.schema[each.column], each.column) | ~goes_on).alias(each.alike) for each in said)
    earliest, latest = pl.col(OBSERVED_AT).min(), pl.col(OBSERVED_AT).max()
    return (
        numbered.with_columns(alike)
        .group_by("!number", maintain_order=True)
        .agg(
            pl.col(SENSOR_ID, MONTH, BUCKET, _ID).first(),
            earliest.dt.strftime(INSTANT),
            earliest.alias("!begin"),
            latest.dt.strftime(INSTANT).alias(LAST_OBSERVED_AT),
            pl.len().alias(COUNT),
            pl.col([each.alike for each in said]).all(ignore_nulls=True),
        )
    )


def _moves(dtype: pl.DataType, name: str) -> pl.Expr:
    """Whether a value is another than that of the row before; for a zero its sign counts, which == does not see."""
    value = pl.col(name)
    moves = value.ne_missing(value.shift(1))
    if dtype.is_float():
        moves |= (value == 0) & (1 / value).ne_missing(1 / value.shift(1))
    return moves


def _parts(buckets: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The buckets, as many at a time as have `_ROWS` rows, or one."""
    number = (pl.col(COUNT).cum_sum() - 1) // _ROWS
    yield from buckets.with_columns(number.alias("!part")).partition_by("!part", maintain_order=True)


def _offsets_us(readings: pl.DataFrame, buckets: pl.DataFrame) -> pl.Series:
    begin = buckets["!begin"].repeat_by(buckets[COUNT]).explode()
    return (readings[OBSERVED_AT] - begin).dt.total_microseconds()


def _document(
    bucket: Mapping[str, Any],
    said: list[_Said],
    columns: Mapping[str, list[Any]],
    offsets_us: list[int],
    place: slice,
) -> dict[str, Any]:
    beside: dict[str, Any] = {}
    below: dict[str, Any] = {}
    for each in said:
        values = columns[each.column]
        if each.column == ROW_ID or not bucket[each.alike]:
            _within(below, each.within)[each.name] = values[place]
        elif (value := values[place.start]) is not None:
            _within(beside, each.within)[each.name] = value
    if IS_ANOMALY in below:
        beside[IS_ANOMALY] = True in below[IS_ANOMALY]
    return {
        _ID: f"{bucket[_ID].partition('-')[0]}-b{bucket[BUCKET]}",
        SENSOR_ID: bucket[SENSOR_ID],
        MONTH: bucket[MONTH],
        KIND: BUCKETED,
        COUNT: bucket[COUNT],
        OBSERVED_AT: bucket[OBSERVED_AT],
        LAST_OBSERVED_AT: bucket[LAST_OBSERVED_AT],
        **beside,
        COLUMNS: {ROW_ID: below.pop(ROW_ID), OFFSET_US: offsets_us[place], **below},
    }


def _within(item: dict[str, Any], name: str | None) -> dict[str, Any]:
    part: dict[str, Any] = item if name is None else item.setdefault(name, {})
    return part


def unpack(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The readings of a document, in the order of their row ids, each as it would be in a document of its own.

    A document that is no bucket is its own only reading.

    Raises:
        ValueError: It says that it is a bucket and does not have the parts of one.
    """
    if item.get(KIND) != BUCKETED:
        return [dict(item)]
    try:
        return _unpacked(item)
    except (KeyError, TypeError, AttributeError, OverflowError, ValueError) as exc:
        raise ValueError(f"the bucket {item.get(_ID)} does not have the parts of one: {exc!r}") from exc


def _unpacked(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    columns = item[COLUMNS]
    prefix = item[_ID].partition("-")[0]
    begin = datetime.fromisoformat(item[OBSERVED_AT])
    plain = {name: values for name, values in columns.items() if name != OFFSET_US and isinstance(values, list)}
    nested = {name: _rows(values, len(columns[ROW_ID])) for name, values in columns.items() if isinstance(values, dict)}
    shared = {name: value for name, value in item.items() if name not in _OWN and name not in plain}
    readings = [
        {**shared, _ID: f"{prefix}-{said[ROW_ID]}", OBSERVED_AT: _instant(begin, offset_us), **said}
        for said, offset_us in zip(_rows(plain, len(columns[ROW_ID])), columns[OFFSET_US], strict=True)
    ]
    for name in {*nested, *(name for name, value in shared.items() if isinstance(value, dict))}:
        beside = shared.get(name, {})
        for number, reading in enumerate(readings):
            reading[name] = {**beside, **(nested[name][number] if name in nested else {})}
    return readings


def _rows(columns: Mapping[str, list[Any]], count: int) -> list[dict[str, Any]]:
    """What each of so many readings says, without nulls."""
    if not columns:
        return [{} for _ in range(count)]
    if any(len(values) != count for values in columns.values()):
        raise TypeError(f"not each column has {count} values")
    return [
        {name: value for name, value in zip(columns, values, strict=True) if value is not None}
        for values in zip(*columns.values(), strict=True)
    ]


def _instant(begin: datetime, offset_us: int) -> str:
    at = (begin + timedelta(microseconds=offset_us)).replace(tzinfo=None)
    return at.isoformat(timespec="microseconds") + "Z"
