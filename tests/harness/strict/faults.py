"""Faults, and plans that say at which request each is injected."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tests.harness.strict.exchange import Exchange

SUBSTATUS = "x-ms-substatus"
RETRY_AFTER = "x-ms-retry-after-ms"
THROUGHPUT_SPENT = "3200"
"""Substatus of a request that is throttled because the container's request units are spent."""

Delivery = Literal["whole", "drip", "half", "reset", "silence"]
"""How an answer arrives: at once; byte by byte; half of it and then a reset; a reset; not at all."""


@dataclass(frozen=True)
class Answer:
    """What to answer.

    Attributes:
        status: HTTP status.
        body: JSON, or bytes to be sent as they are.
        headers: Beside those that each answer has.
        delivery: How it arrives.
        taken: Whether the service took the request first. Its answer then counts where there is no `body` here.
        hold: Nothing is answered before it is set.
    """

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delivery: Delivery = "whole"
    taken: bool = False
    hold: threading.Event | None = None


RESET = Answer(delivery="reset")
"""Hang up without a word."""

Chooser = Callable[[Exchange], Answer | None]
"""A plan of any kind: what to answer a request in the service's place, None to leave it to the service. It is called
in a thread of its own and may wait."""

_MESSAGES = {
    401: ("Unauthorized", "The input authorization token can't serve the request. The key may have been rotated."),
    408: ("RequestTimeout", "Request timed out."),
    410: ("Gone", "The requested resource is no longer available at the server."),
    429: ("TooManyRequests", "Request rate is large. More Request Units may be needed, so no changes were made."),
    449: ("RetryWith", "Conflicting request to resource has been attempted. Retry to avoid conflicts."),
    500: ("InternalServerError", "Unknown server error occurred when processing this request."),
    503: ("ServiceUnavailable", "Service is currently unavailable, please retry after a while."),
}

_HTML = b"<!DOCTYPE html><html><head><title>Sign in to this network</title></head><body>Sign in.</body></html>"

_UNAVAILABLE: Mapping[str, Answer] = {
    "timeout_before": Answer(delivery="silence"),
    "timeout_after": Answer(delivery="silence", taken=True),
    "reset_before": RESET,
    "reset_in_response": Answer(delivery="half", taken=True),
    "slow_drip": Answer(delivery="drip", taken=True),
    "wrong_content_type": Answer(body=_HTML, headers={"content-type": "text/html; charset=utf-8"}, taken=True),
}

STATUSES = ("408", "410", "429", "449", "500", "503")
ROTATED = "401_from"
OPERATION_FAILS = "operation_fails"
NAMES = (*STATUSES, ROTATED, *_UNAVAILABLE, OPERATION_FAILS)

TRANSIENT_IN_BATCHES = (408, 410, 429, 449, 500, 503)


def refusal(status: int, advice_ms: int | None = None) -> Answer:
    """An error in the service's words; with 429 the substatus of spent throughput, and its advice when given."""
    code, message = _MESSAGES[status]
    headers = {SUBSTATUS: THROUGHPUT_SPENT} if status == 429 else {}
    if advice_ms is not None:
        headers[RETRY_AFTER] = str(advice_ms)
    return Answer(status, {"code": code, "message": message}, headers)


def throttled(advice_ms: int | None = None) -> Answer:
    """Too many requests, with the service's advice or without."""
    return refusal(429, advice_ms)


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        name: One of `NAMES`.
        at: Batch that it strikes, counted from 0; `401_from` strikes it and all requests that follow.
        operation: `operation_fails`: which operation, counted from 0 and around.
        status: `operation_fails`: its status.
        advice_ms: `429` and an operation of 429: `x-ms-retry-after-ms`.
    """

    name: str
    at: int
    operation: int = 0
    status: int = 449
    advice_ms: int = 20

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise ValueError(f"no fault is called {self.name!r}; there are {', '.join(NAMES)}")

    def answer(self, exchange: Exchange) -> Answer:
        """What the client meets."""
        if self.name == OPERATION_FAILS:
            return self._failed_operation(exchange)
        if self.name in _UNAVAILABLE:
            return _UNAVAILABLE[self.name]
        status = int(self.name.removesuffix("_from"))
        return refusal(status, self.advice_ms if status == 429 else None)

    def _failed_operation(self, exchange: Exchange) -> Answer:
        results: list[dict[str, object]] = [{"statusCode": 424, "requestCharge": 0} for _ in exchange.ids]
        if not results:
            raise ValueError(f"{OPERATION_FAILS} struck a batch without operations: {exchange.path}")
        failed: dict[str, object] = {"statusCode": self.status, "requestCharge": 0}
        if self.status == 429:
            failed["retryAfterMilliseconds"] = self.advice_ms
        results[self.operation % len(results)] = failed
        return Answer(207, results)


@dataclass(frozen=True)
class Plan:
    """Faults, each at its batch; of several at one batch the first is injected."""

    faults: tuple[Fault, ...] = ()

    def strikes(self, exchange: Exchange, batches: int) -> Fault | None:
        """The fault for a request, None for none.

        Args:
            exchange: The request.
            batches: Batches that have arrived, with this one.
        """
        for fault in self.faults:
            if fault.at == exchange.batch_number or (fault.name == ROTATED and fault.at < batches):
                return fault
        return None


def draw(seed: int, names: Sequence[str], count: int, batches: int) -> Plan:
    """A plan of `count` faults of these names, at different ones of the first `batches` batches.

    Raises:
        ValueError: There are fewer batches than faults, or a name that is no fault's.
    """
    dice = random.Random(f"faults {seed}")
    return Plan(
        tuple(
            Fault(
                dice.choice(names),
                at,
                operation=dice.randrange(100),
                status=dice.choice(TRANSIENT_IN_BATCHES),
                advice_ms=dice.randint(1, 50),
            )
            for at in sorted(dice.sample(range(batches), count))
        )
    )


def on_batches(numbers: Container[int], answer: Answer) -> Chooser:
    """The same answer for the batches of these numbers."""
    return lambda exchange: answer if exchange.batch_number in numbers else None


def on_all_batches(answer: Answer) -> Chooser:
    """The same answer for each batch."""
    return lambda exchange: answer if exchange.batch_number >= 0 else None


def refuse_operations(status_by_id: Mapping[str, int]) -> Chooser:
    """Fail each batch that holds one of these documents, as the service does: the others answer 424."""

    def plan(exchange: Exchange) -> Answer | None:
        if exchange.batch_number < 0 or not status_by_id.keys() & set(exchange.ids):
            return None
        return Answer(207, [{"statusCode": status_by_id.get(name, 424), "requestCharge": 0} for name in exchange.ids])

    return plan
