"""Our own checks of the Bicep files, with pycep and checkov content."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bicep import outside
from tests.infra.conftest import Broken, found


def test_what_is_here_is_clean(azure: Path) -> None:
    assert found(azure) == []


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
        ("main.bicep", "capacity string = 'serverless'", "capacity string = 'Serverless'", "'capacity' is one of"),
        ("main.bicep", "    backupTier: backupTier", "    backupTier: 7", "'backupTier' is of type string"),
        ("trial.bicepparam", "'serverless'", "'Serverless'", "'capacity' is one of serverless, autoscale"),
        ("trial.bicepparam", "param capacity", "param capacitee", "./main.bicep has no parameter 'capacitee'"),
        ("trial.bicepparam", "./main.bicep", "./maine.bicep", "there is no file './maine.bicep'"),
        ("production.bicepparam", "zoneRedundant = true", "zoneRedundant = 'yes'", "is of type bool"),
        ("production.bicepparam", "param zoneRedundant = true", "param capacity = 'autoscale'", "is given twice"),
        ("production.bicepparam", "maxThroughput = 4000", "maxThroughput = 400", "is 400, @minValue is 1000"),
        ("production.bicepparam", "maxThroughput = 4000", "maxThroughput = -4000", "is -4000, @minValue is 1000"),
        (
            "main.bicep",
            "maxThroughput int = 1000",
            "maxThroughput int = 999",
            "maxThroughput is 999, @minValue is 1000",
        ),
        ("main.bicep", "@minValue(1000)", "@maxValue(999)", "maxThroughput is 1000, @maxValue is 999"),
        (
            "production.bicepparam",
            "maxThroughput = 4000",
            "accountName = 'ab'",
            "the length of accountName is 2, @minLength is 3",
        ),
        (
            "production.bicepparam",
            "maxThroughput = 4000",
            f"accountName = '{'a' * 45}'",
            "the length of accountName is 45, @maxLength is 44",
        ),
        ("modules/roles.bicep", "@batchSize(1)", "@batchsize(1)", "there is no decorator 'batchsize'"),
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
