"""What the files come to with given parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bicep.deployment import Deployed, deployed, given
from bicep.errors import BicepError
from bicep.evaluate import Unknown
from tests.infra.conftest import ROOT

AZURE = ROOT / "infra" / "azure"
DATA = "Microsoft.DocumentDB/databaseAccounts/"
ITEMS = f"{DATA}sqlDatabases/containers/items/"


def all_of(kind: str, **parameters: Any) -> list[Deployed]:
    found = deployed(AZURE / "main.bicep", parameters)
    return [each for each in found if each.declared.type.rpartition("/")[2] == kind]


def properties(kind: str, **parameters: Any) -> Any:
    (found,) = all_of(kind, **parameters)
    return found.body["properties"]


def text(value: Any) -> str:
    return value.text if isinstance(value, Unknown) else value


def test_roles_of_the_edge_allow_what_they_say_and_no_more() -> None:
    actions = {
        each.body["properties"]["roleName"].split()[1]: each.body["properties"]["permissions"]
        for each in all_of("sqlRoleDefinitions")
    }
    writes = [f"{DATA}readMetadata", f"{ITEMS}create", f"{ITEMS}upsert"]
    assert actions == {
        "edge-writer": [{"dataActions": writes}],
        "edge-verifier": [
            {"dataActions": [*writes, f"{ITEMS}read", f"{DATA}sqlDatabases/containers/executeQuery"]},
        ],
        "edge-check": [{"dataActions": [f"{ITEMS}delete"]}],
    }


def test_each_identity_gets_its_role_where_it_needs_it() -> None:
    found = all_of(
        "sqlRoleAssignments",
        nodePrincipalIds=["node"],
        writerPrincipalIds=["writer"],
        verifierPrincipalIds=["verifier"],
        readerPrincipalIds=["reader"],
    )
    given_to = {
        (body["principalId"], text(body["roleDefinitionId"]).rpartition("/")[2], text(body["scope"]))
        for body in (each.body["properties"] for each in found)
    }
    assert given_to == {
        ("node", "00000000-0000-0000-0000-000000000002", "account.id"),
        ("reader", "00000000-0000-0000-0000-000000000001", "account.id"),
        ("writer", "edgeWriter.id", "account.id"),
        ("verifier", "edgeVerifier.id", "account.id"),
        ("verifier", "edgeCheck.id", "account.id/dbs/SensorData/colls/runs"),
    }
    (operator,) = all_of("roleAssignments", operatorPrincipalIds=["operator"])
    assert operator.body["scope"] == Unknown("account")
    assert operator.body["properties"]["principalId"] == "operator"
    role = "Microsoft.Authorization/roleDefinitions, 230815da-be43-4aae-9cb4-875f7bd000aa"
    assert operator.body["properties"]["roleDefinitionId"] == Unknown(f"subscriptionResourceId({role})")


def test_by_default_nobody_has_a_role_and_nothing_is_paid_for_by_the_hour() -> None:
    assert all_of("sqlRoleAssignments") == all_of("roleAssignments") == all_of("privateEndpoints") == []
    assert properties("databaseAccounts")["capabilities"] == [{"name": "EnableServerless"}]
    assert {str(each.body["properties"]["options"]) for each in all_of("containers")} == {"{}"}


def test_production_spreads_scales_and_goes_back_thirty_days() -> None:
    production = given(AZURE / "production.bicepparam")
    account = properties("databaseAccounts", **production, otherRegions=["northeurope"])
    assert [each["isZoneRedundant"] for each in account["locations"]] == [True, True]
    assert [each["failoverPriority"] for each in account["locations"]] == [0, 1]
    assert account["enableAutomaticFailover"] is True
    assert account["backupPolicy"]["continuousModeProperties"] == {"tier": "Continuous30Days"}
    assert account["capabilities"] == []
    assert properties("sqlDatabases", **production)["options"] == {"autoscaleSettings": {"maxThroughput": 4000}}


def test_the_firewall_lets_in_what_is_given_when_a_trial_is_open() -> None:
    trial = given(AZURE / "trial.bicepparam")
    account = properties("databaseAccounts", **{**trial, "allowedAddresses": ["203.0.113.7"]})
    assert account["publicNetworkAccess"] == "Enabled"
    assert account["ipRules"] == [{"ipAddressOrRange": "203.0.113.7"}]
    assert properties("databaseAccounts", **trial)["publicNetworkAccess"] == "Disabled"


def test_alerts_watch_throttling_the_maximum_and_storage() -> None:
    def watched(**parameters: Any) -> dict[str, tuple[str, float]]:
        criteria = [each.body["properties"]["criteria"]["allOf"] for each in all_of("metricAlerts", **parameters)]
        return {one["metricName"]: (one["timeAggregation"], one["threshold"]) for (one,) in criteria}

    always = {"TotalRequests": ("Count", 100), "DataUsage": ("Maximum", 40 * 2**30)}
    assert watched() == always
    assert watched(capacity="autoscale") == {**always, "NormalizedRUConsumption": ("Average", 90)}
    assert watched(throttledRequests=5, storageGigabytes=1) == {
        "TotalRequests": ("Count", 5),
        "DataUsage": ("Maximum", 2**30),
    }


def test_alerts_are_split_by_container_and_where_one_partition_counts_by_partition() -> None:
    found = all_of("metricAlerts", capacity="autoscale")
    criteria = [one for each in found for one in each.body["properties"]["criteria"]["allOf"]]
    assert {
        one["metricName"]: [(each["name"], each["operator"], each["values"]) for each in one["dimensions"]]
        for one in criteria
    } == {
        "TotalRequests": [("StatusCode", "Include", ["429"]), ("CollectionName", "Include", ["*"])],
        "NormalizedRUConsumption": [("CollectionName", "Include", ["*"]), ("PhysicalPartitionId", "Include", ["*"])],
        "DataUsage": [("CollectionName", "Include", ["*"])],
    }


@pytest.mark.parametrize(
    "written",
    [
        "module it 'it.bicep' = [for each in resourceGroup().tags: { name: each }]",
        "resource it 'a/b@1' = [for each in resourceGroup().tags: { name: each }]",
    ],
)
def test_a_loop_over_what_only_azure_knows_is_told(tmp_path: Path, written: str) -> None:
    path = tmp_path / "main.bicep"
    path.write_text(f"var first = 1\n{written}\n", encoding="utf-8")
    with pytest.raises(BicepError, match="line 2: what 'it' deploys cannot be known without Azure"):
        list(deployed(path, {}))


def test_a_budget_takes_an_amount_and_a_first_month() -> None:
    assert all_of("budgets", budgetAmount=50) == all_of("budgets", budgetStart="2026-12-01") == []
    budget = properties("budgets", budgetAmount=50, budgetStart="2026-12-01", alertEmails=["a@example.com"])
    assert (budget["amount"], budget["timePeriod"]) == (50, {"startDate": "2026-12-01"})
    assert {each["thresholdType"] for each in budget["notifications"].values()} == {"Actual", "Forecasted"}
    assert {tuple(each["contactEmails"]) for each in budget["notifications"].values()} == {("a@example.com",)}


def test_a_private_endpoint_takes_a_subnet_and_its_link_a_network() -> None:
    assert len(all_of("privateEndpoints", subnetId="subnet")) == 1
    assert len(all_of("privateDnsZoneGroups", subnetId="subnet")) == 1
    assert all_of("virtualNetworkLinks", subnetId="subnet") == []
    assert len(all_of("virtualNetworkLinks", subnetId="subnet", virtualNetworkId="network")) == 1
