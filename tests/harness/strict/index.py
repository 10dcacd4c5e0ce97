"""Which paths of its items a container indexes."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

_AGGREGATE = re.compile(r"\b(?:COUNT|SUM|AVG|MIN|MAX)\s*\(|\bDISTINCT\b|\bGROUP\s+BY\b", re.IGNORECASE)
_ALWAYS = frozenset({"id", "_ts"})


class Index:
    """An indexing policy.

    Args:
        policy: As the container has it; what lies below an included path is indexed unless it is excluded.
    """

    def __init__(self, policy: Mapping[str, Any]) -> None:
        included = [str(each["path"]) for each in policy.get("includedPaths") or ()]
        excluded = [str(each["path"]) for each in policy.get("excludedPaths") or ()]
        self._all = "/*" in included
        self._included = frozenset(_name(path) for path in included)
        self._excluded = frozenset(_name(path) for path in excluded)

    def entries(self, item: Mapping[str, Any] | None) -> int:
        """How many paths of an item are indexed."""
        if item is None:
            return 0
        if not self._all:
            return len(self._included & item.keys())
        return sum(_leaves(value) for name, value in item.items() if name not in self._excluded)

    def has(self, names: Collection[str]) -> bool:
        """Whether there are any of these properties, and all of them are indexed."""
        used = set(names) - _ALWAYS
        return bool(names) and (not used & self._excluded if self._all else used <= self._included)


def aggregates(query: str) -> bool:
    """Whether the rows of an answer are made from several items each."""
    return _AGGREGATE.search(query) is not None


def _name(path: str) -> str:
    """`city` of `/city/?`: the first step of a path says enough for items that are flat."""
    return path.strip("/").split("/")[0].strip('"')


def _leaves(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(_leaves, value.values()))
    return sum(map(_leaves, value)) if isinstance(value, list) else 1
