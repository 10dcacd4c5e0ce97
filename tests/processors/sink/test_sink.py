from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from azure.cosmos import CosmosClient

from processors.charges import DELETE, FAILED, INSERT, REPLACE, Meter
from processors.cosmos import Account
from processors.errors import EndpointError, SinkError
from processors.model import Documents, Refusal, Written
from processors.sink import open_sink
from tests.harness.strict import Answer, Exchange, Plan, StrictCosmos
from tests.harness.strict.faults import (
    RESET,
    RETRY_AFTER,
    Chooser,
    on_all_batches,
    on_batches,
    refuse_operations,
    throttled,
)

CHARGE = "x-ms-request-charge"
ENVELOPE = len('{"operationType":"Upsert","resourceBody":},')


class Time:
    """A clock that only waiting moves."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.waits: list[float] = []

    def clock(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now_s += seconds
        await asyncio.sleep(0)

    @property
    def options(self) -> dict[str, Any]:
        return {"clock": self.clock, "sleep": self.sleep, "jitter": lambda: 1.0}


def encoded(item: dict[str, Any]) -> bytes:
    return json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode()


def group(count: int, sensor: str = "s1", text: str = "", start: int = 0) -> Documents:
    key = ("denver", sensor, "2026-11")
    items = [
        {
            "id": f"{sensor}-{number}",
            "city": key[0],
            "sensorId": key[1],
            "month": key[2],
            "temperatureC": 20.5 + number,
            "note": text,
        }
        for number in range(start, start + count)
    ]
    return Documents(key, items, [len(encoded(item)) for item in items])


def stored(account: Account, container: str = "readings") -> dict[str, dict[str, Any]]:
    """Documents by id, read by a plain client that shares no code with the sink."""
    with CosmosClient(account.endpoint, "eA==", enable_endpoint_discovery=False) as client:
        items = client.get_database_client(account.database).get_container_client(container).read_all_items()
        return {item["id"]: {name: item[name] for name in item if not name.startswith("_")} for item in items}


def by_id(*groups: Documents) -> dict[str, dict[str, Any]]:
    return {item["id"]: item for documents in groups for item in documents.items}


def write(account: Account, *groups: Documents, **options: Any) -> Written:
    with open_sink(account, **{**Time().options, **options}) as sink:
        return sink.write("readings", groups)


def first_attempts(answer: Answer) -> Chooser:
    """Answer each set of documents so when it is sent first."""
    seen: set[tuple[str, ...]] = set()

    def plan(request: Exchange) -> Answer | None:
        if request.batch_number < 0 or tuple(request.ids) in seen:
            return None
        seen.add(tuple(request.ids))
        return answer

    return plan


def test_what_was_written_is_read_back_as_it_was(account: Account) -> None:
    groups = [group(250), group(3, "s2", text='ü "€" 😀 \\ \n'), group(1, "s/3?#")]
    written = write(account, *groups)
    assert (written.documents, written.request_units, written.refused) == (254, None, ())
    assert stored(account) == by_id(*groups)


def test_writing_again_leaves_the_same_documents(account: Account) -> None:
    with open_sink(account) as sink:
        sink.write("readings", [group(10)])
        assert sink.write("readings", [group(12, text="new")]).documents == 12
    assert stored(account) == by_id(group(12, text="new"))


def test_each_container_gets_its_own(account: Account) -> None:
    with open_sink(account) as sink:
        sink.write("aggregates", [group(2, "s1")])
        sink.write("anomalies", [group(1, "s2")])
    assert stored(account, "aggregates") == by_id(group(2, "s1"))
    assert stored(account, "anomalies") == by_id(group(1, "s2"))
    assert stored(account) == {}


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


def test_throttling_waits_as_advised_and_only_we_try_again(strict: StrictCosmos) -> None:
    time = Time()
    strict.plan = on_batches({0, 1}, throttled(advice_ms=1234))
    assert write(strict.account, group(5), **time.options).documents == 5
    assert time.waits == pytest.approx([1.234, 1.234])
    assert len(strict.batches) == 3
    assert stored(strict.account) == by_id(group(5))


def test_at_most_sixteen_requests_are_in_flight(strict: StrictCosmos) -> None:
    written = write(strict.account, *(group(1, f"s{number}") for number in range(200)))
    assert written.documents == 200
    assert 1 < strict.most_in_flight <= 16


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


def test_an_operation_that_is_throttled_takes_its_batch_along_once(strict: StrictCosmos) -> None:
    time = Time()
    told = [{"statusCode": 424}, {"statusCode": 429, "retryAfterMilliseconds": 700}, {"statusCode": 424}]
    strict.plan = on_batches({0}, Answer(207, told))
    assert write(strict.account, group(3), **time.options).documents == 3
    assert time.waits == pytest.approx([0.7])


def test_an_operation_that_is_throttled_beside_a_refused_one_is_sent_without_it(strict: StrictCosmos) -> None:
    told = [{"statusCode": 424}, {"statusCode": 429, "retryAfterMilliseconds": 7}, {"statusCode": 400}]
    strict.plan = on_batches({0}, Answer(207, told))
    written = write(strict.account, group(3))
    assert (written.documents, [refusal.status for refusal in written.refused]) == (2, [400])
    assert [len(request.ids) for request in strict.batches] == [3, 2]


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


def test_request_units_are_those_of_all_answers(strict: StrictCosmos) -> None:
    refused = Answer(207, [{"statusCode": 424}, {"statusCode": 400}, {"statusCode": 424}], {CHARGE: "2.5"})
    strict.plan = on_batches({0}, refused)
    written = write(strict.account, group(3), group(1, "s2"))
    assert written.request_units == pytest.approx(2.5 + sum(request.charge for request in strict.batches))
    before = len(strict.batches)
    strict.plan = on_batches({before}, replace(throttled(), headers={CHARGE: "0.5"}))
    written = write(strict.account, group(3))
    assert written.request_units == pytest.approx(0.5 + sum(request.charge for request in strict.batches[before:]))


def totals(meter: Meter) -> dict[str, tuple[int, int]]:
    """Operation -> documents and bytes."""
    return {operation: (told.documents, told.bytes) for (_, operation), told in meter.spent.totals().items()}


def charged(meter: Meter, *operations: str) -> float:
    found = meter.spent.totals()
    return sum(found["readings", operation].request_units for operation in operations)


@pytest.mark.parametrize("draw", range(3))
def test_charges_are_told_by_what_was_done(account: Account, draw: int) -> None:
    """Each as the service states it; the seed says what the account charges."""
    seed = random.SystemRandom().randrange(1_000_000)
    some, all_ = group(150, text="x" * 40 * draw), group(250, text="x" * 40 * draw)
    inserted, written, deleted = Meter(), Meter(), Meter()
    with StrictCosmos(account, seed=seed) as strict:
        sent = []
        for meter, act in (
            (inserted, lambda sink: sink.write("readings", [some])),
            (written, lambda sink: sink.write("readings", [all_])),
            (deleted, lambda sink: sink.delete("readings", [all_], lambda _: None)),
        ):
            before = len(strict.batches)
            with open_sink(strict.account, meter=meter) as sink:
                act(sink)
            sent.append(sum(request.charge for request in strict.batches[before:]))
            assert meter.spent.request_units == pytest.approx(sent[-1]), f"seed {seed}"
            assert meter.spent.requests == len(strict.batches) - before
    assert totals(inserted) == {INSERT: (150, sum(some.sizes))}
    assert totals(written) == {REPLACE: (150, sum(some.sizes)), INSERT: (100, sum(all_.sizes[150:]))}
    assert totals(deleted) == {DELETE: (250, sum(all_.sizes))}
    # A batch of both tells them apart: what was replaced cost about twice what was inserted, which cost as before.
    each = charged(inserted, INSERT) / 150
    assert charged(written, INSERT) / 100 == pytest.approx(each, rel=0.02), f"seed {seed}"
    assert 1.7 < charged(written, REPLACE) / 150 / each < 2.3, f"seed {seed}"


def test_attempts_that_came_to_nothing_are_in_the_sum(strict: StrictCosmos) -> None:
    refused = Answer(207, [{"statusCode": 424}, {"statusCode": 400}, {"statusCode": 424}], {CHARGE: "2.5"})
    meter = Meter()
    strict.plan = on_batches({0}, refused)
    with open_sink(strict.account, **Time().options, meter=meter) as sink:
        sink.write("readings", [group(3)])
        strict.plan = on_batches({2, 3}, replace(throttled(), headers={CHARGE: "0.5"}))
        sink.write("readings", [group(3, "s2")])
    assert charged(meter, FAILED) == pytest.approx(2.5 + 2 * 0.5)
    done = [number for number in range(len(strict.batches)) if number not in {0, 2, 3}]
    assert charged(meter, INSERT) == pytest.approx(sum(strict.batches[number].charge for number in done))
    assert totals(meter)[INSERT][0] == 5
    assert meter.spent.requests == len(strict.batches)


def test_what_was_charged_before_an_error_is_known(strict: StrictCosmos) -> None:
    meter = Meter()
    strict.plan = on_batches({1}, Answer(403, {"message": "no"}, {CHARGE: "1.25"}))
    with open_sink(strict.account, **Time().options, meter=meter) as sink:
        sink.write("readings", [group(100)])
        with pytest.raises(EndpointError):
            sink.write("readings", [group(3, "s2")])
    assert meter.spent.request_units == pytest.approx(strict.batches[0].charge + 1.25)
    assert totals(meter)[FAILED][0] == 3


def test_a_sink_knows_the_indexing_policies(account: Account) -> None:
    with open_sink(account) as sink:
        assert sink.policies.keys() == {"readings", "aggregates", "anomalies", "runs"}
        assert len(set(sink.policies.values())) == 4


def test_documents_are_built_as_places_become_free(strict: StrictCosmos) -> None:
    pulled = 0
    sent: list[int] = []
    ahead: list[int] = []

    def lazily() -> Iterator[Documents]:
        nonlocal pulled
        for number in range(100):
            pulled += 1
            yield group(1, f"s{number}")

    def plan(request: Exchange) -> Answer | None:
        if request.batch_number >= 0:
            before = pulled
            sent.append(request.batch_number)
            ahead.append(before - len(sent))
        return None

    strict.plan = plan
    with open_sink(strict.account) as sink:
        assert sink.write("readings", lazily()).documents == 100
    assert max(ahead) <= 16


def test_an_error_of_the_documents_own_ends_the_write(account: Account) -> None:
    def broken() -> Iterator[Documents]:
        yield group(1)
        raise LookupError("no more")

    with open_sink(account) as sink:
        with pytest.raises(LookupError, match="no more"):
            sink.write("readings", broken())
        assert sink.write("readings", [group(2)]).documents == 2


def test_nothing_to_write_is_written_without_a_request(strict: StrictCosmos) -> None:
    assert write(strict.account) == Written()
    assert strict.batches == []


def test_a_run_is_put_among_the_runs(account: Account) -> None:
    run = {"id": "run-1", "city": "denver", "startedAt": "2026-11-22T04:55:00Z", "counts": {"read": 3}}
    with open_sink(account) as sink:
        sink.put_run(run)
        sink.put_run({**run, "counts": {"read": 4}})
    assert stored(account, "runs") == {"run-1": {**run, "counts": {"read": 4}}}


def test_a_run_that_is_refused_is_an_error(strict: StrictCosmos) -> None:
    strict.plan = refuse_operations({"run-1": 400})
    with open_sink(strict.account) as sink, pytest.raises(SinkError, match="write the run: run-1: 400"):
        sink.put_run({"id": "run-1", "city": "denver"})


def test_a_sink_that_was_used_and_closed_leaves_nothing_on_stderr(account: Account) -> None:
    script = f"""
from processors.cosmos import Account
from processors.model import Documents
from processors.sink import open_sink
item = {{"id": "1", "city": "denver", "sensorId": "s1", "month": "2026-11"}}
with open_sink(Account({account.endpoint!r}, "", {account.database!r})) as sink:
    print(sink.write("readings", [Documents(("denver", "s1", "2026-11"), [item], [70])]).documents)
"""
    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_a_world_that_is_not_ready_is_told_before_anything_is_read(account: Account) -> None:
    elsewhere = Account(account.endpoint, "", "nowhere")
    with pytest.raises(SinkError, match="nowhere"), open_sink(elsewhere):
        pytest.fail("the sink opened")
