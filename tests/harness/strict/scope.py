"""What of a container a query has to do with, by the kinds of index use that are documented.

A comparison of an indexed path finds its items without looking at others; any other condition on indexed paths looks
at all entries; a condition on a path without index reads the items that the other conditions leave
(https://learn.microsoft.com/azure/cosmos-db/index-overview#understanding-index-usage). A key, or the start of one,
leaves out all items of other keys.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tests.harness.strict.index import Index

_SOURCE = re.compile(r"\bFROM\s+(\w+)", re.IGNORECASE)
_WHERE = re.compile(r"\bWHERE\b(.*?)(?=\bORDER\s+BY\b|\bGROUP\s+BY\b|\bOFFSET\b|$)", re.IGNORECASE | re.DOTALL)
_ORDER = re.compile(r"\bORDER\s+BY\b(.*?)(?=\bOFFSET\b|$)", re.IGNORECASE | re.DOTALL)
_AND = re.compile(r"\s+AND\s+(?![^(]*\))", re.IGNORECASE)
_OR = re.compile(r"\s+OR\s+", re.IGNORECASE)


@dataclass(frozen=True)
class Scope:
    """Conditions of a query, by what they take.

    Attributes:
        source: Alias of the items, `c` as a rule.
        key: Conditions that give the levels of the key, from the first on without a gap.
        sought: Conditions that the index answers with the items themselves, those of `key` among them.
        looked: Conditions that the index answers by looking at each entry.
        read: Whether items must be read to know whether they are meant.
        unsorted: Whether it is to be sorted by what has no index, which is refused
            (https://learn.microsoft.com/azure/cosmos-db/nosql/query/order-by#remarks).
    """

    source: str
    key: tuple[str, ...]
    sought: tuple[str, ...]
    looked: bool
    read: bool
    unsorted: bool


def scope(query: str, index: Index, levels: Sequence[str]) -> Scope:
    """That of a query on a container with this index and these levels of its key."""
    found = _SOURCE.search(query)
    source = found[1] if found else "c"
    where, order = _WHERE.search(query), _ORDER.search(query)
    conditions = _AND.split(where[1].strip()) if where else []
    indexed = [each for each in conditions if index.has(_paths(each, source))]
    sought = tuple(each for each in indexed if _compares(each, source))
    ordered = order is not None and index.has(_paths(order[1], source))
    return Scope(
        source,
        _prefix(sought, source, levels),
        sought,
        looked=len(sought) < len(indexed),
        read=len(indexed) < len(conditions) or not (conditions or ordered),
        unsorted=order is not None and not ordered,
    )


def _paths(text: str, source: str) -> set[str]:
    return set(re.findall(rf"\b{re.escape(source)}\.(\w+)", text))


def _compares(condition: str, source: str) -> bool:
    """Whether it compares paths with values, one or several of them joined by OR."""
    one = re.compile(rf"\s*{re.escape(source)}\.\w+\s*(=|!=|<=?|>=?|IN\b)\s*[^\s].*", re.IGNORECASE | re.DOTALL)
    inner = condition.strip()
    parts = _OR.split(inner[1:-1]) if inner.startswith("(") and inner.endswith(")") else [inner]
    return all(one.fullmatch(part) for part in parts)


def _prefix(sought: Sequence[str], source: str, levels: Sequence[str]) -> tuple[str, ...]:
    found = []
    for level in levels:
        equal = [each for each in sought if re.match(rf"\s*{re.escape(source)}\.{re.escape(level)}\s*=", each)]
        if not equal:
            break
        found.append(equal[0])
    return tuple(found)
