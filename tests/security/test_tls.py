"""Certificates are verified unless the endpoint is this machine's loopback address, whatever the environment says."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.harness.emulator import PROGRAM
from tests.security.certificates import Certificate, certificate

ELSEWHERE = "cosmos.example"
"""A name that is not loopback's and that the probe finds at 127.0.0.1."""

PROBE = f"""
import asyncio, socket, sys
found = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **more: found(
    "127.0.0.1" if host == {ELSEWHERE!r} else host, *rest, **more
)
from processors import check, cosmos
from processors.cosmos import Account
from processors.errors import ProcessorError

async def enter(account):
    async with cosmos.connect(account):
        print("connected")

account = Account(sys.argv[1], "c2VjcmV0", "x")
try:
    asyncio.run(enter(account))
except ProcessorError as error:
    print(type(error).__name__, error, error.hint, sep="|")
print(check.check(account)[0].outcome)
"""

UNVERIFIED = {
    "PYTHONHTTPSVERIFY": "0",
    "REQUESTS_CA_BUNDLE": "",
    "CURL_CA_BUNDLE": "",
    "AZURE_CLI_DISABLE_CONNECTION_VERIFICATION": "1",
    "NODE_TLS_REJECT_UNAUTHORIZED": "0",
    "COSMOS_EMULATOR": "1",
}
"""What switches verification off in other programs, or could be thought to."""

READY_S = 20.0


@pytest.fixture
def emulator_with_tls(tmp_path: Path) -> Iterator[Callable[..., int]]:
    """Starts the emulator with a certificate, its own where none is given; the port."""
    with ExitStack() as running:

        def start(mine: Certificate | None = None, host: str = "127.0.0.1") -> int:
            return running.enter_context(_emulator(tmp_path, mine, host))

        yield start


@contextmanager
def _emulator(folder: Path, mine: Certificate | None, host: str) -> Iterator[int]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as free:
        port: int = free.getsockname()[1]
    command = [PROGRAM, "-Host", f"[{host}]" if ":" in host else host, "-Port", str(port), "-DisableAuth"]
    command += ["-Cert", mine.file, "-CertKey", mine.key] if mine else []
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            deadline = time.monotonic() + READY_S
            while not _listens(host, port):
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.02)
            yield port
        finally:
            process.kill()


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=READY_S).close()
    except OSError:
        return False
    return True


def probe(endpoint: str, environment: Mapping[str, str] | None = None) -> tuple[str, str]:
    """How `connect` ended, and the outcome of the first step of `cosmos check`."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, endpoint],
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.stderr == ""
    connected, checked = done.stdout.splitlines()
    return connected, checked


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1"])
def test_an_emulators_own_certificate_is_taken_on_loopback(emulator_with_tls: Callable[..., int], host: str) -> None:
    port = emulator_with_tls(host=host)
    assert probe(f"https://{f'[{host}]' if ':' in host else host}:{port}") == ("connected", "ok")


def test_localhost_is_loopback(emulator_with_tls: Callable[..., int]) -> None:
    assert probe(f"https://localhost:{emulator_with_tls()}") == ("connected", "ok")


@pytest.mark.parametrize("environment", [{}, UNVERIFIED])
def test_any_other_name_must_have_a_trusted_certificate(
    emulator_with_tls: Callable[..., int], environment: Mapping[str, str]
) -> None:
    connected, checked = probe(f"https://{ELSEWHERE}:{emulator_with_tls()}", environment)
    assert connected.startswith(f"EndpointError|cannot connect to Cosmos DB: https://{ELSEWHERE}")
    assert "its certificate is not trusted: unable to get local issuer certificate" in connected
    assert "SSL_CERT_FILE" in connected
    assert checked == "failed"


def test_a_certificate_of_a_trusted_authority_is_taken(emulator_with_tls: Callable[..., int], tmp_path: Path) -> None:
    mine = certificate(tmp_path, ELSEWHERE)
    trusting = {"SSL_CERT_FILE": str(mine.file)}
    assert probe(f"https://{ELSEWHERE}:{emulator_with_tls(mine)}", trusting) == ("connected", "ok")


@pytest.mark.parametrize(
    ("name", "days", "why"), [("other.example", 1, "Hostname mismatch"), (ELSEWHERE, -1, "certificate has expired")]
)
def test_a_trusted_certificate_of_another_name_or_time_is_refused(
    emulator_with_tls: Callable[..., int], tmp_path: Path, name: str, days: int, why: str
) -> None:
    mine = certificate(tmp_path, name, days=days)
    connected, checked = probe(f"https://{ELSEWHERE}:{emulator_with_tls(mine)}", {"SSL_CERT_FILE": str(mine.file)})
    assert f"its certificate is not trusted: {why}" in connected
    assert checked == "failed"


def test_https_to_what_speaks_http_says_so(emulator: str) -> None:
    connected, checked = probe(emulator.replace("http://", "https://"))
    assert "it does not speak TLS as asked" in connected
    assert "an emulator without TLS has http://" in connected
    assert checked == "failed"
