"""A container as it should be, and how one that exists differs from that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from processors.containers import NEVER, READINGS, layouts, policy
from processors.cosmos import Account
from processors.endpoint import is_local
from processors.errors import SinkError

MIGRATE = (
    "a partition key cannot be changed. To move: (1) COSMOS_DATABASE=<a new name> and `bacalhau-cosmos cosmos create`; "
    "(2) COSMOS_STATE and COSMOS_ARCHIVE=<new, empty folders> and one run: all that SQLite holds is sent again; "
    "(3) keep these three for all nodes and readers; (4) `bacalhau-cosmos verify`, then delete the old database "
    "(docs/azure.md)"
)
"""What to do with a container of another key. A new name for the readings alone would send windows and anomalies twice
into the containers that stay."""

_NONE: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Definition:
    """A container as we want it.

    Attributes:
        name: Container name.
        partition_key: Paths, one for each level.
        indexed: Paths of scalar properties; all else stays without index.
        default_ttl_s: Seconds until an item expires; `NEVER` unless it says so itself.
    """

    name: str
    partition_key: tuple[str, ...]
    indexed: tuple[str, ...]
    default_ttl_s: int = NEVER

    @property
    def indexing_policy(self) -> dict[str, Any]:
        """Indexing policy as the service takes it."""
        return policy.indexing(self.indexed)


def definitions(
    readings: str = READINGS, indexed: Mapping[str, tuple[str, ...]] = _NONE, ttl_s: Mapping[str, int] = _NONE
) -> tuple[Definition, ...]:
    """All containers.

    Args:
        readings: Configured name of the first.
        indexed: Role -> paths, for those that are not as `containers.json` has them.
        ttl_s: Role -> seconds, likewise.
    """
    return tuple(
        Definition(
            readings if each.role == READINGS else each.role,
            each.partition_key,
            tuple(indexed.get(each.role, each.indexed)),
            ttl_s.get(each.role, each.ttl_s),
        )
        for each in layouts()
    )


def wanted(account: Account) -> tuple[Definition, ...]:
    """All containers as this account is to have them."""
    return definitions(account.container, account.indexed, account.ttl_s)


def differences(existing: Mapping[str, Any], definition: Definition) -> list[str]:
    """How an existing container differs in what can never be changed, its partition key; empty when it does not."""
    paths = tuple(existing.get("partitionKey", {}).get("paths", ()))
    if paths == definition.partition_key:
        return []
    found, expected = (", ".join(key) or "none" for key in (paths, definition.partition_key))
    return [f"partition key is {found}, expected {expected}"]


def changeable_differences(account: Account, existing: Mapping[str, Any], definition: Definition) -> list[str]:
    """How an existing container differs in indexing policy and TTL; empty when it does not.

    An emulator on this machine that states no TTL has none to be set: that is no difference.
    """
    if is_local(account.endpoint) and "defaultTtl" not in existing:
        existing = {**existing, "defaultTtl": definition.default_ttl_s}
    return policy.differences(existing, definition.indexed, definition.default_ttl_s)


def require_same(account: Account, properties: Mapping[str, Any], definition: Definition) -> None:
    """Nothing of what can never be changed differs.

    Raises:
        SinkError: Something does; how, and the steps to move.
    """
    if found := differences(properties, definition):
        raise SinkError(
            "use the container",
            f"{account.database}/{definition.name}",
            why="; ".join(found),
            hint=MIGRATE,
        )
