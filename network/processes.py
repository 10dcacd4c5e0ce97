"""Programs that outlive the command that started them, and are found again without any record of them.

Each carries an environment variable with its network's state folder, which /proc shows for as long as it lives.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MARKER = "BACALHAU_COSMOS_NETWORK"
NODE = "COSMOS_NODE_FOLDER"

_STEP_S = 0.05
_ENDED = ("Z", "X", "")


@dataclass(frozen=True)
class Marked:
    """A process that belongs to a local network.

    Attributes:
        pid: Process id.
        folder: State folder of its network.
        node: Name of the compute node it is, empty for the other programs.
    """

    pid: int
    folder: str
    node: str


def spawn(argv: tuple[str, ...], environment: Mapping[str, str], log: Path) -> int:
    """Start a program in a session of its own, with both outputs appended to `log`; its process id.

    Raises:
        OSError: It cannot be executed.
    """
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    ignored_here = [signal.SIGPIPE, signal.SIGINT]
    return os.posix_spawn(argv[0], argv, environment, file_actions=actions, setsid=True, setsigdef=ignored_here)


def start_time(pid: int) -> str:
    """The kernel's start time of a living process, which with its id names it for good; empty when it has ended."""
    _reap(pid)
    try:
        # The second field may hold spaces and brackets, and ends with the last bracket.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in _ENDED else fields[19]


def alive(pid: int, started: str) -> bool:
    """Whether the process of that id and start time still runs."""
    return bool(started) and start_time(pid) == started


def marked() -> Iterator[Marked]:
    """All programs of local networks on this machine, as far as /proc may be read."""
    for path in Path("/proc").iterdir():
        if not path.name.isdigit() or int(path.name) == os.getpid():
            continue
        try:
            content = (path / "environ").read_bytes()
        except OSError:
            continue
        if MARKER.encode() not in content:
            continue
        pairs = (entry.partition(b"=") for entry in content.split(b"\0"))
        found = {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}
        if MARKER in found:
            yield Marked(int(path.name), found[MARKER], found.get(NODE, ""))


def of_folder(folder: Path, *, only_nodes: bool = False) -> list[int]:
    """Ids of the programs of one network that have not ended."""
    return [
        each.pid
        for each in marked()
        if each.folder == str(folder) and (each.node or not only_nodes) and start_time(each.pid)
    ]


def end(folder: Path, *, term_s: float, kill_s: float) -> list[int]:
    """End all programs of one network: asked first, then killed.

    The nodes go first: they say goodbye to their orchestrator, and wait ten seconds for one that has gone.

    Returns:
        Ids of those that were ended, and of what they had started.

    Raises:
        TimeoutError: One lives on although it was killed.
    """
    seen: dict[int, str] = {}

    def living(*, only_nodes: bool) -> list[int]:
        """Also those that are about to end: they show no environment any more, and still hold their ports."""
        seen.update({pid: start_time(pid) for pid in of_folder(folder, only_nodes=only_nodes)})
        return [pid for pid, started in seen.items() if alive(pid, started)]

    for only_nodes in (True, False):
        for number, deadline_s in ((signal.SIGTERM, term_s), (signal.SIGKILL, kill_s)):
            for pid in living(only_nodes=only_nodes):
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
            if until(lambda which=only_nodes: not living(only_nodes=which), deadline_s):  # type: ignore[misc]
                break
        else:
            raise TimeoutError(f"still there: {', '.join(map(str, living(only_nodes=False)))}")
    return sorted(seen)


def until(condition: Callable[[], bool], deadline_s: float) -> bool:
    """Whether the condition came true before the deadline."""
    deadline = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_STEP_S)
    return True


def _reap(pid: int) -> None:
    """A child of this very process would stay a zombie until somebody asks for its end."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
