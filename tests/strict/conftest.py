"""A plain client of the strict service, and requests that no client would send."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from azure.cosmos import ContainerProxy, CosmosClient

from processors.cosmos import Account
from tests.harness.strict import StrictCosmos

KEY = ["denver", "s1", "2026-11"]


@dataclass(frozen=True)
class Told:
    """An answer as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: Any


def connected(account: Account) -> CosmosClient:
    return CosmosClient(
        account.endpoint, "eA==", enable_endpoint_discovery=False, retry_total=0, retry_throttle_total=-1
    )


@pytest.fixture
def item() -> Callable[..., dict[str, Any]]:
    def build(name: str, **others: Any) -> dict[str, Any]:
        return {"id": name, "city": KEY[0], "sensorId": KEY[1], "month": KEY[2], **others}

    return build


@pytest.fixture
def readings(strict: StrictCosmos) -> Iterator[ContainerProxy]:
    with connected(strict.account) as client:
        yield client.get_database_client(strict.account.database).get_container_client("readings")


@pytest.fixture
def runs(strict: StrictCosmos) -> Iterator[ContainerProxy]:
    with connected(strict.account) as client:
        yield client.get_database_client(strict.account.database).get_container_client("runs")


@pytest.fixture
def ask(strict: StrictCosmos) -> Callable[..., Told]:
    """A request to the items of `readings` as it is given: method, what follows `docs`, body, headers."""

    def send(
        method: str, path: str = "", body: object = None, key: object = KEY, container: str = "readings", **more: str
    ) -> Told:
        url = f"{strict.endpoint}/dbs/{strict.account.database}/colls/{container}/docs{path}"
        headers = {"content-type": "application/json", **{name.replace("_", "-"): more[name] for name in more}}
        if key is not None:
            headers["x-ms-documentdb-partitionkey"] = json.dumps(key)
        data = body if isinstance(body, bytes | None) else json.dumps(body, ensure_ascii=False).encode()
        try:
            with urlopen(Request(url, data, headers, method=method)) as answer:
                return _told(answer.status, answer.headers.items(), answer.read())
        except HTTPError as refused:
            with refused:
                return _told(refused.code, refused.headers.items(), refused.read())

    return send


@pytest.fixture
def batch(ask: Callable[..., Told]) -> Callable[..., Told]:
    """A transactional batch of these operations: kind and item, or kind and id."""

    def send(*operations: tuple[Any, ...], key: object = KEY) -> Told:
        return ask("POST", "", [_operation(*each) for each in operations], key, x_ms_cosmos_is_batch_request="True")

    return send


def _operation(kind: str, what: Any, if_match: str | None = None) -> dict[str, Any]:
    given = {"operationType": kind} if if_match is None else {"operationType": kind, "ifMatch": if_match}
    if isinstance(what, str):
        return {**given, "id": what}
    return {**given, "resourceBody": what, **({"id": what["id"]} if kind == "Replace" else {})}


def _told(status: int, headers: Any, body: bytes) -> Told:
    return Told(status, {name.lower(): value for name, value in headers}, json.loads(body) if body else None)
