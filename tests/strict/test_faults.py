"""Each fault as a client meets it, and what the service has taken when it is over."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from aiohttp import web

from tests.harness.strict import Answer, Fault, Plan, StrictCosmos, faults
from tests.harness.strict.delivery import DRIP_S
from tests.harness.strict.upstream import Upstream

KEY = ["denver", "s1", "2026-11"]


class Client:
    """A connection on which one batch is sent, and what comes back is read as it comes."""

    def __init__(self, strict: StrictCosmos, items: list[dict[str, Any]]) -> None:
        body = json.dumps([{"operationType": "Upsert", "resourceBody": item} for item in items]).encode()
        head = (
            f"POST /dbs/{strict.account.database}/colls/readings/docs HTTP/1.1\r\nhost: x\r\n"
            f"content-type: application/json\r\nx-ms-cosmos-is-batch-request: True\r\n"
            f"x-ms-documentdb-partitionkey: {json.dumps(KEY)}\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        self.connection = socket.create_connection(("127.0.0.1", int(strict.endpoint.rpartition(":")[2])), timeout=60)
        self.connection.sendall(head.encode() + body)

    def read(self) -> tuple[bytes, bytes, bool]:
        """Head, content so far, and whether it ended in a reset; to be used where the server ends the connection."""
        content = b""
        try:
            while part := self.connection.recv(65536):
                content += part
        except ConnectionResetError:
            return *content.partition(b"\r\n\r\n")[::2], True
        return *content.partition(b"\r\n\r\n")[::2], False

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()


def stored(ask: Callable[..., Any]) -> set[str]:
    return {each["id"] for each in ask("GET").body["Documents"]}


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.mark.parametrize("name", faults.STATUSES)
def test_a_status_is_answered_and_nothing_is_written(ask, batch, item, strict, name):
    strict.plan = Plan((Fault(name, at=1, advice_ms=7),))
    assert batch(("Upsert", item("a"))).status == 200
    told = batch(("Upsert", item("b")))
    assert told.status == int(name)
    assert set(told.body) == {"code", "message"}
    assert told.headers.get("x-ms-retry-after-ms") == ("7" if name == "429" else None)
    assert told.headers.get("x-ms-substatus") == ("3200" if name == "429" else None)
    assert batch(("Upsert", item("c"))).status == 200
    assert stored(ask) == {"a", "c"}
    assert strict.fired == Counter({name: 1})
    assert [exchange.fault for exchange in strict.batches] == [None, name, None]
    assert [exchange.status for exchange in strict.batches] == [200, int(name), 200]


def test_a_rotated_key_is_refused_for_everything_until_the_plan_is_replaced(ask, batch, item, strict):
    strict.plan = Plan((Fault("401_from", at=1),))
    assert ask("GET").status == 200
    assert batch(("Upsert", item("a"))).status == 200
    assert ask("GET").status == 200
    assert batch(("Upsert", item("b"))).status == 401
    assert ask("GET").status == 401
    assert batch(("Upsert", item("c"))).status == 401
    strict.plan = Plan()
    assert stored(ask) == {"a"}
    assert strict.fired == Counter({"401_from": 3})


@pytest.mark.parametrize(("name", "taken"), [("timeout_before", set()), ("timeout_after", {"a"})])
def test_a_time_out_ends_when_the_client_goes_away(ask, item, strict, name, taken):
    strict.plan = Plan((Fault(name, at=0),))
    with Client(strict, [item("a")]) as client:
        wait_until(lambda: strict.fired[name])
        client.connection.settimeout(0.05)
        with pytest.raises(TimeoutError):
            client.connection.recv(1)
        assert strict.batches[0].ended_s is None
    wait_until(lambda: strict.batches[0].ended_s)
    assert strict.batches[0].status is None
    assert stored(ask) == taken
    assert (strict.batches[0].charge > 0) is bool(taken)


@pytest.mark.parametrize("name", ["timeout_before", "timeout_after"])
def test_a_time_out_ends_when_the_server_is_closed(account, item, name):
    with StrictCosmos(account) as strict:
        strict.plan = Plan((Fault(name, at=0),))
        client = Client(strict, [item("a")])
        wait_until(lambda: strict.fired[name])
    with client:
        assert client.read()[:2] == (b"", b"")
    assert strict.batches[0].status is None
    assert strict.batches[0].ended_s is not None


def test_what_the_service_has_begun_it_ends_though_the_client_has_gone(ask, item, strict, monkeypatch):
    begun, go = threading.Event(), threading.Event()
    send = Upstream.send

    async def slow(self: Upstream, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if b"Upsert" in body:
            begun.set()
            await asyncio.to_thread(go.wait, 60)
        return await send(self, method, path, headers, body)

    monkeypatch.setattr(Upstream, "send", slow)
    with Client(strict, [item("a")]):
        assert begun.wait(60)
    wait_until(lambda: strict.batches[0].ended_s)
    assert stored(ask) == set()
    go.set()
    wait_until(lambda: stored(ask) == {"a"})


def test_a_reset_before_anything_is_done(ask, item, strict):
    strict.plan = Plan((Fault("reset_before", at=0),))
    with Client(strict, [item("a")]) as client:
        assert client.read() == (b"", b"", True)
    assert stored(ask) == set()
    assert strict.batches[0].status is None


def test_a_reset_in_the_middle_of_the_answer(ask, item, strict):
    strict.plan = Plan((Fault("reset_in_response", at=0),))
    with Client(strict, [item(f"a-{number}") for number in range(50)]) as client:
        head, content, was_reset = client.read()
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    assert was_reset
    assert head.startswith(b"HTTP/1.1 200")
    assert len(content) == length // 2 > 1000
    assert len(stored(ask)) == 50


def test_a_slow_drip_is_the_whole_answer_in_many_parts(ask, batch, item, strict, monkeypatch):
    drops: list[bytes] = []
    write = web.StreamResponse.write

    async def counted(self: web.StreamResponse, drop: bytes) -> None:
        drops.append(drop)
        await write(self, drop)

    monkeypatch.setattr(web.StreamResponse, "write", counted)
    strict.plan = Plan((Fault("slow_drip", at=0),))
    told = batch(*(("Upsert", item(str(number))) for number in range(20)))
    assert [each["statusCode"] for each in told.body] == [201] * 20
    assert json.loads(b"".join(drops)) == told.body
    assert len(drops) > 90
    wait_until(lambda: strict.batches[0].ended_s)
    assert strict.batches[0].ended_s - strict.batches[0].began_s >= DRIP_S
    assert len(stored(ask)) == 20


def test_another_content_type(ask, item, strict):
    strict.plan = Plan((Fault("wrong_content_type", at=0),))
    with Client(strict, [item("a")]) as client:
        told = client.connection.recv(65536)
    assert told.startswith(b"HTTP/1.1 200")
    assert b"content-type: text/html" in told.lower()
    assert b"<html>" in told
    assert stored(ask) == {"a"}


@pytest.mark.parametrize("status", [408, 429, 449, 503])
def test_one_operation_fails_and_takes_its_batch_along(ask, batch, item, strict, status):
    strict.plan = Plan((Fault("operation_fails", at=0, operation=5, status=status, advice_ms=70),))
    told = batch(*(("Upsert", item(str(number))) for number in range(3)))
    assert told.status == 207
    assert [each["statusCode"] for each in told.body] == [424, 424, status]
    assert told.body[2].get("retryAfterMilliseconds") == (70 if status == 429 else None)
    assert stored(ask) == set()


def test_faults_strike_batches_only(ask, batch, item, strict):
    strict.plan = Plan((Fault("503", at=0), Fault("500", at=1), Fault("408", at=1)))
    assert ask("POST", "", item("a")).status == 201
    assert [batch(("Upsert", item("b"))).status for _ in range(3)] == [503, 500, 200]


def test_a_plan_is_drawn_by_its_seed():
    plans = [faults.draw(seed, faults.NAMES, 5, 40) for seed in range(200)]
    assert plans == [faults.draw(seed, faults.NAMES, 5, 40) for seed in range(200)]
    assert len({plan.faults for plan in plans}) == 200
    drawn = Counter(fault.name for plan in plans for fault in plan.faults)
    assert set(drawn) == set(faults.NAMES)
    assert min(drawn.values()) > 200 * 5 / len(faults.NAMES) / 2
    for plan in plans:
        at = [fault.at for fault in plan.faults]
        assert at == sorted(set(at))
        assert set(at) <= set(range(40))


def test_a_fault_that_does_not_exist_is_an_error():
    with pytest.raises(ValueError, match="no fault is called '418'; there are 408, "):
        Fault("418", at=0)


def test_a_plan_may_be_a_function_that_waits(ask, batch, item, strict):
    waiting, go = threading.Event(), threading.Event()

    def plan(exchange: object) -> Answer | None:
        if exchange.batch_number == 0:
            waiting.set()
            assert go.wait(60)
        return Answer(418, {"id": exchange.ids}) if exchange.batch_number == 1 else None

    strict.plan = plan
    with Client(strict, [item("a")]) as client:
        assert waiting.wait(60)
        assert batch(("Upsert", item("b"))).body == {"id": ["b"]}
        go.set()
        assert client.connection.recv(65536).startswith(b"HTTP/1.1 200")
    assert stored(ask) == {"a"}


def test_what_a_plan_holds_ends_with_the_server(account, item):
    with StrictCosmos(account) as strict:
        strict.plan = lambda _: Answer(503, hold=threading.Event())
        client = Client(strict, [item("a")])
        wait_until(lambda: strict.batches)
    with client:
        assert client.read()[:2] == (b"", b"")
