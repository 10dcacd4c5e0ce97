"""What becomes of a request: refused by a rule, throttled, or taken by the emulator and charged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from pydantic_core import from_json

from tests.harness.strict import items, rules
from tests.harness.strict.bucket import Bucket
from tests.harness.strict.charges import Charges
from tests.harness.strict.exchange import PARTITION_KEY, Exchange
from tests.harness.strict.faults import SUBSTATUS, Answer, refusal
from tests.harness.strict.index import Index, aggregates
from tests.harness.strict.items import Container, Item, Operation
from tests.harness.strict.rules import Key, Refused
from tests.harness.strict.upstream import Upstream

CHARGE = "x-ms-request-charge"
IF_MATCH = "if-match"
CROSS_PARTITION = "x-ms-documentdb-query-enablecrosspartition"

_NOT_FOUND = 404
_CODES = {400: "BadRequest", 404: "NotFound", 409: "Conflict", 412: "PreconditionFailed", 413: "RequestEntityTooLarge"}
_DELETED = 204

Throughput = float | None | Mapping[str, float | None]


class Service:
    """Azure Cosmos DB, before an emulator.

    Args:
        upstream: The emulator.
        charges: What requests cost.
        throughput: Request units a second of a container, by its name; None never throttles.
        default_ttl_s: Of containers that were made past this server, by name.
        now: Unix seconds, for what expires.
        clock: Seconds, never falling, for throughput.
    """

    def __init__(
        self,
        upstream: Upstream,
        charges: Charges,
        throughput: Callable[[str], float | None],
        default_ttl_s: Mapping[str, int | None],
        *,
        now: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        self._upstream = upstream
        self._charges = charges
        self._throughput = throughput
        self._default_ttl_s = default_ttl_s
        self._now = now
        self._clock = clock
        self._containers: dict[tuple[str, str], Container] = {}
        self._made: dict[tuple[str, str], int | None] = {}

    async def answer(self, exchange: Exchange, content: Any) -> Answer:
        """The answer to a request, whose charge is noted in it.

        Args:
            exchange: The request.
            content: JSON of its body, None when it has none; `Refused` when the body is no JSON.
        """
        try:
            if isinstance(content, Refused):
                raise content
            if exchange.kind == "metadata":
                return await self._metadata(exchange, content)
            container = await self._container(exchange)
            if exchange.kind == "plan":
                return await self._forward(exchange)
            if exchange.kind in ("query", "feed"):
                return await self._query(exchange, container, content)
            operations = self._operations(exchange, container, content)
            return await self._do(exchange, container, operations)
        except Refused as refused:
            return _told(exchange, content, refused)

    async def _metadata(self, exchange: Exchange, content: Any) -> Answer:
        at = (exchange.database, exchange.container)
        if exchange.method == "POST" and isinstance(content, dict) and not exchange.container and exchange.database:
            at = (exchange.database, str(content.get("id")))
            answer = await self._forward(exchange)
            if answer.status == 201:
                self._forget(at)
                self._made[at] = content.get("defaultTtl")
        else:
            answer = await self._forward(exchange)
            if exchange.method == "DELETE":
                self._forget(at)
        is_container = exchange.path.split("?", 1)[0].strip("/").count("/") == (3 if exchange.container else 2)
        ttl = self._ttl(at) if is_container and at[1] and answer.status in (200, 201) else None
        if ttl is None or exchange.method not in ("GET", "POST"):
            return answer
        assert isinstance(answer.body, bytes)
        return replace(answer, body={**from_json(answer.body), "defaultTtl": ttl})

    def _ttl(self, at: tuple[str, str]) -> int | None:
        return self._made[at] if at in self._made else self._default_ttl_s.get(at[1])

    def _forget(self, at: tuple[str, str]) -> None:
        """What was known of a container, or of all of a database."""
        for known in (self._containers, self._made):
            for key in [key for key in known if key == at or (key[0] == at[0] and not at[1])]:
                del known[key]

    async def _container(self, exchange: Exchange) -> Container:
        at = (exchange.database, exchange.container)
        container = self._containers.get(at)
        if container is None:
            path = "/dbs/{}/colls/{}".format(*(quote(name, safe="") for name in at))
            answer = await self._upstream.send("GET", path, {}, b"")
            if answer.status == _NOT_FOUND:
                raise Refused(f"There is no container {'/'.join(at)}.", status=_NOT_FOUND)
            assert isinstance(answer.body, bytes)
            told = from_json(answer.body)
            container = Container(
                f"{path}/docs",
                Key(told["partitionKey"]["paths"]),
                Index(told["indexingPolicy"]),
                self._ttl(at),
                Bucket(self._throughput(at[1]), self._clock),
            )
            container = self._containers.setdefault(at, container)
        container.bucket.rate = self._throughput(at[1])
        return container

    def _operations(self, exchange: Exchange, container: Container, content: Any) -> list[Operation]:
        if exchange.kind == "batch":
            rules.check_batch(exchange.body, content)
        values = container.key.parse(exchange.headers.get(PARTITION_KEY))
        if exchange.kind == "batch":
            return items.read_operations(content, container.key, values)
        if_match = exchange.headers.get(IF_MATCH)
        if exchange.kind in ("create", "upsert", "replace"):
            rules.check_item_size(len(exchange.body))
            name = rules.item_id(content, container.key, values)
            rules.check_ttl(content)
            if exchange.kind == "replace" and exchange.ids != [name]:
                raise Refused("The id of the item is not that of the path.")
            return [Operation(exchange.kind, name, content, if_match)]
        return [Operation(exchange.kind, rules.checked_id(exchange.ids[0]), None, if_match)]

    async def _do(self, exchange: Exchange, container: Container, operations: list[Operation]) -> Answer:
        async with container.lock:
            if wait_ms := container.bucket.wait_ms():
                return refusal(429, wait_ms)
            values = container.key.parse(exchange.headers.get(PARTITION_KEY))
            held = await self._held(container, values, operations)
            outcomes = items.run(operations, held.get, container.index, self._charges)
            exchange.charge = round(sum(outcome.charge for outcome in outcomes), 2)
            container.bucket.spend(exchange.charge)
            if outcomes[-1].failed:
                status = outcomes[-1].status
                raise Refused(_why(status), status=status, operation=len(outcomes) - 1)
            answer = await self._forward(exchange)
            self._note(container, operations, held)
        if exchange.kind == "batch":
            return self._batch_answer(exchange, answer, outcomes)
        if answer.status >= 300:
            raise RuntimeError(f"the emulator answered {exchange} with {answer.status}: {answer.body!r}")
        content = from_json(answer.body) if answer.body else None
        told = {CHARGE: f"{exchange.charge:.2f}"} | ({"etag": content["_etag"]} if content else {})
        return Answer(outcomes[0].status, b"" if content is None else content, told)

    async def _held(
        self, container: Container, values: list[Any], operations: list[Operation]
    ) -> dict[str, Item | None]:
        """What the container holds of the items of the operations; what has expired is removed."""
        names = list(dict.fromkeys(operation.id for operation in operations))
        results = await self._upstream.batch(container.path, [{"operationType": "Read", "id": name} for name in names])
        held: dict[str, Item | None] = {}
        gone: list[str] = []
        for name, result in zip(names, results, strict=True):
            found = result["resourceBody"] if result["statusCode"] == 200 else None
            held[name] = container.alive(found, self._now())
            if found is not None and held[name] is None:
                gone.append(name)
            elif found is not None and container.key.of(found) != values:
                held[name] = self._elsewhere(container, name, operations)
        await self._remove(container, gone)
        return held

    def _elsewhere(self, container: Container, name: str, operations: list[Operation]) -> None:
        """An item of this id is held under another key: for Azure that is another item, the emulator has room for one.

        Raises:
            NotImplementedError: Both would have to be held.
        """
        if any(operation.id == name and operation.kind in ("create", "upsert") for operation in operations):
            raise NotImplementedError(
                f"{container.path}: {name!r} is already held under another partition key. Azure would now hold two "
                "items of this id; the emulator would replace the first one."
            )

    async def _remove(self, container: Container, names: list[str]) -> None:
        if names:
            await self._upstream.batch(container.path, [{"operationType": "Delete", "id": name} for name in names])
            if container.items is not None:
                container.items -= len(names)

    def _note(self, container: Container, operations: list[Operation], held: Mapping[str, Item | None]) -> None:
        """Count what was written, and when it will expire."""
        there = {name for name, item in held.items() if item is not None}
        after = set(there)
        now_s = self._now()
        for operation in operations:
            if operation.kind == "delete":
                after.discard(operation.id)
            elif operation.item is not None:
                after.add(operation.id)
                container.expires_s = min(container.expires_s, container.expiry_s(operation.item, int(now_s)))
        if container.items is not None:
            container.items += len(after) - len(there)

    def _batch_answer(self, exchange: Exchange, answer: Answer, outcomes: list[items.Outcome]) -> Answer:
        assert isinstance(answer.body, bytes)
        results = from_json(answer.body)
        told: list[dict[str, Any]] = []
        for outcome, result in zip(outcomes, results, strict=True):
            if result["statusCode"] >= 300:
                raise RuntimeError(f"the emulator answered an operation of {exchange} with {result}")
            one: dict[str, Any] = {"statusCode": outcome.status, "requestCharge": round(outcome.charge, 2)}
            if body := result["resourceBody"]:
                one |= {"eTag": body["_etag"], "resourceBody": body}
            told.append(one)
        return Answer(200, told, {CHARGE: f"{exchange.charge:.2f}"})

    async def _query(self, exchange: Exchange, container: Container, content: Any) -> Answer:
        text = str(content.get("query")) if isinstance(content, dict) else ""
        if PARTITION_KEY in exchange.headers:
            container.key.parse(exchange.headers[PARTITION_KEY])
        if wait_ms := container.bucket.wait_ms():
            return refusal(429, wait_ms)
        await self._sweep(container)
        answer = await self._forward(exchange)
        assert isinstance(answer.body, bytes)
        returned = int(answer.headers.get("x-ms-item-count") or 0)
        held = container.items or 0
        by_index = exchange.kind == "query" and container.index.serves(text)
        loaded = held if not by_index else 0 if aggregates(text) else min(held, returned)
        item_bytes = len(answer.body) / returned if returned else 0
        charge = self._charges.query(
            scanned=held, loaded=loaded, loaded_bytes=int(loaded * item_bytes), returned_bytes=len(answer.body)
        )
        exchange.charge = round(charge, 2)
        container.bucket.spend(exchange.charge)
        return replace(answer, headers={**answer.headers, CHARGE: f"{exchange.charge:.2f}"})

    async def _sweep(self, container: Container) -> None:
        """Count the items, and remove those that have expired, when there may be any."""
        now_s = self._now()
        if container.items is not None and now_s < container.expires_s:
            return
        rows = await self._upstream.query(container.path, "SELECT c.id, c._ts, c.ttl FROM c")
        container.items = len(rows)
        container.expires_s = min((container.expiry_s(row, row["_ts"]) for row in rows), default=float("inf"))
        if container.expires_s <= now_s:
            await self._remove(container, [row["id"] for row in rows if container.alive(row, now_s) is None])
            await self._sweep(container)

    async def _forward(self, exchange: Exchange) -> Answer:
        return await self._upstream.send(exchange.method, exchange.path, exchange.headers, exchange.body)


def _why(status: int) -> str:
    return {
        404: "There is no such item.",
        409: "An item of this id exists already.",
        412: "The item's ETag is not the one that was named.",
    }[status]


def _told(exchange: Exchange, content: Any, refused: Refused) -> Answer:
    """What a client is told: of one operation that is wrong, and of those that went down with it."""
    headers = {CHARGE: f"{exchange.charge:.2f}"}
    if refused.substatus is not None:
        headers[SUBSTATUS] = str(refused.substatus)
    if refused.operation is None or exchange.kind != "batch":
        code = _CODES[refused.status]
        return Answer(refused.status, {"code": code, "message": str(refused)}, headers)
    down: dict[str, Any] = {"statusCode": rules.WENT_DOWN_WITH_IT, "requestCharge": 0}
    results = [down for _ in content]
    results[refused.operation] = {"statusCode": refused.status, "requestCharge": 0, "message": str(refused)}
    return Answer(207, results, headers)
