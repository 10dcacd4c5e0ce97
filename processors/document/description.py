"""What a sensor is, said once: in a document of its own, which readings name instead of saying it each.

    {"id": "<prefix>-d<name>", "kind": "description", "ttl": -1, "city": ..., "sensorId": ..., "month": ...,
     "model": "EnvMonitor", "location": "Denver", ...}

A reading, or a bucket, that is described so says `"described": "<name>"`. The name follows from what is said and from
the month: a description is in the partition of the readings that name it. What may change from reading to reading
without the sensor being another one (`STATES`) stays with the reading.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from processors.schema import DESCRIPTIONS, KIND, MONTH, SENSOR_ID

DESCRIBED = "described"

STATES = ("statusCode", "anomalyFlag", "anomalyType")
"""Of `schema.DESCRIPTIONS`, what readings say themselves."""

NAMES = tuple(field.name for field in DESCRIPTIONS if field.name not in STATES)

KEY = (SENSOR_ID, MONTH, DESCRIBED)
"""What tells one description of a generation from another."""

OWN = frozenset({"id", KIND, "ttl"})
"""What the document of a description says of itself."""

TTL_S = -1
"""It never expires by the container's default: readings of the same month that name it come later."""


def apart(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows with `described`, null where there is nothing to say, and the descriptions: `KEY` and what they say.

    Args:
        rows: Readings as they leave, at the stage `schematized` or `sanitized`; they keep what they say.
    """
    names = [name for name in NAMES if name in rows.columns]
    numbers = [name for name in names if rows.schema[name].is_float()]
    known = rows.with_columns(pl.when(pl.col(name) == 0).then(0.0).otherwise(name).alias(name) for name in numbers)
    place = [SENSOR_ID, MONTH, *names]
    distinct = known.select(place).unique(maintain_order=True)
    named = [_name(each) for each in distinct.iter_rows(named=True)]
    distinct = distinct.with_columns(pl.Series(DESCRIBED, named, pl.String))
    described = known.select(place).join(distinct, on=place, how="left", nulls_equal=True, maintain_order="left")
    return rows.with_columns(described[DESCRIBED]), distinct.drop_nulls(DESCRIBED)


def shortened(rows: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    """The rows of `apart` without what the descriptions in `kept` (`KEY`) say for them; others say it themselves."""
    there = kept.select(KEY).with_columns(pl.lit(value=True).alias("!there"))
    joined = rows.join(there, on=KEY, how="left", maintain_order="left")
    told = pl.col("!there").is_not_null()
    names = [name for name in (*NAMES, DESCRIBED) if name in rows.columns]
    return joined.with_columns(
        pl.when(told if name == DESCRIBED else ~told).then(name).alias(name) for name in names
    ).drop("!there")


def describe(reading: Mapping[str, Any], descriptions: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The reading as it would be if it said all itself; as it is, where its description is not there.

    Args:
        reading: Of `unpack`.
        descriptions: Documents of descriptions by id.
    """
    name = described_by(reading)
    told = None if name is None else descriptions.get(name)
    if told is None:
        return dict(reading)
    said = {name: value for name, value in told.items() if name not in OWN}
    return {**said, **{name: value for name, value in reading.items() if name != DESCRIBED}}


def described_by(reading: Mapping[str, Any]) -> str | None:
    """Id of the description that a reading or a bucket names, None where it names none."""
    if not isinstance(named := reading.get(DESCRIBED), str):
        return None
    return f"{str(reading['id']).partition('-')[0]}-d{named}"


def name_of(item: Mapping[str, Any]) -> str | None:
    """The name of the document of a description by what it says, None where it says nothing; JSON has 1.0 as 1, too."""
    real = {field.name for field in DESCRIPTIONS if field.kind == "real"}
    said = {name: item[name] for name in NAMES if name in item}
    whole = {name for name, value in said.items() if name in real and type(value) is int}
    return _name({MONTH: item.get(MONTH), **said, **{name: float(said[name]) for name in whole}})


def _name(row: Mapping[str, Any]) -> str | None:
    """80 bits of SHA-256 over what is said and the month, None where nothing is said."""
    said = {name: value for name, value in row.items() if name not in (SENSOR_ID, MONTH) and value is not None}
    if not said:
        return None
    digest = hashlib.sha256(json.dumps([row[MONTH], said], sort_keys=True).encode()).digest()
    return base64.b32encode(digest[:10]).decode().lower()
