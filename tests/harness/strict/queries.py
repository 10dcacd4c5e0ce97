"""Requests that find their items: queries, and the feed of all items."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from pydantic_core import to_json

from tests.harness.strict.charges import Charges
from tests.harness.strict.container import Container
from tests.harness.strict.exchange import PARTITION_KEY, Exchange
from tests.harness.strict.faults import Answer, refusal
from tests.harness.strict.index import aggregates
from tests.harness.strict.points import remove
from tests.harness.strict.rules import Refused
from tests.harness.strict.scope import Scope, scope
from tests.harness.strict.upstream import Upstream

CROSS_PARTITION = "x-ms-documentdb-query-enablecrosspartition"
_COUNT = "x-ms-item-count"
_THROTTLED = 429


class Queries:
    """Answers such requests from what has not expired.

    Args:
        upstream: The emulator.
        charges: What requests cost.
        now: Unix seconds, for what expires.
    """

    def __init__(self, upstream: Upstream, charges: Charges, now: Callable[[], float]) -> None:
        self._upstream = upstream
        self._charges = charges
        self._now = now

    async def answer(self, exchange: Exchange, container: Container, content: Any) -> Answer:
        """The answer to a request, whose charge is noted in it.

        Raises:
            Refused: It breaks a rule.
        """
        if PARTITION_KEY in exchange.headers:
            container.key.parse(exchange.headers[PARTITION_KEY])
        elif exchange.kind == "query" and exchange.headers.get(CROSS_PARTITION, "").lower() != "true":
            raise Refused("Cross partition query is required but disabled. Name a partition key or enable it.")
        if exchange.kind == "query" and _scope(container, content).unsorted:
            raise Refused("The index path corresponding to the specified order-by item is excluded.")
        if wait_ms := container.bucket.wait_ms():
            return refusal(_THROTTLED, wait_ms)
        await self._sweep(container)
        asked = container.twins.query(content) if exchange.kind == "query" else content
        body = exchange.body if asked is content else to_json(asked)
        answer = await self._upstream.send(exchange.method, exchange.path, exchange.headers, body)
        assert isinstance(answer.body, bytes)
        returned = int(answer.headers.get(_COUNT, 0))
        scanned, loaded = await self._work(exchange, container, asked, returned)
        exchange.charge = round(self._charge(scanned, loaded, answer.body, returned), 2)
        container.bucket.spend(exchange.charge)
        return replace(answer, body=container.twins.restored(answer.body))

    def _charge(self, scanned: int, loaded: int, body: bytes, returned: int) -> float:
        item_bytes = len(body) / returned if returned else 0
        return self._charges.query(
            scanned=scanned, loaded=loaded, loaded_bytes=int(loaded * item_bytes), returned_bytes=len(body)
        )

    async def _work(self, exchange: Exchange, container: Container, asked: Any, returned: int) -> tuple[int, int]:
        """Entries of the index that are looked at, and items that are read."""
        held = container.items or 0
        if exchange.kind != "query":
            return held, held
        text, values = str(asked["query"]), asked.get("parameters") or []
        found = _scope(container, asked)
        if found.read:
            meant = await self._counted(container, found, found.sought, values, held)
            return meant, meant
        loaded = 0 if aggregates(text) else min(held, returned)
        if found.looked:
            return await self._counted(container, found, found.key, values, held), loaded
        if not aggregates(text):
            return loaded, loaded
        return await self._counted(container, found, found.sought, values, held), loaded

    async def _counted(
        self, container: Container, found: Scope, conditions: Sequence[str], values: Sequence[Any], held: int
    ) -> int:
        """Items that meet these conditions of a query, by its parameters."""
        if not conditions:
            return held
        text = f"SELECT VALUE COUNT(1) FROM {found.source} WHERE {' AND '.join(conditions)}"
        # The emulator counts nothing as no answer.
        return sum(map(int, await self._upstream.query(container.path, text, values)))

    async def _sweep(self, container: Container) -> None:
        """Count the items, and remove those that have expired, when there may be any."""
        now_s = self._now()
        if container.items is not None and now_s < container.expires_s:
            return
        rows = await self._upstream.query(container.path, "SELECT c.id, c._etag, c._ts, c.ttl FROM c")
        expiries_s = {row["id"]: container.expiry_s(row) for row in rows}
        gone = [name for name, expiry_s in expiries_s.items() if expiry_s <= now_s]
        container.items = len(rows)
        container.expires_s = min((at_s for at_s in expiries_s.values() if at_s > now_s), default=math.inf)
        if gone:
            await remove(self._upstream, container, gone)


def _scope(container: Container, content: Any) -> Scope:
    return scope(str(content["query"]), container.index, [path.strip("/") for path in container.key.paths])
