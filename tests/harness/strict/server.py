"""The strict server: a proxy on loopback, in a thread of its own, that records what it is asked."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Self

from aiohttp import web

from processors.containers import definition
from processors.cosmos import Account
from tests.harness.strict import exchange as exchanges
from tests.harness.strict import rules
from tests.harness.strict.catalog import Catalog
from tests.harness.strict.charges import Charges
from tests.harness.strict.delivery import deliver
from tests.harness.strict.exchange import PARTITION_KEY, Exchange
from tests.harness.strict.faults import Answer, Chooser, Plan
from tests.harness.strict.service import Service
from tests.harness.strict.upstream import Upstream

Throughput = float | None | Mapping[str, float | None]

_HANGS_UP_S = 0.001
_UNTIL_KNOWN = 2
"""Rounds of the event loop from a connection's being accepted to the server's knowing of it, so as to close it."""

_LONGEST_HEADER = 1 << 22
"""So that it is us who refuses a partition key, whatever its length."""


class StrictCosmos:
    """Azure Cosmos DB for tests: the emulator, with what Azure enforces and the emulator does not.

    Used as a context manager; what went wrong in the server itself is raised at the end.

    Not enforced: queries are answered whole, without pages, and a partition key in the header of a query does not
    narrow it. A patch in a batch is refused. What is written past this server is noticed by requests that name it,
    not by what counts items or waits for them to expire.

    Args:
        account: Leads to the emulator.
        seed: Chooses what requests cost.
        throughput: As the attribute.
        now: Unix seconds, for what expires; not before this machine's, by which the emulator stamps items.
        clock: Seconds, never falling, for throughput and for the times of exchanges.
        name: Host name to be reached by, which must lead to loopback.
        tls: Where it speaks https.

    Attributes:
        throughput: Request units a second for each container, or by the container's name; None never throttles.
            May be set while it runs.
        plan: Faults to inject, or a function that answers requests in the service's place. May be set while it runs.
        exchanges: Each request, in order of arrival.
        fired: Name of a fault -> how often it was injected.
        most_in_flight: Largest number of batches that were in the server together.
        crashes: What went wrong in the server itself, or in a plan.
    """

    account: Account
    endpoint: str

    def __init__(
        self,
        account: Account,
        *,
        seed: int = 0,
        throughput: Throughput = None,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        name: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._name = name
        self._tls = tls
        self.throughput = throughput
        self.plan: Plan | Chooser = Plan()
        self.exchanges: list[Exchange] = []
        self.fired: Counter[str] = Counter()
        self.most_in_flight = 0
        self.crashes: list[BaseException] = []
        self._upstream_account = account
        self._charges = Charges(seed)
        self._now = now
        self._clock = clock
        self._requests = self._batches = self._in_flight = 0
        self._working: set[asyncio.Task[Answer]] = set()
        self._holds: set[threading.Event] = set()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="strict cosmos")

    @property
    def batches(self) -> list[Exchange]:
        """Transactional batches, in order of arrival."""
        return [exchange for exchange in self.exchanges if exchange.batch_number >= 0]

    def __enter__(self) -> Self:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        scheme = "https" if self._tls else "http"
        self.endpoint = f"{scheme}://{self._name}:{self._socket.getsockname()[1]}"
        self.account = replace(self._upstream_account, endpoint=self.endpoint)
        self._thread.start()
        self._started.wait()
        self._raise()
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._raise()

    def forward(self, exchange: Exchange) -> Answer:
        """What the service makes of a request; for plans that are functions."""
        return asyncio.run_coroutine_threadsafe(self._served(exchange, _content(exchange.body)), self._loop).result()

    def _raise(self) -> None:
        if self.crashes:
            raise self.crashes[0]

    def _run(self) -> None:
        try:
            with self._socket, asyncio.Runner() as runner, ThreadPoolExecutor(64) as pool:
                self._pool = pool
                runner.run(self._serve())
        except BaseException as error:  # noqa: BLE001  # it is raised where the server was started or ended
            self.crashes.append(error)
        finally:
            self._started.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        upstream = Upstream(self._upstream_account.endpoint)
        ttl_s = {each.name: each.default_ttl_s for each in definition.wanted(self._upstream_account)}
        catalog = Catalog(upstream, self._rate, ttl_s, self._clock)
        self._service = Service(upstream, catalog, self._charges, self._now)
        http = web.Server(
            self._handle,
            handler_cancellation=True,
            access_log=None,
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
        )
        listening = await self._loop.create_server(http, sock=self._socket, ssl=self._tls)
        self._started.set()
        await self._stop.wait()
        # asyncio forgets, and never closes, a connection that it has just accepted when its server closes.
        self._loop.remove_reader(self._socket)
        for _ in range(_UNTIL_KNOWN):
            await asyncio.sleep(0)
        listening.close()
        await http.shutdown(_HANGS_UP_S)
        for hold in self._holds:
            hold.set()
        if self._working:
            await asyncio.wait(self._working)
        await upstream.close()

    def _rate(self, container: str) -> float | None:
        given = self.throughput
        return given.get(container) if isinstance(given, Mapping) else given

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.content.read()
        content = _content(body)
        exchange = self._begin(request, body, content)
        try:
            answer = await self._crashing(self._answer(exchange, content))
            if answer.delivery in ("whole", "drip"):
                exchange.status = answer.status
            return await deliver(request, answer)
        finally:
            exchange.ended_s = self._clock()
            self._in_flight -= exchange.batch_number >= 0

    def _begin(self, request: web.BaseRequest, body: bytes, content: Any) -> Exchange:
        headers = {name.lower(): value for name, value in request.headers.items()}
        target = exchanges.target(request.method, request.raw_path, headers)
        key = _content(headers.get(PARTITION_KEY, "").encode())
        number = -1
        if target.kind == "batch":
            number, self._batches = self._batches, self._batches + 1
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
        exchange = Exchange(
            number=self._requests,
            batch_number=number,
            method=request.method,
            path=request.raw_path,
            headers=headers,
            body=body,
            database=target.database,
            container=target.container,
            kind=target.kind,
            ids=exchanges.ids(target.kind, target.item, content),
            key=key if isinstance(key, list) else None,
            began_s=self._clock(),
        )
        self._requests += 1
        self.exchanges.append(exchange)
        return exchange

    async def _answer(self, exchange: Exchange, content: Any) -> Answer:
        planned = await self._planned(exchange)
        if planned is not None and planned.hold is not None:
            self._holds.add(planned.hold)
            await self._loop.run_in_executor(self._pool, planned.hold.wait)
        if planned is not None and not planned.taken:
            return planned
        # What the service has begun it ends, also when the client has gone.
        work = self._loop.create_task(self._served(exchange, content))
        self._working.add(work)
        work.add_done_callback(self._working.discard)
        served = await asyncio.shield(work)
        if planned is None:
            return served
        return replace(served, delivery=planned.delivery) if planned.body is None else planned

    async def _planned(self, exchange: Exchange) -> Answer | None:
        plan = self.plan
        if not isinstance(plan, Plan):
            return await self._loop.run_in_executor(self._pool, plan, exchange)
        fault = plan.strikes(exchange, self._batches)
        if fault is None:
            return None
        exchange.fault = fault.name
        self.fired[fault.name] += 1
        return fault.answer(exchange)

    async def _served(self, exchange: Exchange, content: Any) -> Answer:
        return await self._crashing(self._service.answer(exchange, content))

    async def _crashing(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """The same, and what it raises is kept, so that no test can pass over it."""
        try:
            return await work
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            if error not in self.crashes:
                self.crashes.append(error)
            raise


def _content(body: bytes) -> Any:
    """JSON of a body, None when it has none; why it is no JSON, as a value."""
    try:
        return rules.parse(body) if body else None
    except rules.Refused as refused:
        return refused
