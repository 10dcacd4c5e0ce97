"""What documents of a container cost to insert, replace or delete, learned from what was charged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from processors.charges.spent import DELETE, INSERT, REPLACE, Spent

GAP = 1.25
"""Between two sizes that were charged a charge is interpolated, if one is at most so many times the other. Over the
published charges (https://learn.microsoft.com/azure/cosmos-db/understand-request-unit-consumption) this is off by 2 %
at most, where they bend most, at 2 KB."""

NEAR = 0.05
"""A size that is so near to one that was charged is charged the same."""

_KEYS: dict[str, pl.DataType] = {
    "endpoint": pl.String(),
    "database": pl.String(),
    "container": pl.String(),
    "policy": pl.String(),
    "operation": pl.String(),
    "step": pl.Int64(),
}
_SUMS: dict[str, pl.DataType] = {"documents": pl.Int64(), "bytes": pl.Int64(), "requestUnits": pl.Float64()}
_AT: dict[str, pl.DataType] = {"at": pl.Datetime("us", "UTC")}

SCHEMA = pl.Schema({**_KEYS, **_SUMS, **_AT})
"""One row for each account, container, indexing policy (see `policy_of`), operation and class of size: how many
documents, their bytes, what they were charged, and when the last of them was."""


@dataclass(frozen=True)
class Place:
    """Where documents were sent.

    Attributes:
        endpoint: Of the account.
        database: Its database.
        policies: Container -> name of its indexing policy.
    """

    endpoint: str
    database: str
    policies: Mapping[str, str]


def empty() -> pl.DataFrame:
    """Nothing is known."""
    return pl.DataFrame(schema=SCHEMA)


def is_sound(frame: pl.DataFrame) -> bool:
    """Whether a frame is one of `learn`."""
    if frame.schema != SCHEMA or frame.null_count().sum_horizontal().sum():
        return False
    counted = pl.col("documents").gt(0) & pl.col("bytes").gt(0)
    charged = pl.col("requestUnits").is_finite() & pl.col("requestUnits").gt(0)
    return bool(frame.select((counted & charged).all()).item())


def observed(spent: Spent, place: Place, at: datetime) -> pl.DataFrame:
    """What was charged, as rows of `SCHEMA`; without what came to nothing, has no size or was not charged."""
    rows = [
        (*_of(place, kind.container), kind.operation, kind.step, *_sums(charge), at)
        for kind, charge in spent.by_kind.items()
        if kind.operation in (INSERT, REPLACE, DELETE) and charge.bytes > 0 and charge.request_units > 0
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")
