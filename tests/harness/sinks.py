"""Groups of documents, written through a sink on a clock that only waiting moves."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from azure.cosmos import CosmosClient

from processors.cosmos import Account
from processors.model import Documents, Written
from processors.sink import open_sink

CHARGE = "x-ms-request-charge"


class Time:
    """A clock that only waiting moves."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.waits: list[float] = []

    def clock(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now_s += seconds
        await asyncio.sleep(0)

    @property
    def options(self) -> dict[str, Any]:
        return {"clock": self.clock, "sleep": self.sleep, "jitter": lambda: 1.0}


def encoded(item: dict[str, Any]) -> bytes:
    return json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode()


def group(count: int, sensor: str = "s1", text: str = "", start: int = 0) -> Documents:
    key = ("denver", sensor, "2026-11")
    items = [
        {
            "id": f"{sensor}-{number}",
            "city": key[0],
            "sensorId": key[1],
            "month": key[2],
            "temperatureC": 20.5 + number,
            "note": text,
        }
        for number in range(start, start + count)
    ]
    return Documents(key, items, [len(encoded(item)) for item in items])


def stored(account: Account, container: str = "readings") -> dict[str, dict[str, Any]]:
    """Documents by id, read by a plain client that shares no code with the sink."""
    with CosmosClient(account.endpoint, "eA==", enable_endpoint_discovery=False) as client:
        items = client.get_database_client(account.database).get_container_client(container).read_all_items()
        return {item["id"]: {name: item[name] for name in item if not name.startswith("_")} for item in items}


def by_id(*groups: Documents) -> dict[str, dict[str, Any]]:
    return {item["id"]: item for documents in groups for item in documents.items}


def write(account: Account, *groups: Documents, **options: Any) -> Written:
    with open_sink(account, **{**Time().options, **options}) as sink:
        return sink.write("readings", groups)
