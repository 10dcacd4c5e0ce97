from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from azure.cosmos import CosmosClient, DatabaseProxy, PartitionKey
from hatchling.builders.wheel import WheelBuilder

from processors import containers, cosmos
from processors.containers import FILE, looking, roles
from processors.containers.definition import Definition, changeable_differences, definitions, differences, wanted
from processors.containers.making import create, ensure
from processors.cosmos import Account
from processors.errors import EndpointError, SinkError
from sensors.images import context
from tests.harness.strict import Answer, Exchange, StrictCosmos

EVERYTHING = ["readings", "aggregates", "anomalies", "runs"]


def verify(account: Account) -> list[str]:
    async def run() -> list[str]:
        async with cosmos.connect(account) as client:
            return list(await looking.verify(client, account))

    return asyncio.run(run())


@contextmanager
def plainly(account: Account) -> Iterator[DatabaseProxy]:
    """The database through a plain client that shares no code with ours."""
    with CosmosClient(account.endpoint, "eA==", enable_endpoint_discovery=False) as client:
        yield client.get_database_client(account.database)


def test_readings_go_by_city_sensor_and_month_and_runs_by_city() -> None:
    keys = {definition.name: definition.partition_key for definition in definitions()}
    assert keys == {**dict.fromkeys(EVERYTHING, ("/city", "/sensorId", "/month")), "runs": ("/city",)}


def test_the_readings_container_has_the_configured_name() -> None:
    assert [definition.name for definition in definitions("telemetry")] == ["telemetry", *EVERYTHING[1:]]


def test_only_what_is_queried_is_indexed() -> None:
    assert definitions()[0].indexing_policy == {
        "indexingMode": "consistent",
        "automatic": True,
        "includedPaths": [
            {"path": "/city/?"},
            {"path": "/sensorId/?"},
            {"path": "/month/?"},
            {"path": "/observedAt/?"},
            {"path": "/lastObservedAt/?"},
            {"path": "/count/?"},
            {"path": "/isAnomaly/?"},
        ],
        "excludedPaths": [{"path": "/*"}],
    }


def test_what_differs_is_the_partition_key_and_nothing_else() -> None:
    definition = Definition("readings", ("/city", "/sensorId"), ())
    same = {
        "partitionKey": {"paths": ["/city", "/sensorId"], "kind": "MultiHash", "version": 2},
        "defaultTtl": 5,
    }
    assert differences(same, definition) == []
    assert differences({"partitionKey": {"paths": ["/sensorId", "/city"]}}, definition) == [
        "partition key is /sensorId, /city, expected /city, /sensorId"
    ]
    assert differences({}, definition) == ["partition key is none, expected /city, /sensorId"]


def test_the_roles_of_the_description_are_those_of_the_code() -> None:
    assert roles() == (containers.READINGS, containers.AGGREGATES, containers.ANOMALIES, containers.RUNS)


def test_the_wheel_and_the_image_have_the_description() -> None:
    root = Path(__file__).parents[2]
    path = f"processors/containers/{FILE}"
    builder = WheelBuilder(str(root))
    assert path in {file.distribution_path for file in builder.recurse_included_files()}
    assert path in context.read(root, "processors")


def test_settings_replace_what_is_described_by_role_whatever_the_name(account: Account) -> None:
    changed = replace(account, container="telemetry", indexed={"readings": ("/city",)}, ttl_s={"readings": 60})
    first, *others = wanted(changed)
    assert first == Definition("telemetry", ("/city", "/sensorId", "/month"), ("/city",), 60)
    assert others == list(definitions()[1:])


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


def test_an_existing_container_with_another_key_is_not_touched(account: Account) -> None:
    with plainly(account) as database:
        database.create_container("telemetry", PartitionKey("/id"))
    other = replace(account, container="telemetry")
    for use in (create, verify):
        with pytest.raises(SinkError, match="telemetry") as caught:
            use(other)
        assert "partition key is /id, expected /city, /sensorId, /month" in str(caught.value)
        assert caught.value.hint.startswith("a partition key cannot be changed. To move: (1) COSMOS_DATABASE=")


def test_a_missing_database_is_named_before_its_containers(account: Account) -> None:
    with pytest.raises(SinkError, match="read the database: nowhere: 404") as caught:
        verify(replace(account, database="nowhere"))
    assert "bacalhau-cosmos cosmos create" in caught.value.hint


def test_a_missing_container_is_named(account: Account) -> None:
    with plainly(account) as database:
        database.delete_container("anomalies")
    with pytest.raises(SinkError, match=f"read the container: {account.database}/anomalies: 404"):
        verify(account)


def test_reads_each_once(strict: StrictCosmos) -> None:
    assert verify(strict.account) == EVERYTHING
    assert [request.method for request in strict.exchanges if "/dbs/" in request.path] == ["GET"] * 5


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
