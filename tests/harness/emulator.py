"""A Cosmos emulator for as long as it is needed, outside of pytest too."""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAM = Path(__file__).parents[2] / ".tools" / "bin" / "cosmium"
READY_S = 20.0


@contextmanager
def running(log: Path) -> Iterator[str]:
    """Endpoint of an emulator that answers.

    Raises:
        RuntimeError: There is none, or it does not answer.
    """
    if not PROGRAM.is_file():
        raise RuntimeError(f"{PROGRAM} is missing: run `make setup`")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [PROGRAM, "-Host", "127.0.0.1", "-Port", str(port), "-DisableTls", "-DisableAuth"]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            endpoint = f"http://127.0.0.1:{port}"
            deadline = time.monotonic() + READY_S
            while not _answers(endpoint):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the emulator did not answer within {READY_S:.0f} s:\n{log.read_text()}")
                time.sleep(0.02)
            yield endpoint
        finally:
            process.kill()


def _answers(endpoint: str) -> bool:
    try:
        with urllib.request.urlopen(endpoint, timeout=READY_S):
            return True
    except urllib.error.HTTPError as answered:
        answered.close()
        return True
    except OSError:
        return False
