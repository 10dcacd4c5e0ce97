"""The emulator behind the strict server."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
from pydantic_core import from_json, to_json
from yarl import URL

from tests.harness.strict.exchange import BATCH, PARTITION_KEY, QUERY
from tests.harness.strict.faults import Answer

ANSWERS_S = 120.0
"""An emulator that takes longer has hung."""

_HOP_BY_HOP = frozenset({"connection", "content-length", "date", "host", "transfer-encoding", "accept-encoding"})
_LARGE = 1 << 20
"""aiohttp warns of larger bodies that are not streams."""


class Upstream:
    """Connections to the emulator, kept open between requests.

    Args:
        endpoint: Its address.
    """

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=ANSWERS_S),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The emulator's answer; its body is bytes."""
        passed = {name: value for name, value in headers.items() if name not in _HOP_BY_HOP}
        data = io.BytesIO(body) if len(body) > _LARGE else body or None
        url = URL(self._endpoint + path, encoded=True)
        async with self._session.request(method, url, headers=passed, data=data, allow_redirects=False) as response:
            content = await response.read()
            told = {name.lower(): value for name, value in response.headers.items()}
            kept = {name: value for name, value in told.items() if name not in _HOP_BY_HOP}
            return Answer(response.status, content, kept)

    async def batch(self, path: str, operations: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Results of operations of our own; the emulator does each, whatever became of the others."""
        headers = {BATCH: "True", PARTITION_KEY: "[]", "content-type": "application/json"}
        answer = await self.send("POST", path, headers, to_json(operations))
        results: list[dict[str, Any]] = _json(answer, path)
        return results

    async def query(self, path: str, text: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Rows of a query of our own."""
        body = to_json({"query": text, "parameters": list(parameters)})
        answer = await self.send("POST", path, {"content-type": QUERY}, body)
        rows: list[Any] = _json(answer, path)["Documents"]
        return rows


def _json(answer: Answer, path: str) -> Any:
    assert isinstance(answer.body, bytes)
    if answer.status != 200:
        raise RuntimeError(f"the emulator answered {path} with {answer.status}: {answer.body[:300]!r}")
    return from_json(answer.body)
