"""What becomes of a request: refused by a rule, throttled, or taken by the emulator and charged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.harness.strict import rules
from tests.harness.strict.catalog import Catalog
from tests.harness.strict.charges import Charges
from tests.harness.strict.exchange import Exchange
from tests.harness.strict.faults import SUBSTATUS, Answer
from tests.harness.strict.points import Points
from tests.harness.strict.queries import Queries
from tests.harness.strict.rules import Refused
from tests.harness.strict.upstream import Upstream

CHARGE = "x-ms-request-charge"

_CODES = {400: "BadRequest", 404: "NotFound", 409: "Conflict", 412: "PreconditionFailed", 413: "RequestEntityTooLarge"}


class Service:
    """Azure Cosmos DB, before an emulator.

    Args:
        upstream: The emulator.
        catalog: Its containers.
        charges: What requests cost.
        now: Unix seconds, for what expires.
    """

    def __init__(self, upstream: Upstream, catalog: Catalog, charges: Charges, now: Callable[[], float]) -> None:
        self._upstream = upstream
        self._catalog = catalog
        self._points = Points(upstream, charges, now)
        self._queries = Queries(upstream, charges, now)

    async def answer(self, exchange: Exchange, content: Any) -> Answer:
        """The answer to a request, whose charge is noted in it.

        Args:
            exchange: The request.
            content: JSON of its body, None when it has none; `Refused` when the body is no JSON.
        """
        try:
            answer = await self._taken(exchange, content)
        except Refused as refused:
            answer = _told(exchange, content, refused)
        return replace(answer, headers={CHARGE: f"{exchange.charge:.2f}", **answer.headers})

    async def _taken(self, exchange: Exchange, content: Any) -> Answer:
        if isinstance(content, Refused):
            raise content
        if exchange.kind == "metadata":
            return await self._catalog.pass_on(exchange, content)
        container = await self._catalog.container(exchange)
        if exchange.kind == "plan":
            return await self._upstream.send(exchange.method, exchange.path, exchange.headers, exchange.body)
        if exchange.kind in ("query", "feed"):
            return await self._queries.answer(exchange, container, content)
        return await self._points.answer(exchange, container, content)


def _told(exchange: Exchange, content: Any, refused: Refused) -> Answer:
    """What a client is told: of one operation that is wrong, and of those that went down with it."""
    headers = {} if refused.substatus is None else {SUBSTATUS: str(refused.substatus)}
    if refused.operation is None or exchange.kind != "batch":
        code = _CODES[refused.status]
        return Answer(refused.status, {"code": code, "message": str(refused)}, headers)
    down: dict[str, Any] = {"statusCode": rules.WENT_DOWN_WITH_IT, "requestCharge": 0}
    results = [down for _ in content]
    results[refused.operation] = {"statusCode": refused.status, "requestCharge": 0, "message": str(refused)}
    return Answer(207, results, headers)
