"""Azure Resource Manager for one account, on loopback over TLS, as far as throughput goes.

Documents are shaped as in the REST reference of API version 2026-03-15 (SqlResources, ThroughputSettings).
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.harness.answering import Asked, Reply, serving
from tests.harness.entra import Tokens

SUBSCRIPTION = "0b1f6471-1bf0-4dda-aec3-cb9272f09590"
GROUP = "edge"
NAME = "city-sensors"
DATABASE = "SensorData"
ACCOUNT = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.DocumentDB/databaseAccounts/{NAME}"
SQL = f"{ACCOUNT}/sqlDatabases/{DATABASE}"
API_VERSION = "2026-03-15"

NOT_THERE = (
    "Entity with the specified id does not exist in the system. More info: https://aka.ms/cosmosdb-tsg-not-found"
)


def refusal(status: int, code: str, message: str, **headers: str) -> Reply:
    """An error as the control plane words it."""
    return status, {"error": {"code": code, "message": message}}, {k.replace("_", "-"): v for k, v in headers.items()}


def autoscale(
    maximum: int, floor: int | None = None, instant: int | None = None, *, pending: bool = False
) -> dict[str, Any]:
    """Of a resource that scales by itself."""
    stated = {"minimumThroughput": floor, "instantMaximumThroughput": instant}
    return {
        "throughput": maximum // 10,
        "autoscaleSettings": {"maxThroughput": maximum},
        **{name: str(value) for name, value in stated.items() if value is not None},
        **({"offerReplacePending": "true"} if pending else {}),
    }


def manual(throughput: int, floor: int = 400) -> dict[str, Any]:
    return {"throughput": throughput, "minimumThroughput": str(floor)}


@dataclass
class Account:
    """What the control plane has.

    Attributes:
        capabilities: Such as `EnableServerless`.
        throughput: Container -> its resource; the database's own has the name "". Those that are not here have none.
        containers: All there are.
        planned: Method and path -> answers that are given first, one after the other.
        ends: How a change that was accepted ends: `Succeeded`, or an error.
        polls: Questions after which it has ended.
        sets: Whether a change that succeeds is one.
        asked: Method and path of each request.
        bodies: Of each change.
    """

    capabilities: tuple[str, ...] = ()
    throughput: dict[str, dict[str, Any]] = field(default_factory=dict)
    containers: tuple[str, ...] = ("aggregates", "anomalies", "readings", "runs")
    planned: dict[tuple[str, str], list[Reply]] = field(default_factory=dict)
    ends: str | Mapping[str, str] = "Succeeded"
    polls: int = 2
    sets: bool = True
    asked: list[tuple[str, str]] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    wanted: dict[str, Any] = field(default_factory=dict)
    left: int = 0

    def answer(self, method: str, path: str, body: Any, here: str) -> Reply:
        self.asked.append((method, path))
        if planned := self.planned.get((method, path)):
            return planned.pop(0)
        if path == "/operations/1":
            return self._operation()
        if path.endswith("/throughputSettings/default"):
            name = path.removeprefix(SQL).removesuffix("/throughputSettings/default").removeprefix("/containers/")
            return self._throughput(method, path, name.strip("/"), body, here)
        known = {
            ACCOUNT: {"properties": {"capabilities": [{"name": name} for name in self.capabilities]}},
            SQL: {"properties": {"resource": {"id": DATABASE}}},
            f"{SQL}/containers": {
                "value": [{"name": name, "properties": {"resource": {"id": name}}} for name in self.containers]
            },
        }
        if path not in known:
            return refusal(404, "ResourceNotFound", f"The Resource '{path}' was not found.")
        return 200, {"id": path, "name": path.rpartition("/")[2], **known[path]}, {}

    def _throughput(self, method: str, path: str, name: str, body: Any, here: str) -> Reply:
        if "EnableServerless" in self.capabilities:
            return refusal(400, "BadRequest", "Reading or replacing offers is not supported for serverless accounts.")
        if name not in self.throughput:
            return refusal(404, "NotFound", NOT_THERE)
        if method == "GET":
            return 200, {"id": path, "name": "default", "properties": {"resource": self.throughput[name]}}, {}
        self.bodies.append(body)
        self.wanted = {name: body["properties"]["resource"]}
        self.left = self.polls
        return 202, {"status": "Enqueued"}, {"Azure-AsyncOperation": f"{here}/operations/1", "Retry-After": "0"}

    def _operation(self) -> Reply:
        if self.left:
            self.left -= 1
            return 200, {"status": "Dequeued"}, {"Retry-After": "0"}
        if not isinstance(self.ends, str):
            return 200, {"status": "Failed", "error": self.ends}, {}
        if self.sets:
            for name, resource in self.wanted.items():
                self.throughput[name] = {**self.throughput[name], **resource}
        return 200, {"status": self.ends}, {}


@contextmanager
def control_plane(account: Account, tokens: Tokens, tls: ssl.SSLContext, name: str) -> Iterator[str]:
    """Its address; who has no token that holds is refused."""

    def answer(asked: Asked) -> Reply:
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if tokens.problem(token):
            return refusal(
                401,
                "ExpiredAuthenticationToken",
                "The access token expiry UTC time '11/23/2026 8:55:46 AM' is earlier than current UTC time "
                "'11/23/2026 8:55:57 AM'.",
            )
        if asked.path != "/operations/1" and asked.query != {"api-version": [API_VERSION]}:
            return refusal(
                400, "NoRegisteredProviderFound", f"No registered resource provider found: {asked.path} {asked.query}"
            )
        body = json.loads(asked.body) if asked.body else None
        return account.answer(asked.method, asked.path, body, f"https://{asked.headers['host']}")

    with serving(answer, tls) as port:
        yield f"https://{name}:{port}"
