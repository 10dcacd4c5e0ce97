from __future__ import annotations

from typing import Any

import pytest

from processors.containers import NEVER, policy

WANTED = ("/city", "/observedAt")


def existing(**changes: Any) -> dict[str, Any]:
    """Properties of a container as Azure tells them, with nothing that differs."""
    indexing = {
        "indexingMode": "consistent",
        "automatic": True,
        "includedPaths": [{"path": "/observedAt/?", "indexes": None}, {"path": "/city/?"}],
        "excludedPaths": [{"path": "/*"}, {"path": '/"_etag"/?'}],
        "compositeIndexes": [],
    }
    ttl = {"defaultTtl": changes.pop("ttl")} if "ttl" in changes else {"defaultTtl": NEVER}
    return {"id": "readings", "indexingPolicy": indexing | changes, **{k: v for k, v in ttl.items() if v is not None}}


def test_what_azure_adds_and_the_order_are_no_differences() -> None:
    assert policy.differences(existing(), WANTED, NEVER) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"includedPaths": [{"path": "/city/?"}]}, ["not indexed: /observedAt"]),
        (
            {"includedPaths": [{"path": "/*"}], "excludedPaths": []},
            [
                "not indexed: /city, /observedAt",
                "indexed and not wanted: /*",
                "not excluded from the index: /*",
            ],
        ),
        ({"excludedPaths": [{"path": "/*"}, {"path": "/city/?"}]}, ["excluded from the index and not wanted: /city"]),
        ({"indexingMode": "none"}, ["indexing mode is none, wanted is consistent"]),
        ({"indexingMode": "Consistent"}, []),
        ({"automatic": False}, ["automatic indexing is False, wanted is True"]),
        ({"compositeIndexes": [[{"path": "/city"}]]}, ["compositeIndexes are set, none are wanted"]),
        ({"ttl": None}, ["TTL is off, wanted is what an item says itself"]),
        ({"ttl": 86_400}, ["TTL is 1 day, wanted is what an item says itself"]),
    ],
)
def test_what_differs_is_told(changes: dict[str, Any], told: list[str]) -> None:
    assert policy.differences(existing(**changes), WANTED, NEVER) == told


def test_a_container_that_says_nothing_differs_in_all() -> None:
    assert policy.differences({}, ("/city",), 5_400) == [
        "indexing mode is None, wanted is consistent",
        "automatic indexing is None, wanted is True",
        "not indexed: /city",
        "not excluded from the index: /*",
        "TTL is off, wanted is 90 minutes",
    ]
