"""SQLite's freely typed values as typed columns: what fits, and beside it the text of what does not.

A column is read in one of two ways. Whole: one expression, for a page whose values all have the type that
the column should have. Apart: an expression for each storage class, exact for any values.

No expression gives text: ADBC hands text over unchecked, and Polars panics on text that is not UTF-8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import polars as pl

from processors.schema import MAX_EXACT_INTEGER
from processors.source.columns import Column

HEX = "hex:"
"""Prefix of bytes that are not text."""

_PARTS = {"integer": pl.Int64(), "real": pl.Float64(), "text": pl.Binary(), "blob": pl.Binary()}
_DTYPES = {"integer": pl.Int64(), "real": pl.Float64(), "text": pl.String()}


@dataclass(frozen=True)
class Cells:
    """A column of a page.

    Attributes:
        main: Values that fit, null elsewhere.
        odd: Text of those that do not, null elsewhere; None or all null when there are none.
    """

    main: pl.Series
    odd: pl.Series | None = None


def reads_apart(column: Column, encoding: str) -> bool:
    """Whether the column's declaration already says that it cannot be read whole."""
    if column.kind == "text":
        return column.affinity != "TEXT" or encoding != "utf-8"
    return column.affinity == "TEXT"


def whole(column: Column) -> str:
    """Expression that reads the column whole."""
    return f"CAST({column.sql} AS BLOB)" if column.kind == "text" else column.sql


def apart(column: Column) -> list[str]:
    """Expressions that read the column apart, one for each storage class."""
    value = column.sql
    return [
        f"CASE typeof({value}) WHEN '{part}' THEN {f'CAST({value} AS BLOB)' if part == 'text' else value} END"
        for part in _PARTS
    ]


def from_whole(column: Column, raw: pl.Series) -> Cells | None:
    """The column, or None when a value needs the column to be read apart."""
    if column.kind == "text":
        text, hexed = _decoded(_typed(raw, pl.Binary()), "utf-8")
        return Cells(text, hexed) if column.known else Cells(_first(text, hexed))
    if raw.null_count() < len(raw):
        if raw.dtype not in {pl.Int64, pl.Float64} or (column.kind == "integer" and raw.dtype == pl.Float64):
            return None
        if column.kind == "real" and column.affinity != "REAL" and _reaches(raw, MAX_EXACT_INTEGER):
            return None  # an integer among reals is a double by now, and may have lost digits
    return Cells(_typed(raw, _DTYPES[column.kind]))


def from_apart(column: Column, parts: Sequence[pl.Series], encoding: str) -> Cells:
    """The column, whatever its values are."""
    integer, real, texts, blobs = (_typed(part, dtype) for part, dtype in zip(parts, _PARTS.values(), strict=True))
    text, text_hex = _decoded(texts, encoding)
    if column.kind == "text" and not column.known and column.affinity != "TEXT":
        blob, blob_hex = _hexed(blobs), None
    else:
        blob, blob_hex = _decoded(blobs, "utf-8")
    if column.kind == "text":
        main = _first(text, integer.cast(pl.String), _repr(real), blob)
        return Cells(main, _first(text_hex, blob_hex)) if column.known else Cells(_first(main, text_hex, blob_hex))
    if column.kind == "integer":
        exact, rest = _exactly(real, pl.Int64())
        return Cells(_first(integer, exact), _first(_repr(rest), text, text_hex, blob, blob_hex))
    exact, rest = _exactly(integer, pl.Float64())
    return Cells(_first(real, exact), _first(rest.cast(pl.String), text, text_hex, blob, blob_hex))


def _decoded(raw: pl.Series, encoding: str) -> tuple[pl.Series, pl.Series | None]:
    """Bytes as text, and as hexadecimal digits those that are not text."""
    if encoding == "utf-8":
        try:
            return raw.cast(pl.String), None
        except pl.exceptions.PolarsError:
            pass  # one value is not UTF-8, and the cast does not say which
    texts = [None if value is None else _text(value, encoding) for value in raw]
    text = pl.Series(raw.name, texts, pl.String)
    return text, _hexed(raw.zip_with(text.is_null(), _nulls(raw, pl.Binary())))


def _text(value: bytes, encoding: str) -> str | None:
    try:
        return value.decode(encoding)
    except UnicodeDecodeError:
        return None


def _hexed(raw: pl.Series) -> pl.Series:
    return (HEX + raw.bin.encode("hex")).alias(raw.name)


def _repr(real: pl.Series) -> pl.Series:
    """Shortest text that reads back as the same double, by Python: no version of Polars changes it."""
    if real.null_count() == len(real):
        return _nulls(real, pl.String())
    return pl.Series(real.name, [None if value is None else repr(value) for value in real], pl.String)


def _exactly(numbers: pl.Series, dtype: pl.DataType) -> tuple[pl.Series, pl.Series]:
    """Numbers that the other type holds without loss, in that type, and the rest as they were."""
    cast = numbers.cast(dtype, strict=False)
    same = (cast.cast(numbers.dtype, strict=False) == numbers).fill_null(value=False)
    return cast.zip_with(same, _nulls(numbers, dtype)), numbers.zip_with(~same, _nulls(numbers, numbers.dtype))


def _reaches(numbers: pl.Series, bound: int) -> bool:
    low, high = numbers.min(), numbers.max()
    return isinstance(low, int | float) and isinstance(high, int | float) and (low <= -bound or high >= bound)


@overload
def _first(series: pl.Series, *others: pl.Series | None) -> pl.Series: ...
@overload
def _first(series: None, *others: pl.Series | None) -> pl.Series | None: ...
def _first(series: pl.Series | None, *others: pl.Series | None) -> pl.Series | None:
    """Of each row the first value that is not null."""
    for other in others:
        if series is None:
            series = other
        elif other is not None and series.null_count():
            series = series.zip_with(series.is_not_null(), other)
    return series


def _typed(series: pl.Series, dtype: pl.DataType) -> pl.Series:
    """The series; one without values has no type of its own when it comes from SQLite."""
    return _nulls(series, dtype) if series.null_count() == len(series) else series.cast(dtype)


def _nulls(like: pl.Series, dtype: pl.DataType) -> pl.Series:
    return pl.Series(like.name, [None], dtype).new_from_index(0, len(like))
