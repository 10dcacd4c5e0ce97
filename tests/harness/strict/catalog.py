"""Databases and containers: what passes through here about them, and what must be remembered of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from pydantic_core import from_json

from tests.harness.strict.bucket import Bucket
from tests.harness.strict.container import Container
from tests.harness.strict.exchange import Exchange
from tests.harness.strict.faults import Answer
from tests.harness.strict.index import Index
from tests.harness.strict.rules import Key, Refused
from tests.harness.strict.upstream import Upstream

_NOT_FOUND = 404
_CREATED = 201
_ETAG = {"path": '/"_etag"/?'}
_INDEXES_ALL = {
    "indexingMode": "consistent",
    "automatic": True,
    "includedPaths": [{"path": "/*"}],
    "excludedPaths": [],
}


class Catalog:
    """The containers of an account.

    Args:
        upstream: The emulator.
        throughput: Request units a second of a container, by its name; None never throttles.
        default_ttl_s: Of containers that were made past this server, by name; those that are made through it say
            it themselves.
        clock: Seconds, never falling.
    """

    def __init__(
        self,
        upstream: Upstream,
        throughput: Callable[[str], float | None],
        default_ttl_s: Mapping[str, int | None],
        clock: Callable[[], float],
    ) -> None:
        self._upstream = upstream
        self._throughput = throughput
        self._default_ttl_s = default_ttl_s
        self._clock = clock
        self._known: dict[tuple[str, str], Container] = {}
        self._made: dict[tuple[str, str], int | None] = {}
        self._policies: dict[tuple[str, str], Mapping[str, Any]] = {}

    async def container(self, exchange: Exchange) -> Container:
        """The container of a request, with the throughput that it has now.

        Raises:
            Refused: There is none.
        """
        at = (exchange.database, exchange.container)
        found = self._known.get(at) or self._known.setdefault(at, await self._read(at))
        found.bucket.rate = self._throughput(at[1])
        return found

    async def pass_on(self, exchange: Exchange, content: Any) -> Answer:
        """The emulator's answer to a request that is not about items, with what it has no room for.

        That is the `defaultTtl` of a container, the path that Azure adds to what is excluded, and a replacement.

        Raises:
            Refused: A replacement has another partition key.
        """
        at = _about(exchange, content)
        if exchange.method == "PUT" and at[1]:
            return await self._replace(exchange, at, content)
        answer = await self._upstream.send(exchange.method, exchange.path, exchange.headers, exchange.body)
        if exchange.method == "DELETE":
            self._forget(at)
        elif exchange.method == "POST" and at[1] and answer.status == _CREATED:
            self._forget(at)
            self._made[at] = content.get("defaultTtl")
        if not at[1] or exchange.method not in ("GET", "POST") or answer.status not in (200, _CREATED):
            return answer
        return replace(answer, body=self._properties(at, answer))

    async def _replace(self, exchange: Exchange, at: tuple[str, str], content: Mapping[str, Any]) -> Answer:
        """The new properties of a container; those of policy and TTL that are left out are the service's own."""
        answer = await self._upstream.send("GET", exchange.path, {}, b"")
        if answer.status != 200:
            return answer
        existing = self._properties(at, answer)
        if content["partitionKey"]["paths"] != existing["partitionKey"]["paths"]:
            raise Refused("Document collection partition key cannot be changed.", status=400)
        self._forget(at)
        self._made[at] = content.get("defaultTtl")
        self._policies[at] = content.get("indexingPolicy") or _INDEXES_ALL
        return replace(answer, body=self._properties(at, answer))

    def _properties(self, at: tuple[str, str], answer: Answer) -> dict[str, Any]:
        assert isinstance(answer.body, bytes)
        told: dict[str, Any] = from_json(answer.body)
        policy = self._policies.get(at) or told["indexingPolicy"]
        told["indexingPolicy"] = {**policy, "excludedPaths": [*(policy.get("excludedPaths") or ()), _ETAG]}
        ttl = self._ttl(at)
        return told if ttl is None else {**told, "defaultTtl": ttl}

    async def _read(self, at: tuple[str, str]) -> Container:
        path = "/dbs/{}/colls/{}".format(*(quote(name, safe="") for name in at))
        answer = await self._upstream.send("GET", path, {}, b"")
        if answer.status == _NOT_FOUND:
            raise Refused(f"There is no container {'/'.join(at)}.", status=_NOT_FOUND)
        assert isinstance(answer.body, bytes)
        told = from_json(answer.body)
        return Container(
            f"{path}/docs",
            Key(told["partitionKey"]["paths"]),
            Index(self._policies.get(at) or told["indexingPolicy"]),
            self._ttl(at),
            Bucket(self._throughput(at[1]), self._clock),
        )

    def _ttl(self, at: tuple[str, str]) -> int | None:
        return self._made[at] if at in self._made else self._default_ttl_s.get(at[1])

    def _forget(self, at: tuple[str, str]) -> None:
        """What was known of a container, or of all of a database."""
        for known in (self._known, self._made, self._policies):
            for key in [key for key in known if key == at or (key[0] == at[0] and not at[1])]:
                del known[key]


def _about(exchange: Exchange, content: Any) -> tuple[str, str]:
    """Database and container that a request is about, empty where it is about something else."""
    parts = exchange.path.split("?", 1)[0].strip("/").split("/")
    if exchange.method == "POST":
        makes_container = len(parts) == 3 and parts[2] == "colls" and isinstance(content, dict)
        return (exchange.database, str(content.get("id"))) if makes_container else ("", "")
    return (exchange.database, exchange.container) if len(parts) in (2, 4) else ("", "")
