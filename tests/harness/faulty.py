"""A proxy before the emulator: it records what is written and answers some requests in the emulator's place."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

from processors.cosmos import Account

BATCH = "x-ms-cosmos-is-batch-request"
CHARGE = "x-ms-request-charge"
RETRY_AFTER = "x-ms-retry-after-ms"


@dataclass(frozen=True)
class Request:
    """A request as it came over the wire; `number` counts the batches from 0 and is -1 for anything else."""

    number: int
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def documents(self) -> list[dict[str, Any]]:
        return [operation["resourceBody"] for operation in json.loads(self.body)]

    @property
    def ids(self) -> list[str]:
        return [document["id"] for document in self.documents]

    @property
    def key(self) -> list[str]:
        key: list[str] = json.loads(self.headers["x-ms-documentdb-partitionkey"])
        return key


@dataclass(frozen=True)
class Answer:
    """What to answer in place of the emulator; `reset` hangs up without a word, `hold` keeps silent until it is set."""

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    reset: bool = False
    hold: threading.Event | None = None


Plan = Callable[[Request], Answer | None]


def throttled(advice_ms: int | None = None) -> Answer:
    advice = {} if advice_ms is None else {RETRY_AFTER: str(advice_ms)}
    return Answer(429, {"code": "429", "message": "Request rate is large"}, advice)


def on_batches(numbers: Container[int], answer: Answer) -> Plan:
    return lambda request: answer if request.number in numbers else None


def on_all_batches(answer: Answer) -> Plan:
    return lambda request: answer if request.number >= 0 else None


def refuse_operations(status_by_id: Mapping[str, int]) -> Plan:
    """Fail each batch that holds one of these documents, as the service does: the others answer 424."""

    def plan(request: Request) -> Answer | None:
        if request.number < 0 or not status_by_id.keys() & set(request.ids):
            return None
        results = [{"statusCode": status_by_id.get(name, 424), "requestCharge": 0} for name in request.ids]
        return Answer(207, results)

    return plan


class FaultyCosmos:
    """The proxy; set `plan` to inject, `charge` to state request units, and read `requests` and `batches`.

    Attributes:
        account: The account to use in the test; it leads through this proxy.
        most_in_flight: Largest number of batches that were in the proxy together.
    """

    def __init__(self, account: Account) -> None:
        self.plan: Plan = lambda _: None
        self.charge: float | None = None
        self.requests: list[Request] = []
        self.in_flight = self.most_in_flight = 0
        self._batches = 0
        self._lock = threading.Lock()
        self._target = urlsplit(account.endpoint).netloc
        self._server = _Server(("127.0.0.1", 0), _Handler, self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self.account = replace(account, endpoint=f"http://127.0.0.1:{self._server.server_address[1]}")

    @property
    def batches(self) -> list[Request]:
        return [request for request in self.requests if request.number >= 0]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        for connection in self._server.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()

    def begin(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Request:
        with self._lock:
            number = -1
            if headers.get(BATCH, "").lower() == "true":
                number, self._batches = self._batches, self._batches + 1
                self.in_flight += 1
                self.most_in_flight = max(self.most_in_flight, self.in_flight)
            request = Request(number, method, path, headers, body)
            self.requests.append(request)
            return request

    def end(self, request: Request) -> None:
        with self._lock:
            self.in_flight -= request.number >= 0

    def forward(self, request: Request) -> Answer:
        connection = http.client.HTTPConnection(self._target, timeout=30)
        try:
            connection.request(request.method, request.path, request.body, dict(request.headers))
            response = connection.getresponse()
            headers = {name: value for name, value in response.getheaders() if name.lower() not in _HOP_BY_HOP}
            return Answer(response.status, response.read(), headers)
        finally:
            connection.close()


_HOP_BY_HOP = {"connection", "content-length", "date", "transfer-encoding"}


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True

    def __init__(self, address: tuple[str, int], handler: type[_Handler], proxy: FaultyCosmos) -> None:
        super().__init__(address, handler)
        self.proxy = proxy
        self.connections: list[socket.socket] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.connections.append(self.connection)

    def _handle(self) -> None:
        proxy = self.server.proxy
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = proxy.begin(self.command, self.path, headers, body)
        try:
            answer = proxy.plan(request)
            if answer is not None and answer.hold is not None:
                answer.hold.wait(30)
            answer = answer or proxy.forward(request)
        finally:
            proxy.end(request)
        if answer.reset:
            self.close_connection = True
            return
        self._reply(answer, request, proxy.charge)

    do_GET = do_POST = do_PUT = do_DELETE = _handle  # noqa: N815

    def _reply(self, answer: Answer, request: Request, charge: float | None) -> None:
        content = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        headers = {"content-type": "application/json", **answer.headers}
        if charge is not None and request.number >= 0:
            headers[CHARGE] = str(charge)
        try:
            self.send_response(answer.status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Keep quiet: requests are recorded."""
