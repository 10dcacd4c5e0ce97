"""A container: what must be known of it to be strict about what is done to its items."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.harness.strict import rules
from tests.harness.strict.bucket import Bucket
from tests.harness.strict.index import Index
from tests.harness.strict.rules import Key
from tests.harness.strict.twins import Twins


@dataclass
class Container:
    """A container, as far as it must be known to be strict about it.

    Attributes:
        path: Of its items: `/dbs/<database>/colls/<container>/docs`.
        key: Its partition key.
        index: Which paths it indexes.
        default_ttl_s: None when nothing expires, `rules.NEVER` when items expire by their own `ttl` only.
        bucket: Its throughput.
        lock: Held by what writes, so that a batch is all or nothing.
        twins: Items that share their ids with others.
        items: How many it holds, None until they were counted; what is written past this server is not noticed.
        expires_s: When the next item may expire, Unix seconds; 0 until that has been looked up.
        stamps: Id in the emulator -> ETag and time of what was written through this server and may expire.
    """

    path: str
    key: Key
    index: Index
    default_ttl_s: int | None
    bucket: Bucket
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    twins: Twins = field(default_factory=Twins)
    items: int | None = None
    expires_s: float = 0.0
    stamps: dict[str, tuple[str, float]] = field(default_factory=dict)

    def expiry_s(self, item: Mapping[str, Any]) -> float:
        """When an item of the emulator expires, Unix seconds; infinite for never."""
        ttl = self.default_ttl_s if item.get("ttl") is None else item["ttl"]
        if self.default_ttl_s is None or not isinstance(ttl, int) or ttl == rules.NEVER:
            return math.inf
        etag, written_s = self.stamps.get(item["id"], (None, 0.0))
        return ttl + (written_s if etag == item["_etag"] else float(item["_ts"]))

    def stamp(self, item: Mapping[str, Any], now_s: float) -> None:
        """Note when an item that may expire was written; the emulator's `_ts` is by another clock."""
        if self.expiry_s(item) < math.inf:
            self.stamps[item["id"]] = (item["_etag"], math.floor(now_s))
            self.expires_s = min(self.expires_s, self.expiry_s(item))
