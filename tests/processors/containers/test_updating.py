"""Policy and TTL of containers that are there: changed when asked, and told when not."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from processors.containers.definition import changeable_differences, wanted
from processors.containers.making import create
from processors.cosmos import Account
from processors.errors import EndpointError, SinkError
from tests.harness.strict import Answer, Exchange, StrictCosmos


def test_an_update_changes_policy_and_ttl_and_nothing_else(strict: StrictCosmos) -> None:
    kept = {
        "conflictResolutionPolicy": {"mode": "LastWriterWins", "conflictResolutionPath": "/_ts"},
        "computedProperties": [{"name": "lower", "query": "SELECT VALUE LOWER(c.city) FROM c"}],
        "analyticalStorageTtl": -1,
    }

    def richer(request: Exchange) -> Answer | None:
        if request.method == "GET" and request.path.rstrip("/").endswith("/colls/readings"):
            answer = strict.forward(request)
            assert isinstance(answer.body, dict)
            return replace(answer, body=answer.body | kept)
        return None

    strict.plan = richer
    changed = replace(strict.account, indexed={"readings": ("/city",)}, ttl_s={"readings": 60})
    made = create(changed, update=True)
    name = f"{strict.account.database}/readings"
    assert made.updated == (name,)
    (sent,) = [json.loads(request.body) for request in strict.exchanges if request.method == "PUT"]
    assert sent == {
        "id": "readings",
        "partitionKey": {"paths": ["/city", "/sensorId", "/month"], "kind": "MultiHash", "version": 2},
        "indexingPolicy": wanted(changed)[0].indexing_policy,
        "defaultTtl": 60,
        **kept,
    }
    assert create(changed, update=True).updated == ()


def test_without_being_asked_nothing_is_changed(strict: StrictCosmos) -> None:
    changed = replace(strict.account, ttl_s={"runs": 60})
    made = create(changed)
    assert made.differing == {f"{strict.account.database}/runs": ("TTL is 90 days, wanted is 1 minute",)}
    assert "PUT" not in {request.method for request in strict.exchanges}


def test_an_emulator_that_keeps_no_ttl_does_not_differ(account: Account) -> None:
    assert create(account).differing == {}


def test_on_azure_a_container_that_states_no_ttl_has_it_off() -> None:
    account = Account("https://a.documents.azure.com", "", "any")
    (definition, *_) = wanted(account)
    told = {"indexingPolicy": definition.indexing_policy}
    assert changeable_differences(account, told, definition) == ["TTL is off, wanted is what an item says itself"]


def test_an_identity_that_may_not_change_is_told_so(strict: StrictCosmos) -> None:
    strict.plan = lambda request: Answer(403, {"message": "no"}) if request.method == "PUT" else None
    with pytest.raises(EndpointError, match="403"):
        create(replace(strict.account, ttl_s={"runs": 60}), update=True)


def test_an_emulator_that_replaces_no_container_is_told_from_a_missing_one(account: Account) -> None:
    with pytest.raises(SinkError, match=f"cannot change the container: {account.database}/readings: ") as caught:
        create(replace(account, indexed={"readings": ("/city",)}), update=True)
    assert caught.value.why == "this endpoint does not replace containers, as the emulator"
    assert caught.value.hint == "delete the database there and create it again"
