"""The emulator as a process of its own."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAM = Path(__file__).parents[2] / ".tools" / "bin" / "cosmium"
READY_S = 20.0


@contextmanager
def serving() -> Iterator[str]:
    """The endpoint of an emulator that answers; it ends with the block."""
    assert PROGRAM.is_file(), f"{PROGRAM} is missing: run `make setup`"
    port = _free_port()
    command = [str(PROGRAM), "-Host", "127.0.0.1", "-Port", str(port), "-DisableTls", "-DisableAuth"]
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log) as process,
    ):
        try:
            endpoint = f"http://127.0.0.1:{port}"
            if not _answers(endpoint, process):
                log.seek(0)
                raise AssertionError(f"the emulator did not answer within {READY_S:.0f} s:\n{log.read().decode()}")
            yield endpoint
        finally:
            process.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(endpoint: str, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(endpoint, timeout=READY_S):
                return True
        except urllib.error.HTTPError as answered:
            answered.close()
            return True
        except OSError:
            time.sleep(0.02)
    return False
