"""A process that ends before or after a call, without ending this one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from processors.archive import Archive
from processors.checkpoint import Checkpoint
from tests.harness.node import Memory

POINTS: list[tuple[type, str]] = [
    (Checkpoint, "intend"),
    (Memory, "write"),
    (Archive, "write"),
    (Checkpoint, "advance"),
    (Checkpoint, "keep"),
]


class Killed(Exception):
    """Stands for the end of the process."""


@contextmanager
def killed(owner: type, name: str, call: int, *, before: bool) -> Iterator[None]:
    """The process ends before or after the n-th call; it may end by itself first."""
    original: Callable[..., Any] = getattr(owner, name)
    calls = 0

    def dying(*given: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call and before:
            raise Killed
        result = original(*given, **named)
        if calls == call:
            raise Killed
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, dying)
        with suppress(Killed):
            yield
