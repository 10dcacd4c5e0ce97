"""What of a container can be changed while it is in use: which paths it indexes, and when its items expire."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from processors.containers import NEVER

_EVERYTHING = "/*"
_ETAG = '/"_etag"/?'
"""Azure adds it to what is excluded."""

_OTHER_INDEXES = ("compositeIndexes", "spatialIndexes", "vectorIndexes", "fullTextIndexes")
_UNITS_S = {"day": 86_400, "hour": 3_600, "minute": 60, "second": 1}


def indexing(paths: Collection[str]) -> dict[str, Any]:
    """Indexing policy as the service takes it; `id` and `_ts` are always indexed."""
    return {
        "indexingMode": "consistent",
        "automatic": True,
        "includedPaths": [{"path": f"{path}/?"} for path in paths],
        "excludedPaths": [{"path": _EVERYTHING}],
    }


def differences(existing: Mapping[str, Any], paths: Collection[str], ttl_s: int) -> list[str]:
    """How the properties of a container differ from these paths and this TTL; empty when they do not.

    Args:
        existing: As the service tells them; without `defaultTtl`, nothing expires, whatever it says itself.
        paths: Such as `/observedAt`.
        ttl_s: Seconds, or `NEVER`.
    """
    found = _indexing_differences(existing.get("indexingPolicy") or {}, indexing(paths))
    told = existing.get("defaultTtl")
    if told != ttl_s:
        found.append(f"TTL is {_ttl(told)}, wanted is {_ttl(ttl_s)}")
    return found


def _indexing_differences(existing: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    found = []
    for name, plain in (("indexingMode", "indexing mode"), ("automatic", "automatic indexing")):
        told = existing.get(name)
        if str(told).lower() != str(wanted[name]).lower():
            found.append(f"{plain} is {told}, wanted is {wanted[name]}")
    for name, missing, more in (
        ("includedPaths", "not indexed", "indexed and not wanted"),
        ("excludedPaths", "not excluded from the index", "excluded from the index and not wanted"),
    ):
        has, wants = _paths(existing.get(name)), _paths(wanted[name])
        for words, these, those in ((missing, wants, has), (more, has, wants)):
            if only := [path for path in these if path not in those]:
                found.append(f"{words}: {', '.join(only)}")
    return found + [f"{name} are set, none are wanted" for name in _OTHER_INDEXES if existing.get(name)]


def _paths(told: Collection[Mapping[str, Any]] | None) -> list[str]:
    """Paths in their order, without the ending of a scalar."""
    return [each["path"].removesuffix("/?") for each in told or () if each["path"] != _ETAG]


def _ttl(told: int | None) -> str:
    if told is None:
        return "off"
    if told == NEVER:
        return "what an item says itself"
    unit, size_s = next((unit, size_s) for unit, size_s in _UNITS_S.items() if told % size_s == 0)
    return f"{told // size_s} {unit}{'' if told == size_s else 's'}"
