"""Who answers at an endpoint, on real sockets: Cosmos, something else, nothing; and what time it has."""

from __future__ import annotations

import os
import socket
import ssl
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sensors.errors import SensorsError
from sensors.manager.diagnostics.check import Outcome
from sensors.manager.diagnostics.endpoint import Answer, ask, endpoint_clock, port, port_of, shown
from sensors.manager.diagnostics.listener import listener
from sensors.manager.diagnostics.mask import MASK
from tests.security.certificates import certificate

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def now() -> datetime:
    return NOW


@contextmanager
def serving(status: int, headers: Mapping[str, str], body: bytes = b"", tls: Path | None = None) -> Iterator[str]:
    """An endpoint that says this, and no date or server of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls:
            made = certificate(tls, "somewhere.else")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(made.file, made.key)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def saying(content: bytes) -> Iterator[str]:
    """An endpoint that says these bytes to the first who comes, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def say() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(content)

        thread = threading.Thread(target=say)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answer_or_error(endpoint: str) -> Answer | SensorsError:
    try:
        return ask(endpoint, now)
    except SensorsError as error:
        return error


def test_the_emulator_is_cosmos(emulator: str) -> None:
    answer = ask(emulator, lambda: datetime.now(UTC))
    assert answer.is_cosmos
    check = port(emulator, answer)
    assert (check.outcome, check.remedy) == (Outcome.OK, "")
    assert endpoint_clock(emulator, answer).outcome is Outcome.OK


def test_an_account_is_known_by_its_headers_though_it_refuses() -> None:
    with serving(401, {"x-ms-activity-id": "1"}) as endpoint:
        answer = ask(endpoint, now)
    assert answer.status == 401
    assert port(endpoint, answer).outcome is Outcome.OK


def test_something_else_is_named_with_its_program() -> None:
    with serving(404, {"Server": "nginx/1.25"}, b"<html>") as endpoint:
        check = port(endpoint, ask(endpoint, now))
    assert check.outcome is Outcome.FAILED
    assert "and is not Cosmos DB (status 404, server nginx/1.25)" in check.found
    assert str(port_of(endpoint)) in check.remedy
    if sys.platform == "linux":
        assert f"(process {os.getpid()})" in check.found


@pytest.mark.parametrize("body", [b"[1]", b"{}", b"\xff", b"[" * 50_000])
def test_no_body_is_taken_for_an_account(body: bytes) -> None:
    with serving(200, {}, body) as endpoint:
        assert not ask(endpoint, now).is_cosmos


def test_nothing_there_fails_with_how_to_start_it() -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    error = answer_or_error(endpoint)
    check = port(endpoint, error)
    assert check.outcome is Outcome.FAILED
    assert "refused" in check.found
    assert "start the emulator" in check.remedy
    assert endpoint_clock(endpoint, error).outcome is Outcome.SKIPPED


@pytest.mark.parametrize("content", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"])
def test_what_does_not_speak_http_fails(content: bytes) -> None:
    with saying(content) as endpoint:
        check = port(endpoint, answer_or_error(endpoint))
    assert check.outcome is Outcome.FAILED
    assert check.remedy


def test_what_accepts_and_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(SensorsError, match="timed out"):
        ask(f"http://127.0.0.1:{server.getsockname()[1]}", now, answer_s=0.05)


def test_any_certificate_does_on_this_machine(tmp_path: Path) -> None:
    with serving(200, {"x-ms-version": "1"}, tls=tmp_path) as endpoint:
        assert ask(endpoint, now).is_cosmos


def test_a_redirect_is_not_followed() -> None:
    with serving(200, {"x-ms-version": "1"}) as other, serving(302, {"Location": other}) as endpoint:
        assert ask(endpoint, now).status == 302


def test_no_proxy_stands_before_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    with serving(200, {}) as endpoint:
        assert ask(endpoint, now).status == 200


@pytest.mark.parametrize("endpoint", ["file:///etc/passwd", "ftp://127.0.0.1/", "nonsense", "http://127.0.0.1:x"])
def test_no_other_scheme_is_opened(endpoint: str) -> None:
    with pytest.raises(SensorsError, match="it is no URL"):
        ask(endpoint, now)


@pytest.mark.parametrize(
    "pasted",
    [
        "AccountEndpoint=https://x.documents.azure.com:443/;AccountKey=hush",
        "https://x.documents.azure.com:443;AccountKey=hush",
        "https://user:hush@x.documents.azure.com",
        "https://x.documents.azure.com:443/AccountKey=hush",
        "https://[hush",
    ],
)
def test_what_was_pasted_is_not_repeated(pasted: str) -> None:
    assert "hush" not in shown(pasted)
    if shown(pasted) == MASK:
        assert "hush" not in str(answer_or_error(pasted))


def test_elsewhere_the_port_is_nobodys_business_here() -> None:
    answer = Answer(401, {"x-ms-version": "1"}, b"", NOW)
    assert port("https://x.documents.azure.com", answer).outcome is Outcome.SKIPPED
    assert port("", None).outcome is Outcome.SKIPPED
    assert endpoint_clock("", None).outcome is Outcome.SKIPPED


@pytest.mark.parametrize(
    ("off_s", "outcome"), [(0, Outcome.OK), (60, Outcome.WARNING), (-60, Outcome.WARNING), (3600, Outcome.FAILED)]
)
def test_the_date_of_an_answer_is_compared(off_s: int, outcome: Outcome) -> None:
    date = format_datetime(NOW + timedelta(seconds=off_s), usegmt=True)
    with serving(401, {"Date": date}) as endpoint:
        assert endpoint_clock(endpoint, ask(endpoint, now)).outcome is outcome


@pytest.mark.parametrize("headers", [{}, {"Date": "yesterday"}])
def test_without_a_date_the_clock_is_skipped(headers: Mapping[str, str]) -> None:
    with serving(200, headers) as endpoint:
        assert endpoint_clock(endpoint, ask(endpoint, now)).outcome is Outcome.SKIPPED


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who listens")
def test_the_program_that_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        assert str(listener(number)).endswith(f"(process {os.getpid()})")
        with socket.create_connection(("127.0.0.1", number)) as connected:
            assert listener(connected.getsockname()[1]) is None
    assert listener(number) is None


def test_where_nobody_tells_who_listens_there_is_no_name(tmp_path: Path) -> None:
    assert listener(80, tmp_path) is None
