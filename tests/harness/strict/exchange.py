"""A request to the service and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import unquote

from pydantic_core import from_json

BATCH = "x-ms-cosmos-is-batch-request"
QUERY = "application/query+json"
QUERY_PLAN = "x-ms-cosmos-is-query-plan-request"
UPSERT = "x-ms-documentdb-is-upsert"
PARTITION_KEY = "x-ms-documentdb-partitionkey"

Kind = Literal[
    "metadata", "batch", "query", "plan", "feed", "create", "upsert", "read", "replace", "patch", "delete"
]  # fmt: skip
"""What a request asks for; `plan` is how to run a query, `feed` all items, `metadata` anything but items."""

_WITH_ID: Mapping[str, Kind] = {"GET": "read", "PUT": "replace", "PATCH": "patch", "DELETE": "delete"}


@dataclass(eq=False)
class Exchange:
    """A request as it came over the wire, and its answer once there is one.

    Attributes:
        number: Counts all requests from 0.
        batch_number: Counts the transactional batches from 0; -1 for anything else.
        method: HTTP method.
        path: As it was sent, with its query string.
        headers: By lower-case name.
        body: As it was sent.
        database: Name, empty where the path has none.
        container: Name, empty where the path has none.
        kind: What is asked for.
        ids: Those of the items that are to be read or written, in order; none for queries.
        key: Partition key of the header, None without.
        began_s: When it had arrived, by the clock of the server.
        status: HTTP status of the answer, None where none was given.
        charge: Request units that it cost, also where the answer was not given.
        fault: Name of the fault that was injected.
        ended_s: When it was over, None before.
    """

    number: int
    batch_number: int
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    database: str
    container: str
    kind: Kind
    ids: list[str]
    key: list[Any] | None
    began_s: float
    status: int | None = None
    charge: float = 0.0
    fault: str | None = None
    ended_s: float | None = None

    @property
    def documents(self) -> list[dict[str, Any]]:
        """Items of a batch, in order."""
        return [operation["resourceBody"] for operation in from_json(self.body)]


@dataclass(frozen=True)
class Target:
    """What the path and the headers of a request say.

    Attributes:
        kind: As in `Exchange`.
        database: As in `Exchange`.
        container: As in `Exchange`.
        item: Id at the end of the path.
    """

    kind: Kind
    database: str = ""
    container: str = ""
    item: str | None = None


def target(method: str, path: str, headers: Mapping[str, str]) -> Target:
    """What a request is about."""
    parts = [unquote(part) for part in path.split("?", 1)[0].strip("/").split("/")]
    database = parts[1] if len(parts) > 1 and parts[0] == "dbs" else ""
    container = parts[3] if len(parts) > 3 else ""
    if len(parts) == 6 and parts[4] == "docs" and method in _WITH_ID:
        return Target(_WITH_ID[method], database, container, parts[5])
    if len(parts) == 5 and parts[4] == "docs" and method in ("GET", "POST"):
        return Target(_without_id(method, headers), database, container)
    return Target("metadata", database, container)


def _without_id(method: str, headers: Mapping[str, str]) -> Kind:
    if method == "GET":
        return "feed"
    if headers.get(BATCH, "").lower() == "true":
        return "batch"
    if headers.get("content-type") == QUERY:
        return "plan" if QUERY_PLAN in headers else "query"
    return "upsert" if headers.get(UPSERT, "").lower() == "true" else "create"


def ids(kind: Kind, item: str | None, content: Any) -> list[str]:
    """Ids that a request names, whatever else is wrong with it.

    Args:
        kind: What is asked for.
        item: Id at the end of the path.
        content: JSON of the body, None when there is none.
    """
    if item is not None:
        return [item]
    if kind == "batch" and isinstance(content, list):
        return [str(_named(operation)) for operation in content if isinstance(operation, dict)]
    if kind in ("create", "upsert") and isinstance(content, dict):
        return [str(content.get("id"))]
    return []


def _named(operation: dict[str, Any]) -> object:
    item = operation.get("resourceBody")
    return operation["id"] if "id" in operation else item.get("id") if isinstance(item, dict) else None
