"""How what waits for the network ends when the run is asked to end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from processors.errors import Stopped

T = TypeVar("T")

GRACE_S = 3.0
"""A batch that is nearly done ends well; `docker stop` and Compose kill after 10 s, and a report follows."""

_LOOK_S = 0.1


async def until_stopped(work: Coroutine[Any, Any, T], stop: threading.Event) -> T:
    """What the work returns; once `stop` is set, the work has `GRACE_S` to end, and is cancelled then.

    Raises:
        Stopped: It was cancelled.
    """
    task = asyncio.ensure_future(work)
    try:
        while not task.done() and not stop.is_set():
            await asyncio.wait((task,), timeout=_LOOK_S)
        await asyncio.wait((task,), timeout=GRACE_S)
    finally:
        task.cancel()
    await asyncio.wait((task,))
    if task.cancelled():
        raise Stopped
    return task.result()
