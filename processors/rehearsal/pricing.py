"""What documents that were counted would be charged, by what was charged before; nothing else is known of charges."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from processors.charges import INSERT, REPLACE, Learned

UNPRICED_SHARE = 0.01
"""Of the bytes of all documents, those whose charge is not known: so few do not matter, and what they would cost is
left out. By bytes, for a large document is charged as much as many small ones."""


@dataclass(frozen=True)
class Priced:
    """Writes of a container.

    Attributes:
        container: Its name.
        inserts: Documents.
        replaces: Likewise.
        bytes: Of all of them.
        request_units: Without what is not known; None where that is more than `UNPRICED_SHARE`, of this container
            and of all, and where no charge of this container is known.
        unpriced: Documents whose charge is not known.
    """

    container: str
    inserts: float
    replaces: float
    bytes: float
    request_units: float | None
    unpriced: float


def charged(writes: pl.DataFrame, learned: Learned) -> pl.DataFrame:
    """The writes (`counting.WRITES`) with `charge`, the request units of each document; null where not known.

    A charge that is not known is one on the line between those of the next smaller and the next larger document of
    the plan that is done the same to and whose charges are known, as for buckets that are not full; none is taken
    beyond them.
    """
    parts = [
        _charged(part.sort("size"), learned)
        for part in writes.partition_by("container", "operation", "shape", include_key=True)
    ]
    return pl.concat(parts) if parts else writes.with_columns(pl.lit(None, pl.Float64).alias("charge"))


def _charged(part: pl.DataFrame, learned: Learned) -> pl.DataFrame:
    """The same for documents of one container, operation and shape, in the order of their sizes."""
    container, operation, shape = part.select("container", "operation", "shape").row(0)
    charge = learned.charge(container, operation, part["size"], shape).alias("charge")
    return part.with_columns(charge).with_columns(pl.col("charge").interpolate_by("size"))


def price(writes: pl.DataFrame, learned: Learned) -> dict[str, Priced]:
    """Container -> what is written to it, in the order of the containers' names.

    Args:
        writes: Of `counting.WRITES`.
        learned: What was charged before.
    """
    documents = pl.col("documents")
    size = documents * pl.col("size")
    unknown = pl.col("charge").is_null()
    rows = (
        charged(writes, learned)
        .group_by("container")
        .agg(
            documents.filter(pl.col("operation") == INSERT).sum().alias("inserts"),
            documents.filter(pl.col("operation") == REPLACE).sum().alias("replaces"),
            size.sum().alias("bytes"),
            (documents * pl.col("charge")).sum().alias("request_units"),
            documents.filter(unknown).sum().alias("unpriced"),
            size.filter(unknown).sum().alias("unpriced_bytes"),
            unknown.all().alias("nothing"),
        )
        .sort("container")
    )
    few = float(rows["unpriced_bytes"].sum()) <= UNPRICED_SHARE * float(rows["bytes"].sum())
    is_known = ~pl.col("nothing") & (few | (pl.col("unpriced_bytes") <= UNPRICED_SHARE * pl.col("bytes")))
    told = rows.with_columns(pl.when(is_known).then("request_units"))
    return {row["container"]: Priced(**row) for row in told.drop("unpriced_bytes", "nothing").rows(named=True)}
