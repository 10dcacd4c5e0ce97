"""Containers that are missing are created; those that are there are left."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from processors.containers.definition import definitions
from processors.containers.making import create, ensure
from processors.cosmos import Account
from processors.errors import EndpointError, SinkError
from tests.harness.strict import Answer, Exchange, StrictCosmos
from tests.processors.containers.conftest import EVERYTHING, verify


def test_creates_what_is_missing_and_says_what_existed(emulator: str) -> None:
    account = Account(emulator, "", "create-twice", "telemetry")
    names = ("create-twice", *(f"create-twice/{name}" for name in ["telemetry", *EVERYTHING[1:]]))
    assert create(account, definitions("telemetry")[:2]).created == names[:3]
    again = create(account)
    assert (again.created, again.existed) == (names[3:], names[:3])
    assert create(account).existed == names
    assert verify(account) == ["telemetry", *EVERYTHING[1:]]


def test_many_nodes_may_create_at_the_same_time(emulator: str) -> None:
    account = Account(emulator, "", "create-race")
    with ThreadPoolExecutor(4) as nodes:
        done = list(nodes.map(create, [account] * 4))
    created = [name for each in done for name in each.created]
    assert sorted(created) == sorted({"create-race", *(f"create-race/{name}" for name in EVERYTHING)})


def test_sends_hierarchical_keys_policies_and_ttl(strict: StrictCosmos) -> None:
    create(replace(strict.account, database="create-sends"))
    sent = {
        body["id"]: body
        for request in strict.exchanges
        if request.method == "POST" and request.path.rstrip("/").endswith("/colls")
        for body in [json.loads(request.body)]
    }
    assert list(sent) == EVERYTHING
    hierarchical = {"paths": ["/city", "/sensorId", "/month"], "kind": "MultiHash", "version": 2}
    assert sent["readings"]["partitionKey"] == hierarchical
    assert sent["readings"]["defaultTtl"] == -1
    assert sent["runs"]["partitionKey"] == {"paths": ["/city"], "kind": "Hash", "version": 2}
    assert sent["runs"]["defaultTtl"] == 90 * 86_400
    for definition in definitions():
        assert sent[definition.name]["indexingPolicy"] == definition.indexing_policy


def test_an_identity_that_may_not_create_is_told_so(strict: StrictCosmos) -> None:
    def forbid(request: Exchange) -> Answer | None:
        return Answer(403, {"message": "no"}) if request.method == "POST" else None

    strict.plan = forbid
    with pytest.raises(EndpointError, match="create the database or container") as caught:
        create(strict.account)
    assert "control plane" in caught.value.hint


def test_ensuring_asks_for_no_right_to_create_where_nothing_is_missing(strict: StrictCosmos) -> None:
    strict.plan = lambda request: Answer(403, {"message": "no"}) if request.method == "POST" else None
    assert ensure(strict.account).created == ()


def test_ensuring_creates_what_is_missing(emulator: str) -> None:
    made = ensure(Account(emulator, "", f"test-{uuid.uuid4().hex[:12]}"))
    assert len(made.created) == 5
    assert made.existed == ()


def test_ensuring_does_not_take_a_service_that_rests_for_one_without_containers(strict: StrictCosmos) -> None:
    strict.plan = lambda request: Answer(503, {"message": "later"}) if "/colls/runs" in request.path else None
    with pytest.raises(SinkError, match="503"):
        ensure(strict.account)
    assert "POST" not in {request.method for request in strict.exchanges}
