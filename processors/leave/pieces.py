"""Buckets that are too large for a document, or that Cosmos has refused, in pieces.

Where a bucket parts follows from its row ids alone, as in a trie of their bits. So readings that come later part no
piece elsewhere, and what an open bucket has left in Cosmos is replaced, piece by piece, by what the full one becomes.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from processors.schema import BUCKET, EXTRAS, PROVISIONAL, ROW_ID, SENSOR_ID

MOST_BYTES = 1_900_000
"""Readings of a piece as JSON, at most, unless it has only one; an item may have 2 MiB
(https://learn.microsoft.com/azure/cosmos-db/concepts-limits), and the rest is for what a bucket says of itself."""

_NUMBER_BYTES = 26
"""A number with its comma: `-1.7976931348623157e+308`."""

_HASHED_BYTES = 36
"""A text with its quotes and comma, at least: it may leave as a hash instead (`transform.privacy`)."""

_ESCAPED_BYTES = 6
"""A byte of a text as JSON, at most: `\\u0000`."""

_KEY = [SENSOR_ID, BUCKET]
_COST = "!cost"


def split(rows: pl.DataFrame, raw: bool, most_bytes: int = MOST_BYTES) -> pl.DataFrame:
    """The rows with `BUCKET` of the piece that each is in, none larger than a document may be.

    Sizes are those before privacy, taken so that no setting of it makes the pieces others.

    Args:
        rows: Readings that leave, with `BUCKET`.
        raw: Whether they leave as they were read.
        most_bytes: Of a piece.
    """
    unsaid = [PROVISIONAL] if raw else [PROVISIONAL, EXTRAS]  # one that waits is as large as when it leaves
    said = rows.drop(unsaid, strict=False)
    if said.is_empty() or said[BUCKET].null_count() == len(said):
        return rows
    totals = rows.select(_KEY).with_columns(_bytes(said, None).alias(_COST)).group_by(_KEY).agg(pl.sum(_COST))
    large = totals.filter(pl.col(BUCKET).is_not_null(), pl.col(_COST) > most_bytes).select(_KEY)
    if large.is_empty():
        return rows
    pieces = rows.join(large, on=_KEY, how="semi")
    others = rows.join(large, on=_KEY, how="anti", nulls_equal=True)
    pieces = pieces.with_columns(_bytes(pieces.drop(unsaid, strict=False), r"[^ -~]|[\"\\]").alias(_COST))
    done = [others]
    while not pieces.is_empty():
        over = (pl.sum(_COST).over(_KEY) > most_bytes) & (pl.len().over(_KEY) > 1)
        done.append(pieces.filter(~over).drop(_COST))
        pieces = halved(pieces.filter(over))
    return pl.concat(done)


def halved(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of pieces of two readings or more, each piece as two."""
    ends = rows.group_by(_KEY).agg(pl.col(ROW_ID).min().alias("first"), pl.col(ROW_ID).max().alias("last"))
    middles = [_middle(first, last) for first, last in ends.select("first", "last").rows()]
    parted = rows.join(ends.select(*_KEY, pl.Series("!middle", middles, pl.Int64)), on=_KEY, maintain_order="left")
    later = pl.col(ROW_ID) >= pl.col("!middle")
    return parted.with_columns(pl.col(ROW_ID).min().over(SENSOR_ID, BUCKET, later).alias(BUCKET)).drop("!middle")


def _middle(first: int, last: int) -> int:
    """Where the trie parts the ids from `first` to `last`, which differ: the least that may be in the second part."""
    if first < 0 <= last:
        return 0
    bit = (first ^ last).bit_length() - 1
    return last >> bit << bit


def _bytes(said: pl.DataFrame, escaped: str | None) -> pl.Series:
    """What the rows take at most; without a pattern of what is escaped, as if all of each text were."""
    return said.select(pl.sum_horizontal(_column_bytes(said, escaped))).to_series()


def _column_bytes(said: pl.DataFrame, escaped: str | None) -> Iterable[pl.Expr]:
    for name, dtype in said.schema.items():
        if isinstance(dtype, pl.Struct):
            inner = said[name].struct.unnest()
            yield pl.lit(_bytes(inner, escaped))
        elif dtype == pl.String:
            text = pl.col(name)
            length = text.str.len_bytes().cast(pl.Int64)
            more = length if escaped is None else text.str.count_matches(escaped).cast(pl.Int64)
            size = length + (_ESCAPED_BYTES - 1) * more
            yield pl.max_horizontal(size.fill_null(0), _HASHED_BYTES)
        else:
            yield pl.lit(_NUMBER_BYTES)
