from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from processors.model import Documents
from processors.sink import batches

KEY = ("denver", "s1", "2026-11")


def documents(sizes: list[int]) -> Documents:
    items: list[dict[str, Any]] = [{"id": str(index)} for index in range(len(sizes))]
    return Documents(KEY, items, sizes)


def lengths(sizes: list[int]) -> list[int]:
    return [len(batch.items) for batch in batches.cut(documents(sizes))]


def test_cuts_after_a_hundred_operations() -> None:
    assert lengths([900] * 250) == [100, 100, 50]
    assert lengths([900] * 100) == [100]


def test_cuts_before_the_body_is_too_large() -> None:
    assert lengths([100_000] * 25) == [9, 9, 7]


def test_an_item_larger_than_a_batch_is_alone() -> None:
    assert lengths([900, batches.BATCH_BYTES + 1, 900, 900]) == [1, 1, 2]


def test_nothing_comes_of_nothing() -> None:
    assert lengths([]) == []


def test_only_an_item_that_no_request_holds_cannot_be_sent() -> None:
    most = batches.REQUEST_BYTES - len('{"operationType":"Upsert","resourceBody":},')
    assert batches.is_sendable(documents([most]))
    assert not batches.is_sendable(documents([most + 1]))


@given(st.lists(st.integers(2, 400_000) | st.integers(2, 2_500_000), max_size=300))
def test_every_item_once_in_order_and_every_batch_within_the_limits(sizes: list[int]) -> None:
    cut = list(batches.cut(documents(sizes)))
    assert [item for batch in cut for item in batch.items] == documents(sizes).items
    assert [size for batch in cut for size in batch.sizes] == sizes
    for batch in cut:
        assert batch.key == KEY
        assert 1 <= len(batch.items) <= 100
        assert len(batch.items) == 1 or sum(batch.sizes) < batches.BATCH_BYTES


def test_halves_and_remainders_keep_items_with_their_sizes() -> None:
    whole = documents([10, 11, 12])
    first, second = batches.halves(whole)
    assert (first.items, first.sizes) == ([{"id": "0"}], [10])
    assert (second.items, second.sizes) == ([{"id": "1"}, {"id": "2"}], [11, 12])
    rest = batches.without(whole, {1})
    assert (rest.items, rest.sizes) == ([{"id": "0"}, {"id": "2"}], [10, 12])
