"""Blocks of a page of docs, and a person who types its commands."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ENDS_S = 900.0
STOPS_S = 30.0

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """What stands between two fences."""

    kind: str
    text: str

    @property
    def first_line(self) -> str:
        return self.text.partition("\n")[0]

    @property
    def commands(self) -> list[str]:
        """One to a line; those that go on in the next line are put together."""
        return [line for line in self.text.replace("\\\n", "").splitlines() if line.strip()]


def blocks(page: Path) -> list[Block]:
    """Of the page, in order."""
    return [Block(kind, text) for kind, text in _FENCE.findall(page.read_text(encoding="utf-8"))]


@dataclass
class Person:
    """Somebody at a shell: where each command leaves them, the next one begins.

    Attributes:
        cwd: Their folder.
        environment: Of their shell.
        running: What goes on in other terminals: what was typed, its process, and what it has said.
    """

    cwd: Path
    environment: Mapping[str, str]
    running: list[tuple[str, subprocess.Popen[bytes], Path]] = field(default_factory=list)

    def type(self, line: str, *, may_end_with: tuple[int, ...] = (0,)) -> str:
        """What the command said, once it has ended as it may."""
        with tempfile.TemporaryDirectory() as folder:
            left, where = Path(folder, "environment"), Path(folder, "cwd")
            leave = shlex.quote(f"env -0 > {shlex.quote(str(left))}; pwd > {shlex.quote(str(where))}")
            done = subprocess.run(
                ["bash", "-c", f"trap {leave} EXIT\nset -eo pipefail\n{line}"],
                cwd=self.cwd,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=ENDS_S,
                check=False,
            )
            said = done.stdout.decode(errors="replace")
            assert done.returncode in may_end_with, f"`{line}` ended with {done.returncode}:\n{said}"
            pairs = (pair.partition("=") for pair in left.read_text(encoding="utf-8").split("\0") if pair)
            self.environment = {name: value for name, _, value in pairs}
            self.cwd = Path(where.read_text(encoding="utf-8").rstrip("\n"))
        return said

    def leave_running(self, line: str, sign: str, within_s: float) -> None:
        """Type it into a terminal of its own, and wait until it has said so."""
        said = Path(tempfile.mkstemp(prefix="terminal-")[1])
        with said.open("wb") as output:
            process = subprocess.Popen(
                ["bash", "-c", line],
                cwd=self.cwd,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.running.append((line, process, said))
        deadline = time.monotonic() + within_s
        while not re.search(sign, text := said.read_text(encoding="utf-8", errors="replace")):
            assert process.poll() is None, f"`{line}` ended with {process.returncode}:\n{text}"
            assert time.monotonic() < deadline, f"`{line}` did not say {sign!r}:\n{text}"
            time.sleep(0.2)

    def interrupt_all(self) -> dict[str, int]:
        """Ctrl-C in every terminal, the last one first; exit code of each command."""
        codes = {}
        while self.running:
            line, process, said = self.running.pop()
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
            try:
                codes[line] = process.wait(STOPS_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                codes[line] = process.wait()
            said.unlink()
        return codes
