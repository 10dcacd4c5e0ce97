"""A loopback orchestrator that answers as a real one was recorded to (tests/submitter/recorded)."""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

RECORDED = Path(__file__).parents[1] / "submitter" / "recorded"
NODES = "/api/v1/orchestrator/nodes"
JOBS = "/api/v1/orchestrator/jobs"


def recorded(name: str) -> Any:
    """An answer of Bacalhau 1.9.3."""
    return json.loads((RECORDED / f"{name}.json").read_text())


@dataclass(frozen=True)
class Request:
    """What was asked."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


@dataclass
class Answer:
    """What is answered: JSON, or bytes as they are; `hold` keeps it back until it is set."""

    status: int = 200
    body: Any = field(default_factory=dict)
    hold: threading.Event | None = None


class Orchestrator:
    """Answers each path with the next of its answers; the last one stays. Logs are WebSocket messages."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.logs: dict[str, list[dict[str, Any]]] = {}
        self._answers: defaultdict[tuple[str, str], list[Answer]] = defaultdict(list)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                """Nothing."""

            def _any(self) -> None:
                outer.handle(self)

            do_GET = do_PUT = do_DELETE = _any  # noqa: N815

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1."""
        return int(self._server.server_port)

    def answers(self, method: str, path: str, *answers: Any, status: int = 200) -> None:
        """Sets what is answered from now on; a mapping or bytes is an answer with `status`."""
        made = [answer if isinstance(answer, Answer) else Answer(status, answer) for answer in answers]
        self._answers[method, path] = made

    def asked(self, method: str, path: str) -> list[Request]:
        """Requests of that method for that path."""
        return [request for request in self.requests if (request.method, request.path) == (method, path)]

    def handle(self, http: BaseHTTPRequestHandler) -> None:
        """One request."""
        url = urlsplit(http.path)
        body = http.rfile.read(int(http.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in http.headers.items()}
        request = Request(http.command, url.path, parse_qs(url.query), headers, body)
        self.requests.append(request)
        if headers.get("upgrade") == "websocket":
            self._log(http, request)
            return
        waiting = self._answers[request.method, request.path]
        answer = (waiting.pop(0) if len(waiting) > 1 else waiting[0]) if waiting else Answer(404, b"no such page")
        if answer.hold is not None:
            answer.hold.wait(30)
        content = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        http.send_response(answer.status)
        http.send_header("Content-Length", str(len(content)))
        http.end_headers()
        http.wfile.write(content)

    def _log(self, http: BaseHTTPRequestHandler, request: Request) -> None:
        """The execution's messages, then a normal close, as Bacalhau sends them."""
        key = request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode(), usedforsecurity=False).digest()).decode()
        http.send_response(101)
        for name, value in (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept)):
            http.send_header(name, value)
        http.end_headers()
        for message in self.logs.get(request.query["execution_id"][0], []):
            http.wfile.write(_frame(0x1, json.dumps(message).encode()))
        http.wfile.write(_frame(0x8, (1000).to_bytes(2, "big")))
        http.close_connection = True

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _frame(opcode: int, payload: bytes) -> bytes:
    size = len(payload)
    length = bytes([size]) if size < 126 else bytes([126]) + size.to_bytes(2, "big")
    return bytes([0x80 | opcode]) + length + payload
