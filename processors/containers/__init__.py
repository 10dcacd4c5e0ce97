"""What each container is, read from `containers.json`, which the Bicep of `infra/azure/` reads too.

How one should be is in `definition`, whether it is there in `looking`, and how it is made in `making`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

READINGS = "readings"
AGGREGATES = "aggregates"
ANOMALIES = "anomalies"
RUNS = "runs"

LABEL = "label"
"""`kind` of those documents in `anomalies` that are no alarm, but what a person said of one (`feedback.labels`)."""

FILE = "containers.json"

NEVER = -1
"""Items expire only where they carry a `ttl` of their own."""


ORDERED = {"readings": ("/observedAt", "/lastObservedAt"), "anomalies": ("/observedAt",)}
"""Role -> paths that `query` orders by, which the service refuses to do without an index."""


@dataclass(frozen=True)
class Layout:
    """A container by its role, whatever its name.

    Attributes:
        role: What it takes; its name too, but for that of `readings`, which is a setting.
        partition_key: Paths, one for each level. No logical partition of a city, sensor and month reaches the 20 GB
            limit, and a query for a city stays a prefix query.
        indexed: Paths of scalar properties that queries filter or sort by. All else stays without index: each
            indexed path adds to the charge of each write.
        ttl_s: Seconds until an item expires; `NEVER` unless it says so itself.
    """

    role: str
    partition_key: tuple[str, ...]
    indexed: tuple[str, ...]
    ttl_s: int


@cache
def layouts() -> tuple[Layout, ...]:
    """All containers, in the order in which they are made."""
    told = json.loads((files("processors.containers") / FILE).read_text(encoding="utf-8"))
    return tuple(
        Layout(each["role"], tuple(each["partitionKey"]), tuple(each["indexed"]), each["ttlSeconds"])
        for each in told
    )


def roles() -> tuple[str, ...]:
    """What containers are called in settings."""
    return tuple(each.role for each in layouts())
