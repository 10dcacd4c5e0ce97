"""Our own checks of the Bicep files, with pycep and checkov content."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bicep import outside
from bicep.check import check

Broken = Callable[[str, str, str], int]

CONTENT: dict[str, Any] = {"unparsed": {}, "passed": sorted(outside.EXPECTED), "failed": [], "skipped": []}


def found(azure: Path, told: dict[str, Any] = CONTENT) -> list[str]:
    return [finding.shown(azure) for finding in check(azure, lambda _: told)]


def test_what_is_here_is_clean(azure: Path) -> None:
    assert found(azure) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "text"),
    [
        ("modules/account.bicep", "'Tls12'", "'Tls11'", "minimalTlsVersion is 'Tls11' .*: TLS below 1.2 is accepted"),
        ("modules/account.bicep", "type: 'Continuous'", "type: 'Periodic'", "backupPolicy is .* be restored"),
        ("modules/account.bicep", "    minimalTlsVersion: 'Tls12'\n", "", "minimalTlsVersion is None"),
        (
            "production.bicepparam",
            "publicNetworkAccess = 'Disabled'",
            "publicNetworkAccess = 'Enabled'\nparam allowedAddresses = ['203.0.113.7']",
            "'Enabled' with production.bicepparam: the public network",
        ),
        (
            "production.bicepparam",
            "disableLocalAuth = true",
            "disableLocalAuth = false",
            "with production.bicepparam: keys",
        ),
        (
            "trial.bicepparam",
            "'serverless'",
            "'serverless'\nparam disableLocalAuth = false",
            "with trial.bicepparam: keys",
        ),
        (
            "main.bicep",
            "param disableLocalAuth bool = true",
            "param disableLocalAuth bool = false",
            "disableLocalAuth is False by default: keys get in",
        ),
    ],
)
def test_an_account_that_is_less_safe_is_told(
    azure: Path, broken: Broken, file: str, old: str, new: str, text: str
) -> None:
    broken(file, old, new)
    lines = found(azure)
    assert lines
    assert all(re.match(r"modules/account\.bicep:\d+: ", line) for line in lines)
    assert any(re.search(text, line) for line in lines), lines


@pytest.mark.parametrize(
    ("file", "old", "new", "text"),
    [
        ("main.bicep", "    backupTier: backupTier\n", "", "modules/account.bicep needs the parameter 'backupTier'"),
        ("main.bicep", "freeTier: freeTier", "freeTear: freeTier", "has no parameter 'freeTear'"),
        ("main.bicep", "account.outputs.endpoint", "account.outputs.end", "account.bicep has no output 'end'"),
        ("main.bicep", "modules/roles.bicep", "modules/rolls.bicep", "there is no file 'modules/rolls.bicep'"),
        ("main.bicep", "indexed: indexed", "indexed: index", "there is no 'index'"),
        (
            "main.bicep",
            "param databaseName string = 'SensorData'",
            "param databaseName string = 7",
            "is of type string",
        ),
        ("main.bicep", "param indexed object", "param indexed objekt", "there is no type 'objekt'"),
        (
            "main.bicep",
            "autoscale')\n    sharedThroughput",
            "autoscale'\n    sharedThroughput",
            "expected one of .*'\\)'",
        ),
        ("main.bicep", "@minValue(1000)", "@minimum(1000)", "there is no decorator 'minimum'"),
        (
            "modules/containers.bicep",
            "parent: database\n",
            "parent: account\n",
            "needs a parent of type .*/sqlDatabases",
        ),
        (
            "modules/containers.bicep",
            "processors/containers/containers.json')",
            "processors/container.json')",
            "there is no file '.*container.json'",
        ),
        ("modules/containers.bicep", "length(each", "size(each", "the function 'size' is not known here"),
        ("modules/containers.bicep", "'${path}/?'", "'${paths}/?'", "there is no 'paths'"),
        ("modules/endpoint.bicep", "var zoneName =", "var zone =", "'zone' is declared twice"),
        ("modules/endpoint.bicep", "name: zoneName", "name: 'zone'", "nothing uses 'zoneName'"),
        ("modules/endpoint.bicep", "parent: zone\n", "", "needs a parent of type Microsoft.Network/privateDnsZones"),
        (
            "modules/monitoring.bicep",
            "  name: '${accountName}-people'",
            "  parent: account\n  name: 'people'",
            "'people' is of a type that has no parent",
        ),
        ("modules/monitoring.bicep", "budgets@2023-11-01", "budgets@2023-11-02", "was never looked up; .*2023-11-01"),
        ("modules/monitoring.bicep", "threshold: 90\n", "threshold: 90\n          threshold: 80\n", "given twice"),
        ("modules/account.bicep", "locationName: region", "locationName 'region'", "expected one of ':'"),
        ("trial.bicepparam", "'serverless'", "'Serverless'", "'capacity' is one of serverless, autoscale"),
        ("trial.bicepparam", "param capacity", "param capacitee", "./main.bicep has no parameter 'capacitee'"),
        ("trial.bicepparam", "./main.bicep", "./maine.bicep", "there is no file './maine.bicep'"),
        ("production.bicepparam", "zoneRedundant = true", "zoneRedundant = 'yes'", "is of type bool"),
        ("production.bicepparam", "param zoneRedundant = true", "param capacity = 'autoscale'", "is given twice"),
    ],
)
def test_what_does_not_resolve_is_told_with_file_and_line(
    azure: Path, broken: Broken, file: str, old: str, new: str, text: str
) -> None:
    broken(file, old, new)
    lines = found(azure)
    assert any(re.match(rf"{re.escape(file)}:\d+: ", line) and re.search(text, line) for line in lines), lines


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("main.bicep", "account.outputs.endpoint", "account.outputs.end"),
        ("modules/containers.bicep", "length(each", "size(each"),
        ("modules/account.bicep", "'Tls12'", "'Tls11'"),
    ],
)
def test_a_finding_has_the_line(azure: Path, broken: Broken, file: str, old: str, new: str) -> None:
    line = broken(file, old, new)
    assert {told.rpartition(": ")[0].split(": ")[0] for told in found(azure)} == {f"{file}:{line}"}


def test_an_exception_needs_a_reason_and_a_rule(azure: Path, broken: Broken) -> None:
    addresses = "param allowedAddresses = ['203.0.113.7']\n"
    broken("trial.bicepparam", "param backupTier", f"{addresses}param backupTier")
    (opened,) = found(azure)
    assert "'Enabled' with trial.bicepparam: the public network reaches it (public-network)" in opened
    line = broken("trial.bicepparam", addresses, f"// infra:allow=public-network: a trial\n{addresses}")
    assert found(azure) == []
    broken("trial.bicepparam", "public-network: a trial", "public-network:")
    assert found(azure) == [f"trial.bicepparam:{line}: infra:allow=public-network gives no reason"]
    broken("trial.bicepparam", "public-network:", "public-network")
    assert found(azure) == [f"trial.bicepparam:{line}: infra:allow=public-network gives no reason"]
    broken("trial.bicepparam", "public-network", "public-netwerk: a trial")
    told = "there is no rule 'public-netwerk': public-network, key-access, old-tls, no-restore"
    assert found(azure) == [opened, f"trial.bicepparam:{line}: {told}"]


def test_the_public_network_stays_closed_without_addresses(azure: Path, broken: Broken) -> None:
    broken("main.bicep", "publicNetworkAccess: empty(allowedAddresses) ? 'Disabled' : ", "publicNetworkAccess: ")
    (opened,) = found(azure)
    assert "'Enabled' with trial.bicepparam" in opened


def test_a_parameter_file_gives_what_has_no_default(azure: Path, broken: Broken) -> None:
    broken("main.bicep", "param location string = resourceGroup().location", "param location string")
    assert found(azure)[:2] == [
        "production.bicepparam:1: ./main.bicep needs the parameter 'location'",
        "trial.bicepparam:1: ./main.bicep needs the parameter 'location'",
    ]


def test_a_module_that_nothing_deploys_is_told(azure: Path) -> None:
    (azure / "modules" / "more.bicep").write_text("output one int = 1\n", encoding="utf-8")
    assert found(azure) == ["modules/more.bicep:1: nothing deploys this module"]


def test_what_the_others_say_is_told(azure: Path) -> None:
    path = str(azure / "main.bicep")
    failed = {"id": "CKV_1", "name": "Ensure", "path": path, "line": 3}
    told = {
        "unparsed": {path: "Unexpected token"},
        "passed": ["CKV_AZURE_99", "CKV_AZURE_101", "CKV_AZURE_132"],
        "failed": [failed],
        "skipped": [
            failed | {"id": "CKV_2", "reason": "No comment provided"},
            failed | {"id": "CKV_3", "reason": "so"},
        ],
    }
    assert found(azure, told) == [
        "main.bicep:1: checkov did not check CKV_AZURE_140",
        "main.bicep:1: pycep: Unexpected token",
        "main.bicep:3: checkov CKV_1: Ensure",
        "main.bicep:3: checkov CKV_2 is skipped without a reason",
    ]


def test_without_its_environment_it_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(outside.OutsideError, match="run `make setup`"):
        outside.ask(tmp_path / "python", tmp_path)
