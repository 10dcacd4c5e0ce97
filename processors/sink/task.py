"""What is done to documents: they are put, or deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from processors.model import Refusal, Written
from processors.sink import answer as answers

Settled = Callable[[Written], object]
"""Is told what became of documents, as soon as that is known."""

_NOT_FOUND = 404


@dataclass(frozen=True)
class Task:
    """What is done to documents of a container.

    Attributes:
        container: Its name.
        operation: Of a transactional batch, as the SDK calls it.
        doing: The same in words, as in "cannot ...".
        argument: What the operation takes, made from an item.
        settled: Is told of each request that settled documents.
        done: Statuses that mean that what was wanted is so already.
    """

    container: str
    operation: str
    doing: str
    argument: Callable[[dict[str, Any]], object]
    settled: Settled
    done: frozenset[int] = frozenset()

    @property
    def final(self) -> frozenset[int]:
        """Statuses of an operation that the same operation would always have."""
        return answers.PERMANENT | self.done

    def outcome(self, refusals: Iterable[Refusal]) -> Written:
        """Which of these were refused, and which needed nothing."""
        told = tuple(refusals)
        refused = tuple(refusal for refusal in told if refusal.status not in self.done)
        return Written(len(told) - len(refused), refused=refused)


def put(container: str) -> Task:
    """Upserts."""
    return Task(container, "upsert", "write documents", lambda item: item, _ignore)


def delete(container: str, settled: Settled) -> Task:
    """Deletes by id; a document that is not there is deleted."""
    done = frozenset({_NOT_FOUND})
    return Task(container, "delete", "delete documents", lambda item: item["id"], settled, done)


def ask(container: str) -> Task:
    """Reads which are there; nothing is done to them."""
    return Task(container, "read", "ask which documents are there (`skip_replays`)", lambda item: item["id"], _ignore)


def _ignore(_written: Written) -> None:
    pass
