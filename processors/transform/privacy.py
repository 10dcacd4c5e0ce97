"""What must not leave the node as it is: coordinates are rounded, named columns are dropped or hashed."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Any

import polars as pl


@dataclass(frozen=True)
class Privacy:
    """What to hide.

    Attributes:
        coordinate_decimals: Decimals that latitude and longitude keep; two are about a kilometre.
        drop: Document fields that do not leave.
        hash: Document fields that leave as a keyed hash, equal for equal values.
        hash_key: Key of the hash; not empty when `hash` names a field.
    """

    coordinate_decimals: int = 2
    drop: tuple[str, ...] = ()
    hash: tuple[str, ...] = ()
    hash_key: bytes = field(default=b"", repr=False)

    def document(self) -> dict[str, Any]:
        """What is hidden and how, as JSON; never the key."""
        return {"decimals": self.coordinate_decimals, "drop": sorted(self.drop), "hash": sorted(self.hash)}


def sanitize(rows: pl.DataFrame, privacy: Privacy) -> pl.DataFrame:
    """The rows without what must not leave; a dropped column is gone, a hashed one is text."""
    rounded = [name for name in ("latitude", "longitude") if name not in privacy.hash]
    return rows.with_columns(
        pl.col(rounded).round(privacy.coordinate_decimals),
        *(_hashed(rows[name], privacy.hash_key) for name in privacy.hash),
    ).drop(privacy.drop)


def _hashed(values: pl.Series, key: bytes) -> pl.Series:
    """HMAC-SHA-256 of each value as text, the first 128 bits in hexadecimal; null stays null.

    Hashed once for each distinct value: descriptions repeat from row to row.
    """
    text = values.cast(pl.String)
    distinct = text.drop_nulls().unique()
    digests = [hmac.new(key, value.encode(), hashlib.sha256).hexdigest()[:32] for value in distinct]
    return text.replace_strict(distinct, digests, default=None, return_dtype=pl.String).alias(values.name)
