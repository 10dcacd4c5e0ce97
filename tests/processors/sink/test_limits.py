"""What the service allows: one key and a hundred operations a batch, two megabytes, some requests at a time."""

from __future__ import annotations

import pytest

from processors.model import Documents
from tests.harness.sinks import by_id, group, stored, write
from tests.harness.strict import StrictCosmos

ENVELOPE = len('{"operationType":"Upsert","resourceBody":},')


def test_a_batch_has_one_key_and_at_most_a_hundred_operations(strict: StrictCosmos) -> None:
    write(strict.account, group(250), group(30, "s2"))
    assert sorted(len(request.documents) for request in strict.batches) == [30, 50, 100, 100]
    for request in strict.batches:
        assert {(d["city"], d["sensorId"], d["month"]) for d in request.documents} == {tuple(request.key)}


@pytest.mark.parametrize("text", ["x", "é", "€", "😀"])
def test_a_body_stays_under_two_megabytes_whatever_is_in_it(strict: StrictCosmos, text: str) -> None:
    large = group(30, text=text * (240_000 // len(text.encode())))
    assert write(strict.account, large).documents == 30
    assert sorted((len(request.documents) for request in strict.batches), reverse=True) == [4, 4, 4, 4, 4, 4, 4, 2]
    sizes = dict(zip((item["id"] for item in large.items), large.sizes, strict=True))
    for request in strict.batches:
        assert len(request.body) < 1_000_000
        assert len(request.body) == sum(sizes[name] + ENVELOPE for name in request.ids) + 1
    assert stored(strict.account) == by_id(large)


@pytest.mark.filterwarnings("ignore:Sending a large body")
def test_an_item_larger_than_a_batch_is_sent_alone(strict: StrictCosmos) -> None:
    large = group(2, text="x" * 1_900_000)
    assert write(strict.account, large).documents == 2
    assert sorted(request.ids for request in strict.batches) == [["s1-0"], ["s1-1"]]
    assert stored(strict.account) == by_id(large)


def test_an_item_over_two_megabytes_is_refused_without_being_sent(strict: StrictCosmos) -> None:
    small, large = group(3), group(1, text="x" * 2_100_000, start=7)
    together = Documents(small.key, small.items + large.items, small.sizes + large.sizes)
    written = write(strict.account, together)
    assert written.documents == 3
    assert [(refusal.document_id, refusal.status) for refusal in written.refused] == [("s1-7", 413)]
    assert "2 MB" in written.refused[0].why
    assert [request.ids for request in strict.batches] == [["s1-0", "s1-1", "s1-2"]]


def test_at_most_sixteen_requests_are_in_flight(strict: StrictCosmos) -> None:
    written = write(strict.account, *(group(1, f"s{number}") for number in range(200)))
    assert written.documents == 200
    assert 1 < strict.most_in_flight <= 16
