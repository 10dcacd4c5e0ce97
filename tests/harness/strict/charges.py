"""Request units, by what a request does, around the figures that are published.

Published: reads and writes by size (https://learn.microsoft.com/azure/cosmos-db/understand-request-unit-consumption),
and that a replace costs about twice an insert. What an indexed path adds, and what a query costs, is not. The true
figures differ between accounts and with time: so do these, by seed, and nothing outside of this file may know them.
What needs a charge reads it from an answer.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Sequence

_KB = 1024
_PUBLISHED = (
    (1, 1.00, 4.95),
    (2, 1.04, 6.29),
    (4, 1.14, 6.67),
    (8, 1.33, 7.04),
    (16, 1.67, 9.52),
    (32, 2.19, 11.23),
    (64, 4.76, 22.67),
    (128, 9.95, 48.19),
    (256, 20.28, 98.29),
    (512, 40.95, 184.57),
    (1024, 145.90, 625.00),
    (2048, 291.80, 1250.00),
)
"""Size in KB, request units of a point read, of a write."""


class Charges:
    """What requests cost in one account.

    Args:
        seed: The account's: another seed is another account, whose charges differ by up to a few tens of percent.
    """

    def __init__(self, seed: int) -> None:
        dice = random.Random(f"charges {seed}")
        self._write = _around([(size, write) for size, _, write in _PUBLISHED], dice)
        self._read = _around([(size, read) for size, read, _ in _PUBLISHED], dice)
        self._indexed_path = dice.uniform(0.15, 0.6)
        self._replace = dice.uniform(1.8, 2.2)
        self._delete = dice.uniform(0.9, 1.2)
        self._failed = dice.uniform(1.0, 1.5)
        self._query = dice.uniform(2.2, 2.9)
        self._loaded_kb = dice.uniform(0.15, 0.4)
        self._loaded = dice.uniform(0.02, 0.06)
        self._index_entry = dice.uniform(0.002, 0.006)
        self._returned_kb = dice.uniform(0.02, 0.08)

    def insert(self, size: int, indexed: int) -> float:
        """A new item of `size` bytes with so many indexed paths."""
        return _at(self._write, size / _KB) + indexed * self._indexed_path

    def replace(self, size: int, indexed: int) -> float:
        """An item in the place of another, also by upsert or patch."""
        return self.insert(size, indexed) * self._replace

    def delete(self, size: int, indexed: int) -> float:
        """An item that goes."""
        return self.insert(size, indexed) * self._delete

    def read(self, size: int) -> float:
        """An item by its id and key."""
        return _at(self._read, size / _KB)

    def failed(self) -> float:
        """An operation that came to nothing: a conflict, a stale ETag, an item that is not there."""
        return self._failed

    def query(self, *, scanned: int, loaded: int, loaded_bytes: int, returned_bytes: int) -> float:
        """A query.

        Args:
            scanned: Entries of the index that were looked at.
            loaded: Items that were read whole.
            loaded_bytes: Their size.
            returned_bytes: Size of the answer.
        """
        return (
            self._query
            + scanned * self._index_entry
            + loaded * self._loaded
            + loaded_bytes / _KB * self._loaded_kb
            + returned_bytes / _KB * self._returned_kb
        )


def _around(published: Sequence[tuple[float, float]], dice: random.Random) -> list[tuple[float, float]]:
    """The same sizes, each charge up to a tenth off and none below that of a smaller size."""
    level = dice.uniform(0.9, 1.2)
    drawn: list[tuple[float, float]] = []
    for size_kb, charge in published:
        lowest = drawn[-1][1] if drawn else 0.0
        drawn.append((size_kb, max(lowest, charge * level * dice.uniform(0.92, 1.08))))
    return drawn


def _at(points: Sequence[tuple[float, float]], size_kb: float) -> float:
    """On the line through the points; the last two say how it goes on, and nothing costs less than the first."""
    sizes = [size for size, _ in points]
    if size_kb <= sizes[0]:
        return points[0][1]
    index = min(bisect_right(sizes, size_kb), len(points) - 1)
    (size_before, before), (size_after, after) = points[index - 1], points[index]
    return before + (after - before) * (size_kb - size_before) / (size_after - size_before)
