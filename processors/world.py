"""What a run needs from outside, and who is told how it goes."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from processors.model import Database
from processors.pipeline import Taken


@dataclass(frozen=True)
class World:
    """Clocks, chance, and whether the run should end.

    Attributes:
        now: UTC.
        clock: Seconds, never falling.
        stop: Set when the run should end; a batch in hand has `stopping.GRACE_S` to become safe.
        jitter: Numbers from 0 to 1.
    """

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    clock: Callable[[], float] = time.monotonic
    stop: threading.Event = field(default_factory=threading.Event)
    jitter: Callable[[], float] = random.random


class Progress(Protocol):
    """Is told how a pass goes. Databases take turns, a batch each."""

    def database(self, database: Database, expected_rows: int) -> None:
        """A database is opened, or opened again; `expected_rows` are at most to come."""
        ...

    def moving(self) -> None:
        """Some documents of a batch leave; the batch is not safe yet."""
        ...

    def batch(self, database: Database, taken: Taken) -> None:
        """A batch of it is safe."""
        ...


class Silent:
    """Nobody looks."""

    def database(self, database: Database, expected_rows: int) -> None:
        """See `Progress`."""

    def moving(self) -> None:
        """See `Progress`."""

    def batch(self, database: Database, taken: Taken) -> None:
        """See `Progress`."""
