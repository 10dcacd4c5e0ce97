"""Casts rows as read to the contract: valid rows, and rejects with the names of the rules they broke.

Null is never 0.0 and never "now"; NaN becomes null here, once. A rule is a named expression that is true where
a row breaks it; its name says what should have held.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from processors import timestamps
from processors.schema import (
    COLUMNS,
    EXTRA,
    EXTRAS,
    FIELDS,
    MAX_EXACT_INTEGER,
    OBSERVED_AT,
    ODD,
    READING,
    REQUIRED,
    ROW_ID,
    SENSOR,
    TIME_AMBIGUOUS,
    TIMESTAMP,
    Field,
)

EARLIEST = pl.datetime(2000, 1, 1, time_zone="UTC")
LATEST = pl.datetime(2100, 1, 1, time_zone="UTC")
"""A reading from outside these years comes from a clock that was never set."""

MAX_SENSOR_ID_BYTES = 1_024
"""A third of what three key levels share (2,048 bytes in all) is left for city and month.

https://learn.microsoft.com/azure/cosmos-db/concepts-limits#per-item-limits
"""

FINITE = (-1e300, 1e300)
"""Bounds of a column that has no narrower ones: JSON has no infinity."""


@dataclass(frozen=True)
class Conformed:
    """What became of a page of rows.

    Attributes:
        valid: Columns of `schema.READING`, in id order.
        rejects: `rowId`, `rules` (list of names, never empty), `odd` (list of `column=text` for values that do
            not fit their column) and `row` (JSON object of the row as read).
    """

    valid: pl.DataFrame
    rejects: pl.DataFrame


def conform(rows: pl.DataFrame, *, default_zone: str) -> Conformed:
    """Rows of the contract's types, and the rows that cannot be.

    Args:
        rows: A page as `source.Source.page` gives it.
        default_zone: IANA zone of time stamps that say none.
    """
    rows = _with_companions(rows)
    parsed = timestamps.parse(rows[TIMESTAMP.source], rows["original_timezone"], default_zone)
    cast = rows.with_columns(
        parsed["instant"].alias(OBSERVED_AT),
        parsed["ambiguous"].alias(TIME_AMBIGUOUS),
        *(pl.col(required.source).alias(required.name) for required in REQUIRED),
        *(_value(field).alias(field.name) for field in FIELDS),
        _extras(rows.schema).alias(EXTRAS),
    )
    broken = cast.select(pl.any_horizontal(*RULES.values())).to_series()
    return Conformed(
        valid=cast.filter(~broken).select(*READING),
        rejects=_rejects(cast.filter(broken), rows.schema),
    )


def _with_companions(rows: pl.DataFrame) -> pl.DataFrame:
    """The page with a companion for every column, so that no expression depends on what else is on the page."""
    names = [*(field.source for field in COLUMNS), *(n for n in rows.columns if _is_extra(n))]
    missing = [name + ODD for name in names if name + ODD not in rows.columns]
    return rows.with_columns(pl.lit(None, pl.String).alias(name) for name in missing)


def _is_extra(name: str) -> bool:
    return name.startswith(EXTRA) and not name.endswith(ODD)


def _odd(field: Field) -> pl.Expr:
    """The text of what does not fit the column, null where all is well."""
    return pl.col(field.source + ODD)


def _number(field: Field) -> pl.Expr:
    """The number that a column holds as text, null where it is none."""
    return _odd(field).str.strip_chars().cast(field.dtype, strict=False)


def _value(field: Field) -> pl.Expr:
    value = pl.col(field.source)
    if field.kind == "text":
        return value
    value = pl.coalesce(value, _number(field))
    return value.fill_nan(None) + 0.0 if field.kind == "real" else value  # -0.0 == 0.0: which is the least of a window?


def _rules() -> dict[str, pl.Expr]:
    stamp, sensor, observed = pl.col(TIMESTAMP.source), pl.col(SENSOR.source), pl.col(OBSERVED_AT)
    rules = {
        "timestamp_present": stamp.is_null() & _odd(TIMESTAMP).is_null(),
        "timestamp_readable": stamp.is_not_null() & observed.is_null(),
        "timestamp_plausible": (observed < EARLIEST) | (observed >= LATEST),
        "sensor_id_present": (sensor.is_null() & _odd(SENSOR).is_null()) | (sensor.str.strip_chars() == ""),
        "sensor_id_within_1024_bytes": sensor.str.len_bytes() > MAX_SENSOR_ID_BYTES,
    }
    for field in COLUMNS:
        name = field.source
        if field.kind == "text":
            rules[f"{name}_is_utf8"] = _odd(field).is_not_null()
            continue
        rules[f"{name}_is_a_number"] = _odd(field).is_not_null() & _number(field).is_null()
        if field.kind == "real":
            rules[f"{name}_plausible"] = ~pl.col(field.name).is_between(*(field.plausible or FINITE))
        else:
            exact = pl.col(field.name).is_between(-MAX_EXACT_INTEGER, MAX_EXACT_INTEGER)
            rules[f"{name}_exact_as_json_number"] = ~exact
    return {name: rule.fill_null(value=False) for name, rule in rules.items()}


RULES = _rules()
"""Name of what should hold -> expression over a cast page, true where it does not; never null."""


def _extras(present: pl.Schema) -> pl.Expr:
    """Columns that the contract does not know as one JSON object; null when the table has none."""
    names = [name for name in present if _is_extra(name)]
    if not names:
        return pl.lit(None, pl.String)
    plain = [pl.col(name).alias(name.removeprefix(EXTRA)) for name in names]
    odd = [_odd_text(name, present[name]).alias(name.removeprefix(EXTRA) + ODD) for name in names]
    return (
        pl.when(pl.all_horizontal(text.is_null() for text in odd))
        .then(pl.struct(plain).struct.json_encode())
        .otherwise(pl.struct(plain + odd).struct.json_encode())
    )


def _rejects(broken: pl.DataFrame, as_read: pl.Schema) -> pl.DataFrame:
    names = pl.concat_list(pl.when(rule).then(pl.lit(name)) for name, rule in RULES.items())
    odd = pl.concat_list(
        pl.when(text.is_not_null()).then(pl.format("{}={}", pl.lit(name), text))
        for name, text in ((name, _odd_text(name, dtype)) for name, dtype in as_read.items() if not name.endswith(ODD))
    )
    return broken.select(
        ROW_ID,
        rules=names.list.drop_nulls(),
        odd=odd.list.drop_nulls(),
        row=pl.struct(name for name in as_read if not name.endswith(ODD)).struct.json_encode(),
    )


def _odd_text(name: str, dtype: pl.DataType) -> pl.Expr:
    """What JSON cannot say of a column: text that does not fit it, or an infinity."""
    if not dtype.is_float():
        return pl.col(name + ODD)
    infinite = pl.when(pl.col(name).is_infinite()).then(pl.col(name).cast(pl.String))
    return pl.coalesce(pl.col(name + ODD), infinite)
