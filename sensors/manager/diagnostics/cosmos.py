"""The way to Cosmos DB, step by step, as the uploaders go it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sensors.manager.diagnostics.check import Check, failed, ok, skipped
from sensors.manager.diagnostics.endpoint import NO_ENDPOINT


@dataclass(frozen=True)
class Tried:
    """One step.

    Attributes:
        name: What was looked at.
        milliseconds: How long that took; None when it was not tried.
        error: Why it failed; empty when it did not.
        hint: What to try then.
    """

    name: str
    milliseconds: float | None
    error: str = ""
    hint: str = ""


def cosmos(endpoint: str, steps: Callable[[], Sequence[Tried]]) -> Iterator[Check]:
    """A check for each step; those after one that failed are skipped."""
    if not endpoint:
        yield skipped("Cosmos DB", NO_ENDPOINT)
        return
    for step in steps():
        if step.error:
            yield failed(step.name, step.error, step.hint)
        elif step.milliseconds is None:
            yield skipped(step.name, "an earlier step failed")
        else:
            yield ok(step.name, f"{step.milliseconds:.0f} ms")
