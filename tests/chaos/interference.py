"""What is done to a run from inside its own process, before its first instruction."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import time_machine

from processors.city import World

KILLED = 137

TIMES_S = {
    ("processors.sink", "open_sink", "budget_s"): 3.0,
    ("processors.sink", "open_sink", "request_timeout_s"): 0.5,
    ("processors.source", "open_source", "busy_s"): 0.3,
}
"""Patience of a run, shorter than in life, so that a plan with time-outs ends soon."""

_TOUCHES = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "sqlite3.connect", "os.chmod"}


def arrange(
    *,
    point: Sequence[Any] | None = None,
    touch: tuple[str, int] | None = None,
    jumps_s: Sequence[float] = (),
    cgroup: str | None = None,
) -> None:
    """Prepares this process.

    Args:
        point: Module, dotted name in it, `before` or `after`, number of the call: where the process ends at once.
        touch: Folder, and which touch of something in it SIGKILL comes before.
        jumps_s: By how much the clock jumps at each SIGUSR1.
        cgroup: File to which the process writes itself, so as to be limited.
    """
    for (module, name, parameter), seconds in TIMES_S.items():
        defaults = getattr(importlib.import_module(module), name).__wrapped__.__kwdefaults__
        assert parameter in defaults
        defaults[parameter] = seconds
    if jumps_s:
        _jump_at_signal(jumps_s)
    if point is not None:
        _die_at(*point)
    if touch is not None:
        _kill_at_touch(*touch)
    if cgroup is not None:
        with open(cgroup, "w") as processes:  # noqa: PTH123
            processes.write(str(os.getpid()))


def _jump_at_signal(jumps_s: Sequence[float]) -> None:
    now = World().now()
    clock = time_machine.travel(now, tick=True).start()
    left = iter(jumps_s)
    signal.signal(signal.SIGUSR1, lambda *_: clock.shift(timedelta(seconds=next(left, 0.0))))


def _die_at(module: str, path: str, when: str, number: int) -> None:
    *classes, name = path.split(".")
    holder: Any = importlib.import_module(module)
    for part in classes:
        holder = getattr(holder, part)
    original: Callable[..., Any] = getattr(holder, name)
    calls = 0

    def patched(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        mine = calls == number
        if mine and when == "before":
            os._exit(KILLED)
        result = original(*args, **kwargs)
        if mine:
            os._exit(KILLED)
        return result

    setattr(holder, name, patched)


def _kill_at_touch(root: str, number: int) -> None:
    touched = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal touched
        if event in _TOUCHES and root in str(arguments[0]):
            touched += 1
            if touched == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
