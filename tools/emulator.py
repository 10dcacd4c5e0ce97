"""The demo's Cosmos emulator: one process that outlives the demo, so that documents stay between runs."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BINARY = ROOT / ".tools" / "bin" / "cosmium"
RECORD = ROOT / ".tools" / "demo-emulator.json"
LOG = ROOT / ".tools" / "demo-emulator.log"

READY_S = 20.0
FIRST_PORT = 8081
PORTS = 20


@dataclass(frozen=True)
class Emulator:
    """A running emulator.

    Attributes:
        pid: Process id.
        started: The kernel's start time of the process: with the pid it names the process for good.
        port: On loopback.
    """

    pid: int
    started: str
    port: int

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def running() -> Emulator | None:
    """The demo's emulator, None when it does not run (any longer)."""
    try:
        emulator = Emulator(**json.loads(RECORD.read_text()))
        alive = _start_time(emulator.pid) == emulator.started
    except (OSError, ValueError, TypeError):
        return None
    return emulator if alive else None


def start() -> Emulator:
    """A new emulator that answers, on the first free port from 8081."""
    port = next(port for port in range(FIRST_PORT, FIRST_PORT + PORTS) if _is_free(port))
    command: list[str | Path] = [BINARY, "-Host", "127.0.0.1", "-Port", str(port), "-DisableTls", "-DisableAuth"]
    with LOG.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
    emulator = Emulator(process.pid, _start_time(process.pid), port)
    RECORD.write_text(json.dumps(asdict(emulator)))
    deadline = time.monotonic() + READY_S
    while not _answers(emulator.endpoint):
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"Error: the emulator does not answer; its log: {LOG}")
        time.sleep(0.05)
    return emulator


def stop() -> bool:
    """Ends the demo's emulator and its documents; False when none runs."""
    emulator = running()
    if emulator is not None:
        os.kill(emulator.pid, signal.SIGTERM)
    RECORD.unlink(missing_ok=True)
    return emulator is not None


def _start_time(pid: int) -> str:
    """Field 22 of /proc/<pid>/stat; the second field may hold spaces, and ends with the last bracket."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _answers(endpoint: str) -> bool:
    try:
        with urllib.request.urlopen(endpoint, timeout=READY_S):
            return True
    except urllib.error.HTTPError as refusal:
        refusal.close()
        return True
    except OSError:
        return False
