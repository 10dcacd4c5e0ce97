"""Documents that are refused, alone or with their batch, and take no others down."""

from __future__ import annotations

import pytest

from processors.model import Refusal
from tests.harness.sinks import by_id, group, stored, write
from tests.harness.strict import Answer, Exchange, StrictCosmos
from tests.harness.strict.faults import on_batches, refuse_operations


def test_a_refused_document_does_not_take_the_others_down(strict: StrictCosmos) -> None:
    strict.plan = refuse_operations({"s1-3": 400, "s1-150": 413})
    written = write(strict.account, group(250))
    assert written.documents == 248
    assert {(refusal.document_id, refusal.status) for refusal in written.refused} == {
        ("s1-3", 400),
        ("s1-150", 413),
    }
    assert stored(strict.account).keys() == by_id(group(250)).keys() - {"s1-3", "s1-150"}
    assert sorted(len(request.ids) for request in strict.batches) == [50, 99, 99, 100, 100]


def test_when_all_are_refused_nothing_more_is_sent(strict: StrictCosmos) -> None:
    strict.plan = refuse_operations(dict.fromkeys(by_id(group(3)), 400))
    written = write(strict.account, group(3))
    assert (written.documents, len(written.refused)) == (0, 3)
    assert len(strict.batches) == 1


def test_a_refusal_says_what_the_service_says(strict: StrictCosmos) -> None:
    told = [{"statusCode": 400, "message": "Bad name.\r\nActivityId: 1"}]
    strict.plan = on_batches({0}, Answer(207, told))
    assert write(strict.account, group(1)).refused == (Refusal("s1-0", 400, "Bad name."),)


@pytest.mark.parametrize("status", [400, 413])
def test_a_batch_that_is_refused_as_a_whole_is_sent_in_halves(strict: StrictCosmos, status: int) -> None:
    def plan(request: Exchange) -> Answer | None:
        return Answer(status, {"message": "No.\r\nid"}) if "s1-77" in request.ids else None

    strict.plan = plan
    written = write(strict.account, group(100))
    assert (written.documents, written.refused) == (99, (Refusal("s1-77", status, "No."),))
    assert stored(strict.account).keys() == by_id(group(100)).keys() - {"s1-77"}


def test_an_operation_that_is_throttled_beside_a_refused_one_is_sent_without_it(strict: StrictCosmos) -> None:
    told = [{"statusCode": 424}, {"statusCode": 429, "retryAfterMilliseconds": 7}, {"statusCode": 400}]
    strict.plan = on_batches({0}, Answer(207, told))
    written = write(strict.account, group(3))
    assert (written.documents, [refusal.status for refusal in written.refused]) == (2, [400])
    assert [len(request.ids) for request in strict.batches] == [3, 2]
