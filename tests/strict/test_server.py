"""The server itself: what it records, that it fails loudly, and that it starts and ends at once."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import replace
from http.client import HTTPConnection
from typing import Any

import pytest
from azure.cosmos.aio import CosmosClient

from processors.cosmos import Account
from tests.harness.strict import Answer, Exchange, Plan, StrictCosmos
from tests.harness.strict.faults import Chooser
from tests.harness.strict.upstream import Upstream

KEY = ["denver", "s1", "2026-11"]
QUERY = {"content_type": "application/query+json"}


def test_each_request_is_recorded(ask, batch, item, strict):
    batch(("Upsert", item("a")), ("Delete", "a"))
    ask("POST", "", item("ü"))
    ask("POST", "", item("b"), x_ms_documentdb_is_upsert="true")
    for method, body in (("GET", None), ("PUT", item("b")), ("PATCH", {"operations": []}), ("DELETE", None)):
        ask(method, "/b", body)
    ask("POST", "", {"query": "SELECT * FROM c"}, **QUERY)
    ask("POST", "", {"query": "SELECT * FROM c"}, **QUERY, x_ms_cosmos_is_query_plan_request="True")
    ask("GET")
    ask("POST", "", item("b"), None, container="nothing")
    seen = strict.exchanges
    assert [exchange.number for exchange in seen] == list(range(11))
    assert [exchange.batch_number for exchange in seen] == [0] + [-1] * 10
    assert [exchange.kind for exchange in seen] == [
        "batch", "create", "upsert", "read", "replace", "patch", "delete", "query", "plan", "feed", "create",
    ]  # fmt: skip
    assert [exchange.ids for exchange in seen] == [["a", "a"], ["ü"], *[["b"]] * 5, [], [], [], ["b"]]
    assert [exchange.status for exchange in seen] == [200, 201, 201, 200, 200, 200, 204, 200, 200, 200, 404]
    assert {exchange.database for exchange in seen} == {strict.account.database}
    assert [exchange.container for exchange in seen] == ["readings"] * 10 + ["nothing"]
    assert [exchange.key for exchange in seen] == [KEY] * 10 + [None]
    assert all(exchange.began_s <= exchange.ended_s for exchange in seen)
    assert seen[0].path == f"/dbs/{strict.account.database}/colls/readings/docs"
    assert seen[0].headers["x-ms-cosmos-is-batch-request"] == "True"
    assert b'"Upsert"' in seen[0].body


def test_the_batches_that_are_there_together_are_counted(batch, item, strict):
    together = threading.Barrier(5)

    def plan(exchange: Exchange) -> None:
        if exchange.batch_number < 5:
            together.wait(60)

    strict.plan = plan
    with ThreadPoolExecutor(5) as clients:
        for _ in range(5):
            clients.submit(batch, ("Upsert", item("a")))
    assert strict.most_in_flight == 5
    batch(("Upsert", item("a")))
    assert strict.most_in_flight == 5


def ask_once(account: Account, plan: Chooser | Plan, crashes: list[BaseException]) -> None:
    """One request, which is answered with 500 when the server fails in it."""
    with StrictCosmos(account) as strict:
        strict.plan = plan
        connection = HTTPConnection("127.0.0.1", int(strict.endpoint.rpartition(":")[2]))
        connection.request("GET", "/")
        assert connection.getresponse().status == 500
        connection.close()
        crashes += strict.crashes


def test_what_goes_wrong_in_a_plan_ends_the_test(account):
    def plan(_: Exchange) -> Answer:
        raise LookupError("a mistake in the plan")

    with pytest.raises(LookupError, match="a mistake in the plan") as raised:
        ask_once(account, plan, crashes := [])
    assert crashes == [raised.value]


def test_what_goes_wrong_in_the_server_ends_the_test(account, monkeypatch):
    async def broken(*_: object) -> Answer:
        raise ArithmeticError("a mistake in the server")

    monkeypatch.setattr(Upstream, "send", broken)
    with pytest.raises(ArithmeticError, match="a mistake in the server") as raised:
        ask_once(account, Plan(), crashes := [])
    assert crashes == [raised.value]


def test_an_emulator_that_is_not_there_ends_the_test(account):
    with socket.create_server(("127.0.0.1", 0)) as server:
        nobody = f"http://127.0.0.1:{server.getsockname()[1]}"
    with pytest.raises(OSError, match="Cannot connect"):
        ask_once(replace(account, endpoint=nobody), Plan(), [])


def test_a_server_that_cannot_start_says_why(account, monkeypatch):
    def broken(*_: object) -> None:
        raise ArithmeticError("no start")

    monkeypatch.setattr(Upstream, "__init__", broken)
    with pytest.raises(ArithmeticError, match="no start"):
        StrictCosmos(account).__enter__()


def test_many_may_run_at_once_and_each_ends_with_its_block(account):
    before = threading.active_count()
    for _ in range(20):
        with StrictCosmos(account) as first, StrictCosmos(account) as second:
            assert first.endpoint != second.endpoint
    assert threading.active_count() <= before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(first.endpoint.rpartition(":")[2])))


def test_connections_that_come_as_it_ends_are_closed(account):
    """One that is left open fails whichever test runs when the collector finds it."""

    def knock(port: int) -> None:
        with ExitStack() as doors, suppress(ConnectionError, TimeoutError):
            for _ in range(200):  # more than may wait to be let in: the next would be tried again after a second
                doors.enter_context(socket.create_connection(("127.0.0.1", port), timeout=0.1))

    with ThreadPoolExecutor(2) as pool:
        for _ in range(20):
            with StrictCosmos(account) as strict:
                port = int(strict.endpoint.rpartition(":")[2])
                guests = [pool.submit(knock, port) for _ in range(2)]
            for guest in guests:
                guest.result()
    gc.collect()


def test_bodies_of_4_mb_pass_both_ways(ask, item):
    for number in range(4):
        ask("POST", "", item(str(number), text="x" * 1_000_000))
    told = ask("GET")
    assert sorted(len(each["text"]) for each in told.body["Documents"]) == [1_000_000] * 4
    assert ask("POST", "", item("large", text="x" * 4_000_000)).status == 413


def test_connections_to_the_emulator_are_kept(account, item):
    with CountingProxy(account) as proxy, StrictCosmos(proxy.account) as strict:

        async def write() -> None:
            async with CosmosClient(strict.endpoint, "eA==", enable_endpoint_discovery=False) as client:
                readings = client.get_database_client(account.database).get_container_client("readings")
                for number in range(30):
                    await readings.upsert_item(item(str(number)))

        asyncio.run(write())
        assert len(strict.exchanges) > 30
        assert proxy.accepted <= 3


def test_the_plain_asynchronous_client_is_served(strict, item):
    async def use() -> list[Any]:
        async with CosmosClient(strict.endpoint, "eA==", enable_endpoint_discovery=False) as client:
            readings = client.get_database_client(strict.account.database).get_container_client("readings")
            await asyncio.gather(
                *(
                    readings.execute_item_batch([("upsert", (item(f"{n}-{k}"),)) for k in range(10)], KEY)
                    for n in range(20)
                )
            )
            return [each async for each in readings.query_items("SELECT * FROM c", partition_key=KEY)]

    assert len(asyncio.run(use())) == 200


class CountingProxy:
    """Passes bytes on to the emulator and counts who connects."""

    def __init__(self, account: Account) -> None:
        self.accepted = 0
        self._target = int(account.endpoint.rpartition(":")[2])
        self._account = account

    def __enter__(self) -> CountingProxy:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        starting = asyncio.start_server(self._pass, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(starting, self._loop).result()
        port = self._server.sockets[0].getsockname()[1]
        self.account = replace(self._account, endpoint=f"http://127.0.0.1:{port}")
        return self

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._target)
        await asyncio.gather(self._copy(reader, inner_writer), self._copy(inner_reader, writer))

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while part := await reader.read(65536):
            writer.write(part)
            await writer.drain()
        writer.close()

    def __exit__(self, *_: object) -> None:
        async def end() -> None:
            self._server.close()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            await asyncio.wait(others, timeout=60) if others else None

        asyncio.run_coroutine_threadsafe(end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
