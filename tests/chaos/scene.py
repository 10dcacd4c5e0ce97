"""One run of the processor and all that is done to it: what faults are written against."""

from __future__ import annotations

import random
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.disk import Disk
from tests.chaos.world import World
from tests.chaos.zygote import Run
from tests.harness.strict import StrictCosmos
from tests.harness.strict.exchange import Exchange
from tests.harness.strict.faults import Answer

EARLY = 8
"""Faults strike at one of so many first batches of a run; most runs have more."""

Action = Callable[[Exchange], Answer | None]
"""Is done when a batch has arrived; what it returns is answered in the service's place."""


@dataclass
class Scene:
    """What a fault may use.

    Attributes:
        world: The node.
        strict: Cosmos.
        disks: Of the folders `state` and `archive`.
        dice: For what the fault draws.
        begin: Starts another run of the same settings.
        interference: What the run is told; see `tests.chaos.interference`.
        fired: Name of a fault -> how often it happened.
        code: With what the run ended, once it has.
        others: Runs that were begun beside it.
        lock: Held by whoever changes the world while the run goes on.
    """

    world: World
    strict: StrictCosmos
    disks: Mapping[str, Disk]
    dice: random.Random
    begin: Callable[[], Run]
    interference: dict[str, Any] = field(default_factory=dict)
    fired: Counter[str] = field(default_factory=Counter)
    code: int | None = None
    others: list[Run] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    _actions: dict[int, list[Action]] = field(default_factory=lambda: defaultdict(list))
    _from_now_on: Callable[[Exchange], Answer] | None = None
    _batches: int = 0
    _run: Run | None = None
    _begun: threading.Event = field(default_factory=threading.Event)

    def sensor(self) -> str:
        """One of them."""
        return self.dice.choice(self.world.sensors)

    def rows(self) -> int:
        """How many a sensor writes."""
        return self.dice.randrange(5, 40)

    def at_batch(self, action: Action) -> None:
        """Does it when the run sends one of its first batches."""
        self._actions[self.dice.randrange(EARLY)].append(action)

    def from_now_on(self, answer: Callable[[Exchange], Answer]) -> None:
        """Each request is answered so until the run has ended."""
        self._from_now_on = answer

    def has_begun(self, run: Run) -> None:
        """The run is there; what waits for it goes on."""
        self._run = run
        self._begun.set()

    def ended_with(self, code: int) -> bool:
        """Whether that is how the run ended."""
        return self.code == code

    def running(self) -> Run:
        """The run, waited for."""
        self._begun.wait()
        assert self._run is not None
        return self._run

    def strike(self, exchange: Exchange) -> Answer | None:
        """What happens to a request; called by the strict Cosmos, from several threads."""
        with self.lock:
            answers: list[Answer | None] = []
            if exchange.kind == "batch":
                answers = [action(exchange) for action in self._actions.pop(self._batches, ())]
                self._batches += 1
            struck = [answer for answer in answers if answer is not None]
            if struck:
                return struck[0]
            return None if self._from_now_on is None else self._from_now_on(exchange)
