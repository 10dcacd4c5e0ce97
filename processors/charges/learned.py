"""What documents of a container cost to insert, replace or delete, learned from what was charged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import polars as pl

from processors.charges.spent import DELETE, INSERT, REPLACE, Spent

GAP = 1.25
"""Between two sizes that were charged a charge is interpolated, if one is at most so many times the other. Over the
published charges (https://learn.microsoft.com/azure/cosmos-db/understand-request-unit-consumption) this is off by 2 %
at most, where they bend most, at 2 KB."""

ALIKE = 1.25
"""Charges that differ by so much at most bound what is between their sizes, however far apart these are."""

NEAR = 0.05
"""A size that is so near to one that was charged is charged the same."""

_KEYS: dict[str, pl.DataType] = {
    "endpoint": pl.String(),
    "database": pl.String(),
    "container": pl.String(),
    "policy": pl.String(),
    "operation": pl.String(),
    "shape": pl.String(),
    "step": pl.Int64(),
}
_SUMS: dict[str, pl.DataType] = {"documents": pl.Int64(), "bytes": pl.Int64(), "requestUnits": pl.Float64()}
_AT: dict[str, pl.DataType] = {"at": pl.Datetime("us", "UTC")}

SCHEMA = pl.Schema({**_KEYS, **_SUMS, **_AT})
"""One row for each account, container, indexing policy (see `policy_of`), operation, shape (see `spent.Kind`) and class
of size: how many documents, their bytes, what they were charged, and when the last of them was."""


def empty() -> pl.DataFrame:
    """Nothing is known."""
    return pl.DataFrame(schema=SCHEMA)


def is_sound(frame: pl.DataFrame) -> bool:
    """Whether a frame is one of `learn`."""
    if frame.schema != SCHEMA or any(column.has_nulls() for column in frame):
        return False
    counted = pl.col("documents").gt(0) & pl.col("bytes").gt(0)
    charged = pl.col("requestUnits").is_finite() & pl.col("requestUnits").gt(0)
    return bool(frame.select((counted & charged).all()).item())


def policy_of(properties: Mapping[str, Any]) -> str:
    """Name of the indexing policy of a container, from its properties: another policy is another charge."""
    policy = json.dumps(properties.get("indexingPolicy"), sort_keys=True)
    return hashlib.sha256(policy.encode()).hexdigest()[:12]


def observed(spent: Spent, *, endpoint: str, database: str, policies: Mapping[str, str], at: datetime) -> pl.DataFrame:
    """What was charged, as rows of `SCHEMA`; without what came to nothing, has no size, or was not charged.

    Args:
        spent: By containers of one account.
        endpoint: Of the account.
        database: Its database.
        policies: Container -> `policy_of` it; what was sent to others is left out.
        at: When, UTC.
    """
    rows = [
        (endpoint, database, kind.container, policies[kind.container], kind.operation, kind.shape, kind.step,
         charge.documents, charge.bytes, charge.request_units, at)
        for kind, charge in spent.by_kind.items()
        if kind.operation in {INSERT, REPLACE, DELETE}
        and kind.container in policies
        and charge.bytes > 0
        and charge.request_units > 0
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def learn(frame: pl.DataFrame, observations: pl.DataFrame) -> pl.DataFrame:
    """Both together, in the order of their keys.

    Args:
        frame: Of `SCHEMA`: what is known.
        observations: Of `SCHEMA`: see `observed`.
    """
    both = pl.concat([frame, observations])
    return both.group_by(*_KEYS).agg(*(pl.col(name).sum() for name in _SUMS), pl.col("at").max()).sort(*_KEYS)


def of_account(
    frame: pl.DataFrame, endpoint: str, database: str, policies: Mapping[str, str] | None = None
) -> pl.DataFrame:
    """The rows of one account, of one indexing policy for each container.

    Args:
        frame: Of `SCHEMA`.
        endpoint: Of the account.
        database: Its database.
        policies: Container -> `policy_of` it; where none is told, the one that was charged last counts.
    """
    own = frame.filter(pl.col("endpoint") == endpoint, pl.col("database") == database)
    newest = own.sort("at").group_by("container").agg(pl.col("policy").last().alias("wanted"))
    told = policies or {}
    wanted = pl.col("container").replace_strict(list(told), list(told.values()), default=None, return_dtype=pl.String)
    chosen = newest.with_columns(pl.coalesce(wanted, "wanted").alias("wanted")) if told else newest
    return own.join(chosen, on="container").filter(pl.col("policy") == pl.col("wanted")).select(frame.columns)


class Learned:
    """What is known of one account's charges.

    Args:
        frame: Of `SCHEMA`, as `of_account` gives it.
    """

    def __init__(self, frame: pl.DataFrame) -> None:
        points = frame.group_by("container", "operation", "shape", "step").agg(
            size=pl.col("bytes").sum() / pl.col("documents").sum(),
            charge=pl.col("requestUnits").sum() / pl.col("documents").sum(),
        )
        self._points = points.sort("size").partition_by("container", "operation", "shape", as_dict=True)

    def charge(self, container: str, operation: str, sizes: pl.Series, shape: str = "") -> pl.Series:
        """Request units of each document; null where nothing near its size was charged.

        On the line between the two nearest sizes that were charged, if these are at most `GAP` apart, or their charges
        `ALIKE`: a larger document is charged no less than a smaller one. Else that of a size within `NEAR`.

        Args:
            container: By the name that it has in the account.
            operation: `INSERT`, `REPLACE` or `DELETE`.
            sizes: Bytes of documents (`model.Documents.sizes`).
            shape: Of all of them.
        """
        points = self._points.get((container, operation, shape))
        if points is None:
            return pl.Series("charge", [None] * len(sizes), pl.Float64)
        size = sizes.cast(pl.Float64)
        after = points["size"].search_sorted(size.fill_null(0.0))
        last = len(points) - 1
        rows = pl.DataFrame({"size": size, "one": (after.cast(pl.Int64) - 1).clip(0, last), "two": after.clip(0, last)})
        ends = rows.select(
            "size",
            *(
                points[name].gather(rows[which]).alias(f"{name}.{which}")
                for which in ("one", "two")
                for name in ("size", "charge")
            ),
        )
        return ends.select(_charge().alias("charge")).to_series()


def _charge() -> pl.Expr:
    size, low, high = pl.col("size"), pl.col("size.one"), pl.col("size.two")
    one, two = pl.col("charge.one"), pl.col("charge.two")
    alike = pl.max_horizontal(one, two) <= pl.min_horizontal(one, two) * ALIKE
    between = size.is_between(low, high) & (high > low) & ((high <= low * GAP) | alike)
    nearest = pl.when((size - low).abs() <= (high - size).abs()).then(pl.struct(low.alias("size"), one.alias("charge")))
    near = nearest.otherwise(pl.struct(high.alias("size"), two.alias("charge")))
    near_size, near_charge = near.struct.field("size"), near.struct.field("charge")
    return (
        pl.when(between)
        .then(one + (two - one) * (size - low) / (high - low))
        .when((size - near_size).abs() <= near_size * NEAR)
        .then(near_charge)
    )
