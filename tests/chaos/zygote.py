"""The real processor as a process of its own, forked from one that has imported it: 0.02 s instead of 1.2 s.

`python -m tests.chaos.zygote` reads orders on stdin, a JSON line each, forks a child for each that runs
`python -m processors ingest`, and says on stdout how it ended. Nothing of Polars or of an event loop has begun before
the fork, so a child is what a fresh process is after its imports. It ends once its threads have and what it left has
been collected: Python would first take down every module, page by page that the two share, for 0.4 s.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[2]

ENDS_S = 90.0
"""A run that takes longer has hung."""

HUNG = 999
"""In place of the exit code of a run that had to be killed."""


@dataclass(frozen=True)
class Ended:
    """What a run left; `code` is negative for a signal, or `HUNG`, `reports` are the lines on stdout."""

    code: int
    reports: list[dict[str, Any]]
    errors: str


class Run:
    """A run that goes on."""

    def __init__(self, pid: int, folder: Path, code: Future[int]) -> None:
        self.pid = pid
        self._folder = folder
        self._code = code

    @property
    def done(self) -> bool:
        return self._code.done()

    def signal(self, number: int) -> None:
        """Sends a signal, unless the run has ended."""
        if not self.done:
            os.kill(self.pid, number)

    def wait(self, seconds: float) -> bool:
        """Whether it ended within that time."""
        try:
            self._code.result(seconds)
        except TimeoutError:
            return False
        return True

    def ended(self) -> Ended:
        hung = not self.wait(ENDS_S)
        if hung:
            self.signal(signal.SIGUSR2)  # it writes where each of its threads is
            self.wait(1.0)
            self.signal(signal.SIGKILL)
        code = HUNG if hung else self._code.result()
        output = (self._folder / "stdout").read_text(encoding="utf-8")
        reports = [json.loads(line) for line in output.splitlines(keepends=True) if line.endswith("\n")]
        return Ended(code, reports, (self._folder / "stderr").read_text(encoding="utf-8"))


class Zygote:
    """Starts runs of the processor that is found in `packages`, this project's unless said otherwise."""

    def __init__(self, packages: Path = ROOT) -> None:
        paths = os.pathsep.join(map(str, dict.fromkeys((packages, ROOT))))
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("COSMOS_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.zygote"],
            cwd=packages,
            env={**inherited, "PYTHONPATH": paths, "PYTHONWARNINGS": "error"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._born: Future[int] = Future()
        self._running: dict[int, Future[int]] = {}
        self._runs = 0
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pid, code in self._running.items():
            if not code.done():
                os.kill(pid, signal.SIGKILL)
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(ENDS_S)
        self._listener.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def start(self, folder: Path, settings: Mapping[str, object], interference: Mapping[str, Any]) -> Run:
        """Starts a run.

        Args:
            folder: For its output; made here.
            settings: Names as in `processors.settings.Settings`; None is left out.
            interference: See `tests.chaos.interference`.
        """
        self._runs += 1
        own = folder / f"run-{self._runs}"
        own.mkdir(parents=True)
        for name in ("stdout", "stderr"):
            (own / name).touch()  # here, for the run may be killed before it can
        chosen = {f"COSMOS_{name.upper()}": str(value) for name, value in settings.items() if value is not None}
        self._born = Future()
        assert self._process.stdin is not None
        order = {"folder": str(own), "environment": chosen, "interference": dict(interference)}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        pid = self._born.result(ENDS_S)
        return Run(pid, own, self._running[pid])

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            if "born" in told:
                self._running[told["born"]] = Future()
                self._born.set_result(told["born"])
            else:
                self._running[told["died"]].set_result(told["code"])


def _serve() -> dict[str, Any] | None:
    """Forks until stdin ends; in a child, its order."""
    woken, waking = os.pipe()
    os.set_blocking(waking, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waking)
    waiting = b""
    while True:
        ready, _, _ = select.select([0, woken], [], [])
        if woken in ready:
            os.read(woken, 1024)
            _bury()
        if 0 not in ready:
            continue
        read = os.read(0, 65_536)
        if not read:
            return None
        *orders, waiting = (waiting + read).split(b"\n")
        for order in orders:
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                os.close(woken)
                os.close(waking)
                found: dict[str, Any] = json.loads(order)
                return found
            _tell({"born": pid})


def _bury() -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _tell({"died": pid, "code": os.waitstatus_to_exitcode(status)})


def _tell(message: Mapping[str, int]) -> None:
    os.write(1, (json.dumps(message) + "\n").encode())


def _main() -> int:
    # Imported before the fork; the names are those that the processor imports when it is used.
    import adbc_driver_sqlite.dbapi  # noqa: F401, PLC0415

    import processors.city  # noqa: F401, PLC0415
    from processors.__main__ import main  # noqa: PLC0415
    from tests.chaos import interference  # noqa: PLC0415

    gc.freeze()  # a collection in a child is of its own objects
    order = _serve()
    if order is None:
        return 0
    folder = Path(order["folder"])
    os.chdir(folder)
    for name, number in (("/dev/null", 0), ("stdout", 1), ("stderr", 2)):
        descriptor = os.open(folder / name, os.O_RDONLY if number == 0 else os.O_WRONLY)
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.update(order["environment"])
    faulthandler.register(signal.SIGUSR2, all_threads=True)
    interference.arrange(**order["interference"])
    code = main(["ingest"])
    gc.collect()  # what was not closed says so now
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    sys.exit(_main())
