"""Reaching the engine over real sockets: those that nobody may use, that stay silent, that talk of something else."""

from __future__ import annotations

import gc
import os
import re
import socket
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from sensors.errors import EngineError
from sensors.manager.engine import connected

NOBODY = 65534
PAGE = b"<html>hello</html>"

Serve = Callable[[bytes | None], Path]


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """The library leaves a socket to the garbage when it cannot connect (docker/transport/unixconn.py, `connect`)."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def folder() -> Iterator[Path]:
    """Which everybody may enter, with a path that is short enough for a socket's."""
    with tempfile.TemporaryDirectory(prefix="engine-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def serve(folder: Path) -> Iterator[Serve]:
    """Starts a socket that answers whatever it is asked with these bytes; with None it takes calls and says nothing."""
    stops: list[Callable[[], None]] = []

    def serve(answer: bytes | None) -> Path:
        path = folder / f"{len(stops)}.sock"
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(path))
        listening.listen()
        thread = threading.Thread(target=_answer, args=(listening, answer))
        thread.start()

        def stop() -> None:
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            thread.join()
            listening.close()

        stops.append(stop)
        return path

    yield serve
    for stop in stops:
        stop()


def _answer(listening: socket.socket, answer: bytes | None) -> None:
    silent: list[socket.socket] = []
    with suppress(OSError):
        while True:
            call, _ = listening.accept()
            if answer is None:
                silent.append(call)
                continue
            with closing(call):
                call.recv(1 << 16)
                call.sendall(answer)
    for call in silent:
        call.close()


def http(status: str, body: bytes) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may use any socket, so root becomes somebody else for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def refusal(host: str, *, answer_s: int = 20) -> EngineError:
    with pytest.raises(EngineError) as refused, connected({"DOCKER_HOST": host}, answer_s=answer_s):
        pass
    assert str(refused.value).startswith(f"cannot reach: the Docker engine at {host}: ")
    return refused.value


def test_a_socket_that_this_user_may_not_use_says_how_to_be_let_in(serve: Serve) -> None:
    path = serve(b"")
    path.chmod(0)
    with as_nobody():
        error = refusal(f"unix://{path}")
    assert error.why == "this user may not use its socket"
    assert "usermod -aG docker" in error.hint
    assert "log out and in again" in error.hint


def test_an_engine_that_never_answers_is_given_up_after_the_time_it_has(serve: Serve) -> None:
    error = refusal(f"unix://{serve(None)}", answer_s=1)
    assert error.why == "no answer within 1 s"
    assert "restart the engine" in error.hint


@pytest.mark.parametrize(
    "answer",
    [b"SSH-2.0-OpenSSH_9.2\r\n", http("200 OK", PAGE), http("404 Not Found", PAGE), http("200 OK", b"{}"), b""],
    ids=["no HTTP", "a page", "not found", "empty JSON", "nothing"],
)
def test_what_is_no_engine_is_told_as_that(serve: Serve, answer: bytes) -> None:
    error = refusal(f"unix://{serve(answer)}")
    assert error.why == "what answers there is no Docker engine"
    assert "check DOCKER_HOST" in error.hint


def test_an_engine_in_trouble_is_quoted(serve: Serve) -> None:
    assert "containerd is gone" in refusal(f"unix://{serve(http('500 Oops', b'containerd is gone'))}").why


def test_a_socket_that_is_not_there_and_one_that_nobody_listens_at(folder: Path) -> None:
    left = folder / "left.sock"
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(left))
    missing, dead = refusal(f"unix://{folder}/none.sock"), refusal(f"unix://{left}")
    assert (missing.why, dead.why) == ("there is no such socket", "nobody listens there")
    for error in (missing, dead):
        assert "check DOCKER_HOST" in error.hint
        assert "start" in error.hint


@pytest.mark.parametrize("host", ["foo://x", "nonsense", "tcp://localhost", "tcp://no.such.host.invalid:2375"])
def test_a_wrong_docker_host_is_told_as_that(host: str) -> None:
    assert "check DOCKER_HOST" in refusal(host).hint


def test_without_docker_host_the_hint_is_how_to_start_an_engine(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr("docker.utils.utils.DEFAULT_UNIX_SOCKET", f"http+unix://{folder}/none.sock")
    with pytest.raises(EngineError) as refused, connected({}):
        pass
    assert re.fullmatch(r"cannot reach: the Docker engine: there is no socket, so none runs", str(refused.value))
    assert "DOCKER_HOST" not in refused.value.hint
    assert "start" in refused.value.hint
