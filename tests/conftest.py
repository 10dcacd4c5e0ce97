"""A Cosmos emulator for the session, and a database of its own for each test that asks."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from processors import containers
from processors.cosmos import Account
from tests.harness.strict import StrictCosmos

pytest_plugins = ["tests.left_out"]

EMULATOR = Path(__file__).parents[1] / ".tools" / "bin" / "cosmium"
GOLDEN = Path(__file__).parent / "golden"
READY_S = 20.0


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Endpoint of an emulator that answers."""
    if not EMULATOR.is_file():
        pytest.fail(f"{EMULATOR} is missing: run `make setup`", pytrace=False)
    port = _free_port()
    log = tmp_path_factory.mktemp("emulator") / "log"
    command = [EMULATOR, "-Host", "127.0.0.1", "-Port", str(port), "-DisableTls", "-DisableAuth"]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            endpoint = f"http://127.0.0.1:{port}"
            _wait_until_answers(endpoint, process, log)
            yield endpoint
        finally:
            process.kill()


@pytest.fixture
def account(emulator: str) -> Account:
    """A new database with all its containers, empty."""
    fresh = Account(emulator, "", f"test-{uuid.uuid4().hex[:12]}")
    containers.create(fresh)
    return fresh


@pytest.fixture
def strict(account: Account) -> Iterator[StrictCosmos]:
    """A strict service before the emulator that records requests and fails as planned; `.account` leads to it."""
    with StrictCosmos(account) as strict:
        yield strict


@pytest.fixture(scope="session")
def golden() -> Callable[[str, str], None]:
    """Compares with a file of tests/golden; UPDATE_GOLDEN=1 writes it instead."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if os.environ.get("UPDATE_GOLDEN") == "1":
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), f"{path} is missing: UPDATE_GOLDEN=1 writes it"
        assert text == path.read_text(encoding="utf-8")

    return check


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_answers(endpoint: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(endpoint, timeout=READY_S):
                return
        except urllib.error.HTTPError as answered:
            answered.close()
            return
        except OSError:
            time.sleep(0.02)
    pytest.fail(f"the emulator did not answer within {READY_S:.0f} s:\n{log.read_text()}", pytrace=False)
