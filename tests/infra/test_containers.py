"""The containers that the command line creates are those that Bicep describes, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from azure.cosmos import CosmosClient

from bicep.deployment import deployed
from processors.containers import READINGS, definition, making
from processors.cosmos import Account
from tests.harness.strict import StrictCosmos
from tests.infra.conftest import ROOT

MODULE = ROOT / "infra" / "azure" / "modules" / "containers.bicep"
CONTAINER = "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers"
DATABASE = CONTAINER.rpartition("/")[0]

Body = Mapping[str, Any]


def described(account: Account, *, path: Path = MODULE, **parameters: Any) -> dict[str, Body]:
    """Container -> its body, as Bicep would deploy it for this account."""
    given = {
        "accountName": "any",
        "databaseName": account.database,
        "readingsName": account.container,
        "indexed": {role: list(paths) for role, paths in account.indexed.items()},
        "ttlSeconds": dict(account.ttl_s),
        "autoscale": False,
        "sharedThroughput": True,
        "maxThroughput": 1000,
    }
    resources = list(deployed(path, given | parameters))
    return {each.body["name"]: each.body for each in resources if each.declared.type == CONTAINER}


def created(account: Account) -> dict[str, Body]:
    """Container -> its properties, as the service tells them to a client that shares no code with ours."""
    with CosmosClient(account.endpoint, "eA==", enable_endpoint_discovery=False) as client:
        database = client.get_database_client(account.database)
        names = [each["id"] for each in database.list_containers()]
        return {name: database.get_container_client(name).read() for name in names}


def assert_same(told: Body, resource: Body, *, ttl: bool) -> None:
    assert told["id"] == resource["id"]
    key, wanted = told["partitionKey"], resource["partitionKey"]
    assert key["paths"] == wanted["paths"]
    assert key["kind"] == wanted["kind"]
    # The emulator writes it with a capital.
    assert {name.lower(): value for name, value in key.items()}["version"] == wanted["version"]
    policy, wanted = told["indexingPolicy"], resource["indexingPolicy"]
    assert policy.keys() == wanted.keys()
    for name in ("indexingMode", "automatic"):
        assert policy[name] == wanted[name]
    for name in ("includedPaths", "excludedPaths"):
        paths = [each["path"] for each in policy[name] if each["path"] != '/"_etag"/?']
        assert paths == [each["path"] for each in wanted[name]]
    if ttl:
        assert told["defaultTtl"] == resource["defaultTtl"]


def test_on_the_emulator(account: Account) -> None:
    wanted = described(account)
    found = created(account)
    assert found.keys() == wanted.keys() == {each.name for each in definition.wanted(account)}
    for name, body in wanted.items():
        assert_same(found[name], body["properties"]["resource"], ttl=False)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"container": "telemetry"},
        {
            "indexed": {READINGS: ("/city", "/observedAt"), "runs": ("/city",)},
            "ttl_s": {READINGS: 7_776_000, "runs": -1},
        },
    ],
)
def test_on_a_service_that_keeps_ttl(strict: StrictCosmos, changes: dict[str, Any]) -> None:
    account = Account(strict.account.endpoint, "", f"{strict.account.database}-more", **changes)
    making.create(account)
    wanted = described(account)
    found = created(account)
    assert found.keys() == wanted.keys()
    for name, body in wanted.items():
        assert_same(found[name], body["properties"]["resource"], ttl=True)
    assert making.create(account).differing == {}


def test_throughput_is_shared_or_each_containers_own_or_none() -> None:
    account = Account("http://127.0.0.1:9", "", "any")
    own = {"autoscaleSettings": {"maxThroughput": 4000}}

    def options(**parameters: Any) -> tuple[Any, list[Any]]:
        names = {"accountName": "any", "databaseName": "any", "readingsName": "readings"}
        given = names | {"indexed": {}, "ttlSeconds": {}}
        (database,) = [each for each in deployed(MODULE, given | parameters) if each.declared.type == DATABASE]
        bodies = described(account, **parameters).values()
        return database.body["properties"]["options"], [body["properties"]["options"] for body in bodies]

    assert options(autoscale=True, sharedThroughput=True, maxThroughput=4000) == (own, [{}] * 4)
    assert options(autoscale=True, sharedThroughput=False, maxThroughput=4000) == ({}, [own] * 4)
    assert options(autoscale=False, sharedThroughput=True, maxThroughput=4000) == ({}, [{}] * 4)


def test_the_module_reads_the_same_file(azure: Path) -> None:
    file = azure.parents[1] / "processors" / "containers" / "containers.json"
    file.write_text(file.read_text(encoding="utf-8").replace("/windowStart", "/windowEnd"), encoding="utf-8")
    bodies = described(Account("http://127.0.0.1:9", "", "any"), path=azure / "modules" / "containers.bicep")
    policy = bodies["aggregates"]["properties"]["resource"]["indexingPolicy"]
    paths = [each["path"] for each in policy["includedPaths"]]
    assert paths == ["/city/?", "/sensorId/?", "/month/?", "/windowEnd/?"]
