"""What makes an account less safe, or gives an identity another role, is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.infra.conftest import Broken, found


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
            "disableLocalAuth = true",
            "disableLocalAuth = false",
            "with trial.bicepparam: keys",
        ),
        (
            "modules/account.bicep",
            "networkAclBypass: 'None'",
            "networkAclBypass: 'AzureServices'",
            "networkAclBypass is 'AzureServices' by default: services of Azure pass",
        ),
        (
            "modules/account.bicep",
            "networkAclBypass: 'None'",
            "networkAclBypass: (publicNetworkAccess == 'Enabled') ? 'AzureServices' : 'None'",
            "networkAclBypass is 'AzureServices' by default and publicNetworkAccess = 'Enabled' and allowed",
        ),
        (
            "modules/account.bicep",
            "disableKeyBasedMetadataWriteAccess: disableLocalAuth",
            "disableKeyBasedMetadataWriteAccess: false",
            "WriteAccess is False by default: a key may change containers",
        ),
        (
            "modules/account.bicep",
            "publicNetworkAccess: publicNetworkAccess",
            "publicNetworkAccess: freeTier ? 'Enabled' : publicNetworkAccess",
            "'Enabled' by default and freeTier = True: the public network",
        ),
        (
            "modules/account.bicep",
            "disableLocalAuth: disableLocalAuth\n    //",
            "disableLocalAuth: (capacity == 'serverless')\n    //",
            "disableLocalAuth is False by default and capacity = 'autoscale': keys get in",
        ),
        (
            "modules/account.bicep",
            "ipRules: [for address in allowedAddresses: {\n      ipAddressOrRange: address\n    }]",
            "ipRules: empty(allowedAddresses) ? [] : []",
            r"ipRules is \[\] by default and publicNetworkAccess = 'Enabled' and .*: the firewall lets in others",
        ),
        (
            "modules/account.bicep",
            "in allowedAddresses: {",
            "in concat(allowedAddresses, ['198.51.100.1']): {",
            "ipRules is .* by default and publicNetworkAccess = 'Enabled' and .*: the firewall lets in others",
        ),
        *(
            ("trial.bicepparam", "allowedAddresses = []", f"allowedAddresses = ['{address}']", r"/16 \(wide-range\)")
            for address in ("0.0.0.0/0", "203.0.0.0/15", "203.0.113.7/255.0.0.0", "0.0.0.0", "all", "2001:db8::1")
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


OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (
            "items/upsert'\n        ]",
            "items/*'\n        ]",
            r"edge-writer allows too much .*: dataActions \S+/items/\*$",
        ),
        ("items/upsert'\n        ]", "items/delete'\n        ]", r"edge-writer allows .* \S+/delete$"),
        ("items/upsert'\n        ]", "items/delete'\n        ]", r"edge-writer lacks .* \S+/upsert$"),
        ("executeQuery'\n", "readChangeFeed'\n", r"edge-verifier allows .* \S+/readChangeFeed$"),
        ("items/delete'\n        ]", "items/read'\n        ]", r"edge-check allows .* \S+/read$"),
        ("cosmos edge-check'", "cosmos edge-owner'", r"edge-owner allows too much"),
        (
            "role: edgeWriter.id",
            "role: '${account.id}/sqlRoleDefinitions/${contributorRole}'",
            "writerPrin.* gets .*0002",
        ),
        ("role: edgeVerifier.id", "role: edgeCheck.id", "verifierPrin.* gets .*edge-check at account.id .*must not"),
        ("/colls/${runsName}", "", "verifierPrincipalIds gets .*edge-check at account.id/dbs/SensorData .*must not"),
        ("runsName = 'runs'", "runsName = 'readings'", "edge-check at account.id/dbs/SensorData/colls/readings"),
        (
            "${account.id}/sqlRoleDefinitions/${readerRole}",
            "${account.id}/sqlRoleDefinitions/${contributorRole}",
            "reader",
        ),
        ("principal in nodePrincipalIds", "principal in readerPrincipalIds", "readerPrincipalIds gets .*0002"),
        ("230815da-be43-4aae-9cb4-875f7bd000aa'\n", f"{OWNER}'\n", f"operatorPrincipalIds gets .*{OWNER}"),
        ("  scope: account\n  name", "  name", "operatorPrincipalIds gets .* at None"),
    ],
)
def test_a_role_that_is_not_as_it_must_be_is_told(azure: Path, broken: Broken, old: str, new: str, text: str) -> None:
    broken("modules/roles.bicep", old, new)
    assert any(re.match(r"modules/roles\.bicep:\d+: ", line) and re.search(text, line) for line in found(azure))


def test_an_identity_that_gets_nothing_is_told(azure: Path, broken: Broken) -> None:
    broken("main.bicep", "    nodePrincipalIds: nodePrincipalIds\n", "    nodePrincipalIds: concat([], [])\n")
    role = "account.id/sqlRoleDefinitions/00000000-0000-0000-0000-000000000002"
    assert f"main.bicep:1: one of nodePrincipalIds does not get {role} at account.id by default" in found(azure)


def test_parameter_files_in_folders_are_seen(azure: Path) -> None:
    (azure / "params").mkdir()
    path = azure / "params" / "prod.bicepparam"
    opened = "param publicNetworkAccess = 'Enabled'\nparam allowedAddresses = ['0.0.0.0/0']\n"
    path.write_text(f"using '../main.bicep'\nparam disableLocalAuth = false\n{opened}", encoding="utf-8")
    told = "\n".join(found(azure))
    for rule in ("public-network", "key-access", "wide-range"):
        assert re.search(rf"with params/prod.bicepparam: .* \({rule}\)$", told, re.MULTILINE)


def test_a_parameter_file_is_for_the_main_file(azure: Path) -> None:
    (azure / "other.bicepparam").write_text("using 'modules/none.bicep'\n", encoding="utf-8")
    (azure / "modules" / "none.bicep").write_text("output one int = 1\n", encoding="utf-8")
    assert "other.bicepparam:1: it is not for main.bicep" in found(azure)


def test_an_exception_needs_a_reason_and_a_rule(azure: Path, broken: Broken) -> None:
    addresses = "param allowedAddresses = ['203.0.113.7']\n"
    broken("trial.bicepparam", "param allowedAddresses = []\n", addresses)
    (opened,) = found(azure)
    assert "'Enabled' with trial.bicepparam: the public network reaches it (public-network)" in opened
    line = broken("trial.bicepparam", addresses, f"// infra:allow=public-network: a trial\n{addresses}")
    assert found(azure) == []
    broken("trial.bicepparam", "public-network: a trial", "public-network:")
    assert found(azure) == [f"trial.bicepparam:{line}: infra:allow=public-network gives no reason"]
    broken("trial.bicepparam", "public-network:", "public-network")
    assert found(azure) == [f"trial.bicepparam:{line}: infra:allow=public-network gives no reason"]
    broken("trial.bicepparam", "public-network", "public-netwerk: a trial")
    names = "public-network, key-access, key-changes, bypass, wide-range, old-tls, no-restore"
    told = f"there is no rule 'public-netwerk': {names}"
    assert found(azure) == [opened, f"trial.bicepparam:{line}: {told}"]


def test_the_public_network_stays_closed_without_addresses(azure: Path, broken: Broken) -> None:
    broken("main.bicep", "publicNetworkAccess: empty(allowedAddresses) ? 'Disabled' : ", "publicNetworkAccess: ")
    (opened,) = found(azure)
    assert "'Enabled' with trial.bicepparam" in opened
