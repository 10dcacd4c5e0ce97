"""A Cosmos endpoint for measuring: it checks each batch as Azure would, counts the documents and drops them.

It speaks what azure-cosmos asks for when `processors` writes: account, database, containers, partition key
ranges, transactional batch. It runs as a process of its own, `python -m bench.discard`, which says its address
in its first line; `GET /counts` says what has arrived.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.request
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from aiohttp import web
from pydantic_core import from_json

from processors.containers.definition import Definition, definitions
from tests.harness.strict import rules
from tests.harness.strict.rules import Key, Refused

DATABASE = "SensorData"

_TAKEN = 201
_KINDS = frozenset({"Upsert", "Create"})
_SLASH = "{_:/?}"
"""The SDK ends the paths of its requests with a slash."""

_OK = {"statusCode": _TAKEN, "requestCharge": 0}


@dataclass(frozen=True)
class Counts:
    """What one container was sent.

    Attributes:
        documents: Taken, each as often as it was sent.
        distinct: Different ids among them, by 64-bit hash of partition key and id.
        batches: Taken.
        refused: Batches that were not taken.
    """

    documents: int
    distinct: int
    batches: int
    refused: int


@dataclass(frozen=True)
class Endpoint:
    """A running process of this module."""

    url: str

    def counts(self) -> dict[str, Counts]:
        """By container."""
        with urllib.request.urlopen(f"{self.url}/counts") as answer:
            return {name: Counts(**counts) for name, counts in json.load(answer).items()}


@contextmanager
def serving() -> Iterator[Endpoint]:
    """An endpoint on loopback that has seen nothing yet; it ends with the block."""
    command = [sys.executable, "-m", __name__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            if not url:
                raise RuntimeError("the endpoint ended before it could be used; see its error above")
            yield Endpoint(url)
        finally:
            process.kill()


class _Container:
    """Checks and counts what one container is sent."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self._key = Key(definition.partition_key)
        self._seen = array("q")
        self._batches = 0
        self._refused = 0

    def take(self, key: str, body: bytes) -> int:
        """Counts a batch; the number of its operations.

        Raises:
            Refused: Azure would not take it.
        """
        try:
            ids = self._checked(key, body)
        except Refused:
            self._refused += 1
            raise
        self._seen.extend(hash((key, name)) for name in ids)
        self._batches += 1
        return len(ids)

    def counts(self) -> Counts:
        distinct = np.unique(np.frombuffer(self._seen, np.int64)).size if self._seen else 0
        return Counts(len(self._seen), int(distinct), self._batches, self._refused)

    def _checked(self, header: str, body: bytes) -> list[str]:
        rules.check_request_size(body)
        values, operations = self._key.parse(header), rules.parse(body)
        rules.check_operations(operations)
        ids = [self._id(operation, number, values) for number, operation in enumerate(operations)]
        if len(set(ids)) < len(ids):
            raise Refused("An id comes twice in the batch.")
        return ids

    def _id(self, operation: Any, number: int, values: list[object]) -> str:
        if not isinstance(operation, dict) or operation.get("operationType") not in _KINDS:
            raise Refused("Not an operation that writes an item.", operation=number)
        return rules.item_id(operation.get("resourceBody"), self._key, values, number)


class _Service:
    """The endpoint, with the containers of `processors.containers`; a method a request."""

    def __init__(self) -> None:
        self._containers = {definition.name: _Container(definition) for definition in definitions()}

    def application(self) -> web.Application:
        base = f"/dbs/{DATABASE}"
        container = f"{base}/colls/{{container}}"
        # Azure's limit is checked with the rest; aiohttp's must only be above it.
        app = web.Application(client_max_size=2 * rules.MAX_REQUEST_BYTES)
        app.add_routes(
            [
                web.get("/", self._account),
                web.get("/counts", self._counts),
                web.get(f"{base}{_SLASH}", self._database),
                web.get(f"{container}{_SLASH}", self._container),
                web.get(f"{container}/pkranges{_SLASH}", self._ranges),
                web.post(f"{container}/docs{_SLASH}", self._batch),
            ]
        )
        return app

    async def _account(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "id": "discard",
                "_rid": "discard",
                "writableLocations": [],
                "readableLocations": [],
                "enableMultipleWriteLocations": False,
                "userConsistencyPolicy": {"defaultConsistencyLevel": "Session"},
            }
        )

    async def _counts(self, _: web.Request) -> web.Response:
        return web.json_response({name: asdict(container.counts()) for name, container in self._containers.items()})

    async def _database(self, _: web.Request) -> web.Response:
        return web.json_response({"id": DATABASE, "_rid": DATABASE, "_self": f"dbs/{DATABASE}/", "_colls": "colls/"})

    async def _container(self, request: web.Request) -> web.Response:
        definition = self._asked_for(request).definition
        paths = list(definition.partition_key)
        return web.json_response(
            {
                "id": definition.name,
                "_rid": definition.name,
                "_self": f"dbs/{DATABASE}/colls/{definition.name}/",
                "partitionKey": {"paths": paths, "kind": "MultiHash" if len(paths) > 1 else "Hash", "version": 2},
                "indexingPolicy": definition.indexing_policy,
            }
        )

    async def _ranges(self, request: web.Request) -> web.Response:
        whole = {"id": "0", "_rid": "0", "minInclusive": "", "maxExclusive": "FF", "parents": [], "status": "online"}
        name = self._asked_for(request).definition.name
        return web.json_response({"_rid": name, "_count": 1, "PartitionKeyRanges": [whole]}, headers={"etag": '"1"'})

    async def _batch(self, request: web.Request) -> web.Response:
        container = self._asked_for(request)
        body = await request.read()
        if request.headers.get("x-ms-cosmos-is-batch-request", "").lower() != "true":
            return _told(rules.BAD_REQUEST, "only transactional batches are taken")
        try:
            count = container.take(request.headers.get("x-ms-documentdb-partitionkey", ""), body)
        except Refused as refused:
            return _answer_to(refused, body)
        return web.json_response([_OK] * count)

    def _asked_for(self, request: web.Request) -> _Container:
        try:
            return self._containers[request.match_info["container"]]
        except KeyError:
            content = json.dumps({"code": "NotFound", "message": f"{request.path} is not there"})
            raise web.HTTPNotFound(text=content, content_type="application/json") from None


def _answer_to(refused: Refused, body: bytes) -> web.Response:
    """What a client is told: of one operation that is wrong, and of those that went down with it."""
    if refused.operation is None:
        return _told(refused.status, str(refused))
    results: list[dict[str, object]] = [
        {"statusCode": rules.WENT_DOWN_WITH_IT, "requestCharge": 0} for _ in from_json(body)
    ]
    results[refused.operation] = {"statusCode": refused.status, "requestCharge": 0, "message": str(refused)}
    return web.json_response(results, status=207)


def _told(status: int, message: str) -> web.Response:
    return web.json_response({"code": str(status), "message": message}, status=status)


async def _serve() -> None:
    """Until stdin is closed, so that it does not outlive the process that started it."""
    runner = web.AppRunner(_Service().application(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    print(f"http://{host}:{port}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(_serve())
