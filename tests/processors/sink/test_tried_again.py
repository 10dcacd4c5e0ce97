"""What is tried again, how long it is waited, and what ends the write."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from processors.errors import EndpointError, SinkError
from processors.sink import open_sink
from tests.harness.sinks import CHARGE, Time, by_id, group, stored, write
from tests.harness.strict import Answer, Exchange, Plan, StrictCosmos
from tests.harness.strict.faults import RESET, RETRY_AFTER, on_all_batches, on_batches, throttled


def test_throttling_waits_as_advised_and_only_we_try_again(strict: StrictCosmos) -> None:
    time = Time()
    strict.plan = on_batches({0, 1}, throttled(advice_ms=1234))
    assert write(strict.account, group(5), **time.options).documents == 5
    assert time.waits == pytest.approx([1.234, 1.234])
    assert len(strict.batches) == 3
    assert stored(strict.account) == by_id(group(5))


@pytest.mark.parametrize("status", [408, 410, 449, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again_with_longer_waits(strict: StrictCosmos, status: int) -> None:
    time = Time()
    strict.plan = on_batches({0, 1, 2}, Answer(status, {"message": "later"}))
    assert write(strict.account, group(5), **time.options).documents == 5
    assert time.waits == [0.1, 0.2, 0.4]
    assert len(strict.batches) == 4


def test_a_connection_that_breaks_is_tried_again(strict: StrictCosmos) -> None:
    strict.plan = on_batches({0}, RESET)
    assert write(strict.account, group(5)).documents == 5
    assert len(strict.batches) == 2


def test_a_request_without_answer_is_tried_again(strict: StrictCosmos) -> None:
    late = threading.Event()
    strict.plan = on_batches({0}, Answer(hold=late))
    try:
        assert write(strict.account, group(5), request_timeout_s=2.0).documents == 5
    finally:
        late.set()
    assert len(strict.batches) == 2


def test_throttling_that_outlives_the_budget_ends_the_write(strict: StrictCosmos) -> None:
    time = Time()
    strict.plan = on_all_batches(throttled(advice_ms=10_000))
    with open_sink(strict.account, budget_s=60, **time.options) as sink:
        with pytest.raises(SinkError, match=f"{strict.account.database}/readings: 429") as caught:
            sink.write("readings", [group(5)])
        assert caught.value.retryable
        assert "throughput" in caught.value.hint
        assert time.waits == [10.0] * 6
        assert len(strict.batches) == 7
        strict.plan = Plan()
        assert sink.write("readings", [group(5)]).documents == 5


@pytest.mark.parametrize(
    ("answer", "kind", "retryable"),
    [
        (Answer(503, {"message": "busy"}), SinkError, True),
        (RESET, EndpointError, True),
    ],
)
def test_what_does_not_pass_within_the_budget_ends_the_write(
    strict: StrictCosmos, answer: Answer, kind: type[Exception], retryable: bool
) -> None:
    strict.plan = on_all_batches(answer)
    with pytest.raises(kind) as caught:
        write(strict.account, group(5), budget_s=1.0)
    assert getattr(caught.value, "retryable", None) is retryable
    assert len(strict.batches) == 4


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [
        (401, {}, EndpointError),
        (403, {}, EndpointError),
        (403, {"x-ms-substatus": "1014"}, SinkError),
        (404, {}, SinkError),
        (409, {}, SinkError),
        (412, {}, SinkError),
        (424, {}, SinkError),
    ],
)
def test_what_waiting_does_not_change_ends_the_write_at_once(
    strict: StrictCosmos, status: int, headers: dict[str, str], kind: type[Exception]
) -> None:
    strict.plan = on_all_batches(Answer(status, {"message": "no"}, headers))
    with pytest.raises(kind, match=str(status)):
        write(strict.account, group(5))
    assert len(strict.batches) == 1


def test_after_an_error_nothing_is_in_flight(strict: StrictCosmos) -> None:
    at_once = 16
    all_there, late = threading.Event(), threading.Event()

    def plan(request: Exchange) -> Answer | None:
        if len(strict.batches) == at_once:
            all_there.set()
        if request.batch_number < 0:
            return None
        return Answer(409, hold=all_there) if request.ids == ["s5-0"] else Answer(500, hold=late)

    strict.plan = plan
    with open_sink(strict.account) as sink:
        try:
            with pytest.raises(SinkError, match="409"):
                sink.write("readings", [group(1, f"s{number}") for number in range(30)])
        finally:
            late.set()
        strict.plan = Plan()
        assert sink.write("readings", [group(1, "later")]).documents == 1
    sent = [name for request in strict.batches for name in request.ids]
    assert len(sent) == len(set(sent))
    # The place of the failed request may be taken before the others are called off.
    assert at_once + 1 <= len(sent) <= at_once + 2


def test_an_operation_that_is_throttled_takes_its_batch_along_once(strict: StrictCosmos) -> None:
    time = Time()
    told = [{"statusCode": 424}, {"statusCode": 429, "retryAfterMilliseconds": 700}, {"statusCode": 424}]
    strict.plan = on_batches({0}, Answer(207, told))
    assert write(strict.account, group(3), **time.options).documents == 3
    assert time.waits == pytest.approx([0.7])


@pytest.mark.parametrize("stated", ["nan", "inf", "-5", "1e308", "much"])
@pytest.mark.parametrize("header", [CHARGE, RETRY_AFTER])
def test_a_number_that_can_be_none_is_not_stated(strict: StrictCosmos, header: str, stated: str) -> None:
    strict.plan = on_batches({0}, replace(throttled(), headers={header: stated}))
    assert write(strict.account, group(5), **Time().options).documents == 5
    assert stored(strict.account) == by_id(group(5))


def test_a_batch_that_failed_without_a_cause_is_an_error(strict: StrictCosmos) -> None:
    strict.plan = on_all_batches(Answer(207, [{"statusCode": 424}] * 3))
    with pytest.raises(SinkError, match="write documents"):
        write(strict.account, group(3))


def test_an_answer_for_fewer_documents_is_an_error(strict: StrictCosmos) -> None:
    strict.plan = on_all_batches(Answer(200, [{"statusCode": 201}] * 2))
    with pytest.raises(SinkError, match="3 operations were answered by 2 results"):
        write(strict.account, group(3))
