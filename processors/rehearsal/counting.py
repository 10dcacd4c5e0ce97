"""A sink that only counts: what would be sent, in how many requests, and what of it would take another's place."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from processors.charges import INSERT, REPLACE
from processors.charges.spent import SHAPES, shape_of
from processors.model import Documents, Refusal, Written
from processors.sink import batches
from processors.sink.answer import TOO_LARGE

_GOOD_ID = re.compile(r"[^/\\?#]+")
_LONGEST_ID_BYTES = 1_023
_LONGEST_KEY_BYTES = 2_048
"""Limits of https://learn.microsoft.com/azure/cosmos-db/concepts-limits, with large partition keys."""

WRITES = pl.Schema(
    {
        "container": pl.String(),
        "operation": pl.String(),
        "shape": pl.String(),
        "size": pl.Int64(),
        "documents": pl.Float64(),
    }
)
"""How many documents of a shape (`charges.Kind`) and size are inserted, or take another's place (`charges.INSERT`,
`charges.REPLACE`)."""


@dataclass(frozen=True)
class Partition:
    """A logical partition of a container.

    Attributes:
        documents: Writes.
        bytes: Of them.
    """

    documents: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Counted:
    """What was counted.

    Attributes:
        writes: Of `WRITES`.
        kept_bytes: Container -> bytes of its documents, each once, as it was last written.
        requests: Container -> transactional batches.
        steps: Container and documents of each write, in order; one waits for the other.
        partitions: Container and partition key -> what goes there.
        largest: Container -> bytes of its largest document, also of one that would be refused.
        odd_ids: Container -> documents whose id the service refuses.
        long_keys: Container -> documents with a value of the partition key that it refuses.
    """

    writes: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=WRITES))
    kept_bytes: Mapping[str, int] = field(default_factory=dict)
    requests: Mapping[str, int] = field(default_factory=dict)
    steps: Sequence[tuple[str, int]] = ()
    partitions: Mapping[tuple[str, tuple[str, ...]], Partition] = field(default_factory=dict)
    largest: Mapping[str, int] = field(default_factory=dict)
    odd_ids: Mapping[str, int] = field(default_factory=dict)
    long_keys: Mapping[str, int] = field(default_factory=dict)

    def documents(self, container: str, operation: str | None = None) -> int:
        """Writes of documents, of one operation or of both."""
        rows = self.writes.filter(pl.col("container") == container)
        if operation is not None:
            rows = rows.filter(pl.col("operation") == operation)
        return round(rows["documents"].sum())


@dataclass
class _Kept:
    """Documents of a container, in the order in which they come: 13 bytes each."""

    ids: array[int] = field(default_factory=lambda: array("q"))
    sizes: array[int] = field(default_factory=lambda: array("i"))
    there: dict[int, int] = field(default_factory=dict)
    """Id -> how many had come when it was told that the account has it."""
    shapes: array[int] = field(default_factory=lambda: array("b"))
    """Places in `SHAPES`."""


class Counting:
    """A sink that takes all, and sends nothing.

    Args:
        shown: Is told of each group of documents that are taken, with the container.
    """

    def __init__(self, shown: Callable[[str, Documents], object] = lambda _name, _group: None) -> None:
        self._shown = shown
        self._kept: dict[str, _Kept] = {}
        self._requests: Counter[str] = Counter()
        self._steps: list[tuple[str, int]] = []
        self._partitions: dict[tuple[str, tuple[str, ...]], Partition] = {}
        self._largest: dict[str, int] = {}
        self._odd_ids: Counter[str] = Counter()
        self._long_keys: Counter[str] = Counter()

    def holds(self, container: str, ids: Iterable[str]) -> None:
        """The account has documents of these ids: what has one of them takes its place."""
        kept = self._kept.setdefault(container, _Kept())
        for each in ids:
            kept.there.setdefault(hash(each), len(kept.ids))

    def held(self, container: str, documents: Iterable[Documents]) -> Collection[str]:  # noqa: ARG002 - nobody is asked
        """None: the account is not asked what it has."""
        return ()

    def write(self, container: str, documents: Iterable[Documents]) -> Written:
        """All documents are counted; those that are too large are refused, as by `sink.Sink`."""
        written = Written()
        kept = self._kept.setdefault(container, _Kept())
        for group in documents:
            for batch in batches.cut(group):
                self._largest[container] = max(self._largest.get(container, 0), *batch.sizes)
                if not batches.is_sendable(batch):
                    written += Written(refused=(Refusal(str(batch.items[0]["id"]), TOO_LARGE, "too large"),))
                    continue
                self._count(container, batch, kept)
                written += Written(len(batch.items))
        if written.documents:
            self._steps.append((container, written.documents))
        return written

    def _count(self, container: str, batch: Documents, kept: _Kept) -> None:
        ids = [str(item["id"]) for item in batch.items]
        kept.shapes.extend(SHAPES.index(shape_of(item)) for item in batch.items)
        kept.ids.extend(map(hash, ids))
        kept.sizes.extend(batch.sizes)
        self._requests[container] += 1
        at = (container, batch.key)
        before = self._partitions.get(at, Partition())
        self._partitions[at] = Partition(before.documents + len(ids), before.bytes + sum(batch.sizes))
        if odd := sum(not _GOOD_ID.fullmatch(each) or len(each.encode()) > _LONGEST_ID_BYTES for each in ids):
            self._odd_ids[container] += odd
        if any(len(value.encode()) > _LONGEST_KEY_BYTES for value in batch.key):
            self._long_keys[container] += len(ids)
        self._shown(container, batch)

    def counted(self) -> Counted:
        """All of it, so far."""
        frames = {name: _frame(kept) for name, kept in self._kept.items()}
        return Counted(
            _writes(frames),
            {name: int(frame.unique("id", keep="last")["size"].sum()) for name, frame in frames.items()},
            dict(self._requests),
            tuple(self._steps),
            dict(self._partitions),
            dict(self._largest),
            dict(self._odd_ids),
            dict(self._long_keys),
        )


def _writes(frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Of `WRITES`, from `_frame` of each container."""
    parts = [
        frame.group_by("operation", "shape", "size")
        .agg(pl.len().cast(pl.Float64).alias("documents"))
        .select(pl.lit(name).alias("container"), "operation", "shape", "size", "documents")
        for name, frame in frames.items()
    ]
    return pl.concat([pl.DataFrame(schema=WRITES), *parts]).sort("container", "operation", "shape", "size")


def _frame(kept: _Kept) -> pl.DataFrame:
    """`id`, `shape`, `size` and `operation` of each write, in order."""
    frame = pl.DataFrame(
        {
            "id": pl.Series(kept.ids, dtype=pl.Int64),
            "size": pl.Series(kept.sizes, dtype=pl.Int64),
            "shape": pl.Series(SHAPES)[pl.Series(kept.shapes, dtype=pl.UInt32)],
        }
    )
    there = pl.DataFrame(list(kept.there.items()), schema={"id": pl.Int64, "told": pl.Int64}, orient="row")
    ordered = frame.with_row_index("at").join(there, on="id", how="left", maintain_order="left")
    new = pl.col("id").is_first_distinct() & ~(pl.col("told") <= pl.col("at")).fill_null(value=False)
    operation = pl.when(new).then(pl.lit(INSERT)).otherwise(pl.lit(REPLACE)).alias("operation")
    return ordered.select("id", "shape", "size", operation)
