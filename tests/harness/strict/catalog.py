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
        """The emulator's answer to a request that is not about items, with the `defaultTtl` that it has no room for."""
        answer = await self._upstream.send(exchange.method, exchange.path, exchange.headers, exchange.body)
        at = _about(exchange, content)
        if exchange.method == "DELETE":
            self._forget(at)
        elif exchange.method == "POST" and at[1] and answer.status == _CREATED:
            self._forget(at)
            self._made[at] = content.get("defaultTtl")
        ttl = self._ttl(at) if at[1] and exchange.method in ("GET", "POST") else None
        if ttl is None or answer.status not in (200, _CREATED):
            return answer
        assert isinstance(answer.body, bytes)
        return replace(answer, body={**from_json(answer.body), "defaultTtl": ttl})

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
            Index(told["indexingPolicy"]),
            self._ttl(at),
            Bucket(self._throughput(at[1]), self._clock),
        )

    def _ttl(self, at: tuple[str, str]) -> int | None:
        return self._made[at] if at in self._made else self._default_ttl_s.get(at[1])

    def _forget(self, at: tuple[str, str]) -> None:
        """What was known of a container, or of all of a database."""
        for known in (self._known, self._made):
            for key in [key for key in known if key == at or (key[0] == at[0] and not at[1])]:
                del known[key]


def _about(exchange: Exchange, content: Any) -> tuple[str, str]:
    """Database and container that a request is about, empty where it is about something else."""
    parts = exchange.path.split("?", 1)[0].strip("/").split("/")
    if exchange.method == "POST":
        makes_container = len(parts) == 3 and parts[2] == "colls" and isinstance(content, dict)
        return (exchange.database, str(content.get("id"))) if makes_container else ("", "")
    return (exchange.database, exchange.container) if len(parts) in (2, 4) else ("", "")
