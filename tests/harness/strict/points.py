"""Requests that name their items: reads, writes and transactional batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from pydantic_core import from_json, to_json

from tests.harness.strict import operations, rules
from tests.harness.strict.charges import Charges
from tests.harness.strict.container import Container
from tests.harness.strict.exchange import PARTITION_KEY, Exchange
from tests.harness.strict.faults import Answer, refusal
from tests.harness.strict.operations import Item, Operation, Outcome
from tests.harness.strict.rules import Refused
from tests.harness.strict.twins import mark
from tests.harness.strict.upstream import Upstream

IF_MATCH = "if-match"

_THROTTLED = 429
_WHY = {
    operations.NOT_FOUND: "There is no such item.",
    operations.CONFLICT: "An item of this id exists already.",
    operations.PRECONDITION_FAILED: "The item's ETag is not the one that was named.",
}


class Points:
    """Does what such requests ask for, whole or not at all.

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
            Refused: It breaks a rule, or one of its operations fails.
        """
        values, wanted = _asked(exchange, container, content)
        async with container.lock:
            if wait_ms := container.bucket.wait_ms():
                return refusal(_THROTTLED, wait_ms)
            held, names = await self._held(container, values, wanted)
            outcomes = operations.run(wanted, held.get, container.index, self._charges)
            exchange.charge = round(sum(outcome.charge for outcome in outcomes), 2)
            container.bucket.spend(exchange.charge)
            if outcomes[-1].failed:
                status = outcomes[-1].status
                raise Refused(_WHY[status], status=status, operation=len(outcomes) - 1)
            if exchange.kind == "read":
                return _answer(outcomes[0], {**(held[wanted[0].id] or {}), "id": wanted[0].id})
            answer = await self._forward(exchange, container, content, names)
            assert isinstance(answer.body, bytes)
            told: Any = from_json(answer.body) if answer.body else None
            if answer.status >= 300:
                raise RuntimeError(f"the emulator answered {exchange} with {answer.status} {told}, not {outcomes[-1]}")
            self._note(container, wanted, held, told)
            for name, stored in names.items():
                container.twins.add(name, stored)
        if names:
            told = from_json(container.twins.restored(to_json(told)))
        return _batch_answer(outcomes, told) if exchange.kind == "batch" else _answer(outcomes[0], told)

    async def _held(
        self, container: Container, values: list[Any], wanted: list[Operation]
    ) -> tuple[dict[str, Item | None], dict[str, str]]:
        """What is held by these ids under this key, and the marked ids of those that are not held by their own."""
        held: dict[str, Item | None] = {}
        marked: dict[str, str] = {}
        for name, item in (await self._read(container, {each.id for each in wanted})).items():
            held[name] = item
            if container.twins.name(name, values) or (item is not None and container.key.of(item) != values):
                marked[name] = mark(name, values)
        if marked:
            others = await self._read(container, set(marked.values()))
            held |= {name: others[other] for name, other in marked.items()}
        return held, marked

    async def _read(self, container: Container, names: set[str]) -> dict[str, Item | None]:
        """The emulator's items of these ids; those that have expired are removed and are not among them."""
        asked = sorted(names)
        results = await self._upstream.batch(container.path, [{"operationType": "Read", "id": name} for name in asked])
        found = {
            name: result["resourceBody"] if result["statusCode"] == 200 else None
            for name, result in zip(asked, results, strict=True)
        }
        now_s = self._now()
        gone = [name for name, item in found.items() if item is not None and container.expiry_s(item) <= now_s]
        if gone:
            await remove(self._upstream, container, gone)
        return found | dict.fromkeys(gone)

    def _note(self, container: Container, wanted: list[Operation], held: Mapping[str, Item | None], told: Any) -> None:
        """Count what was written, and when it will expire."""
        before = {name for name, item in held.items() if item is not None}
        after = set(before)
        results = [each["resourceBody"] for each in told] if isinstance(told, list) else [told]
        for operation, result in zip(wanted, results, strict=True):
            if operation.kind == "delete":
                after.discard(operation.id)
            elif operation.kind != "read" and result:
                after.add(operation.id)
                container.stamp(result, self._now())
        if container.items is not None:
            container.items += len(after) - len(before)

    async def _forward(
        self, exchange: Exchange, container: Container, content: Any, names: Mapping[str, str]
    ) -> Answer:
        path, body = exchange.path, exchange.body
        if names and exchange.kind == "batch":
            body = to_json([_renamed(operation, names) for operation in content])
        elif names:
            (stored,) = names.values()
            body = to_json({**content, "id": stored}) if isinstance(content, dict) and "id" in content else body
            path = f"{container.path}/{quote(stored, safe='')}" if exchange.method != "POST" else path
        return await self._upstream.send(exchange.method, path, exchange.headers, body)


async def remove(upstream: Upstream, container: Container, names: list[str]) -> None:
    """Delete what has expired."""
    await upstream.batch(container.path, [{"operationType": "Delete", "id": name} for name in names])
    if container.items is not None:
        container.items -= len(names)


def _asked(exchange: Exchange, container: Container, content: Any) -> tuple[list[Any], list[Operation]]:
    """Partition key and operations of a request.

    Raises:
        Refused: It breaks a rule, whatever the container holds.
    """
    if exchange.kind == "batch":
        rules.check_request_size(exchange.body)
        rules.check_operations(content)
    values = container.key.parse(exchange.headers.get(PARTITION_KEY))
    if exchange.kind == "batch":
        return values, operations.read_operations(content, container.key, values)
    if_match = exchange.headers.get(IF_MATCH)
    if exchange.kind not in ("create", "upsert", "replace"):
        return values, [Operation(exchange.kind, rules.checked_id(exchange.ids[0]), None, if_match)]
    rules.check_item_size(len(exchange.body))
    name = rules.item_id(content, container.key, values)
    rules.check_ttl(content)
    if exchange.kind == "replace" and exchange.ids != [name]:
        raise Refused("The id of the item is not that of the path.")
    return values, [Operation(exchange.kind, name, content, if_match)]


def _renamed(operation: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    changed = dict(operation)
    if "id" in operation:
        changed["id"] = names.get(operation["id"], operation["id"])
    if "resourceBody" in operation:
        item = operation["resourceBody"]
        changed["resourceBody"] = {**item, "id": names.get(item["id"], item["id"])}
    return changed


def _batch_answer(outcomes: list[Outcome], results: list[dict[str, Any]]) -> Answer:
    told: list[dict[str, Any]] = []
    for outcome, result in zip(outcomes, results, strict=True):
        if result["statusCode"] >= 300:
            raise RuntimeError(f"the emulator answered an operation with {result}, not {outcome}")
        one: dict[str, Any] = {"statusCode": outcome.status, "requestCharge": round(outcome.charge, 2)}
        if body := result["resourceBody"]:
            one |= {"eTag": body["_etag"], "resourceBody": body}
        told.append(one)
    return Answer(200, told)


def _answer(outcome: Outcome, item: Item | None) -> Answer:
    return Answer(outcome.status, item, {"etag": item["_etag"]} if item else {})
