"""Transactional batches: what fits into one request.

Limits are those of https://learn.microsoft.com/azure/cosmos-db/concepts-limits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from processors.model import Documents

OPERATIONS = 100
"""Operations in a transactional batch."""

REQUEST_BYTES = 2 * 1024 * 1024
"""Body of a request; an item may have as much."""

BATCH_BYTES = 1_000_000
"""Body that a batch of several is cut by: under the 1 MiB above which aiohttp warns that a body holds up its loop.
The rest of `REQUEST_BYTES` is margin, for `Documents.sizes` may come from another encoder than the SDK's."""

_ENVELOPE_BYTES = len('{"operationType":"Upsert","resourceBody":},')


def cut(documents: Documents) -> Iterator[Documents]:
    """Batches of at most `OPERATIONS` and `BATCH_BYTES`, in order; an item larger than that is alone in its own."""
    start = size = 0
    for index, item_size in enumerate(documents.sizes):
        added = item_size + _ENVELOPE_BYTES
        if index > start and (index - start == OPERATIONS or size + added > BATCH_BYTES):
            yield part(documents, start, index)
            start, size = index, 0
        size += added
    if start < len(documents.items):
        yield part(documents, start, len(documents.items))


def is_sendable(batch: Documents) -> bool:
    """Whether a batch that `cut` made fits into a request; only a single large item does not."""
    return sum(batch.sizes) + _ENVELOPE_BYTES * len(batch.sizes) <= REQUEST_BYTES


def halves(batch: Documents) -> tuple[Documents, Documents]:
    """The first and the second half of a batch of two items or more."""
    middle = len(batch.items) // 2
    return part(batch, 0, middle), part(batch, middle, len(batch.items))


def part(documents: Documents, start: int, end: int) -> Documents:
    """The items from `start` up to, not including, `end`."""
    return Documents(documents.key, documents.items[start:end], documents.sizes[start:end])


def joined(one: Documents, other: Documents) -> Documents:
    """The items of both, of one key."""
    return Documents(one.key, [*one.items, *other.items], [*one.sizes, *other.sizes])


def without(batch: Documents, indices: Collection[int]) -> Documents:
    """The batch without the items at these indices."""
    kept = [index for index in range(len(batch.items)) if index not in indices]
    return Documents(batch.key, [batch.items[i] for i in kept], [batch.sizes[i] for i in kept])
