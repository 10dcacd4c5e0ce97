"""What one request came to, read from what the SDK returns or raises."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from azure.cosmos.exceptions import CosmosBatchOperationError

from processors import cosmos
from processors.charges import Spent
from processors.charges import spent as charged
from processors.model import Documents, Refusal

TAKEN = 200
TOO_LARGE = 413

PERMANENT = frozenset({400, TOO_LARGE})
"""Statuses of what will never be taken."""


@dataclass(frozen=True)
class Answer:
    """What one request came to.

    Attributes:
        status: `TAKEN` when all was taken, None when there was no answer, else why it was not taken.
        request_units: Charge, 0 when the service states none.
        advice_s: How long the service asks us to wait, None when it does not.
        refused: Documents with which the same will never be done, by index in the batch.
        error: What the SDK raised, None when all was taken.
        done: Status and share of the charge of each operation, where all was taken.
    """

    status: int | None
    request_units: float = 0.0
    advice_s: float | None = None
    refused: Mapping[int, Refusal] = field(default_factory=dict)
    error: Exception | None = None
    done: Sequence[tuple[int, float]] = ()

    def spent(self, container: str, batch: Documents) -> Spent:
        """What the request was charged."""
        if self.error is None:
            documents = list(zip(batch.sizes, map(charged.shape_of, batch.items), strict=True))
            return charged.of_batch(container, documents, self.done, self.request_units)
        return charged.of_failure(container, batch.sizes, self.request_units)


def of_taken(results: Sequence[Mapping[str, Any]], headers: Mapping[str, Any]) -> Answer:
    """All operations of a batch were taken."""
    done = [(int(each["statusCode"]), cosmos.number(each.get("requestCharge")) or 0.0) for each in results]
    return Answer(TAKEN, cosmos.charge(headers) or sum(share for _, share in done), done=done)


def of_failed_operation(
    error: CosmosBatchOperationError, batch: Documents, final: Collection[int] = PERMANENT
) -> Answer:
    """Which operations failed the batch; those that answer 424 only went down with them.

    Args:
        error: What the SDK raised.
        batch: What was sent.
        final: Statuses of an operation that the same operation would always have.
    """
    results = dict(enumerate(error.operation_responses or ()))
    refused = {
        index: Refusal(str(batch.items[index]["id"]), int(result["statusCode"]), _why(result))
        for index, result in results.items()
        if int(result["statusCode"]) in final
    }
    headers = error.headers or {}
    advised_ms = cosmos.number(results.get(error.error_index or 0, {}).get("retryAfterMilliseconds"))
    advice_s = _advice_s(headers) if advised_ms is None else advised_ms / 1000
    return Answer(error.status_code, cosmos.charge(headers), advice_s, refused, error)


def of_failure(error: Exception) -> Answer:
    """The request as a whole failed: one of `cosmos.TRANSPORT_ERRORS`."""
    headers = getattr(error, "headers", None) or {}
    return Answer(cosmos.status_of(error), cosmos.charge(headers), _advice_s(headers), error=error)


def _why(result: Mapping[str, Any]) -> str:
    if message := str(result.get("message") or "").strip():
        return message.splitlines()[0]
    return "too large" if int(result["statusCode"]) == TOO_LARGE else "the service does not take this document"


def _advice_s(headers: Mapping[str, Any]) -> float | None:
    advised_ms = cosmos.number(headers.get("x-ms-retry-after-ms"))
    return None if advised_ms is None else advised_ms / 1000
