"""`make infra-check` as it is run: our checks, pycep and checkov."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bicep import outside
from tests.infra.conftest import ROOT, Broken


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "tools" / "infra_check.py", folder]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def test_what_is_here_is_clean() -> None:
    done = run(ROOT / "infra" / "azure")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("infra-check: 8 files parsed and checked, nothing is wrong")


@pytest.mark.parametrize(
    ("old", "new", "ours", "checkov"),
    [
        (
            "publicNetworkAccess: publicNetworkAccess",
            "publicNetworkAccess: 'Enabled'",
            "publicNetworkAccess is 'Enabled' by default: the public network reaches it (public-network)",
            "CKV_AZURE_101",
        ),
        (
            "disableLocalAuth: disableLocalAuth\n    //",
            "disableLocalAuth: false\n    //",
            "disableLocalAuth is False by default: keys get in (key-access)",
            "CKV_AZURE_140",
        ),
    ],
)
def test_an_account_that_is_opened_is_found_by_us_and_by_checkov(
    azure: Path, broken: Broken, old: str, new: str, ours: str, checkov: str
) -> None:
    line = broken("modules/account.bicep", old, new)
    done = run(azure)
    assert done.returncode == 1
    assert f"{azure}/modules/account.bicep:{line}: {ours}\n" in done.stderr
    assert f"checkov {checkov}: " in done.stderr
    assert done.stdout == ""


def test_what_checkov_is_told_to_skip_has_a_reason(azure: Path, broken: Broken) -> None:
    at = "resource account 'Microsoft.DocumentDB/databaseAccounts@2024-11-15' = {\n"
    broken("modules/account.bicep", at, f"{at}  // checkov:skip=CKV_AZURE_101\n  // checkov:skip=CKV_AZURE_99: seen\n")
    done = run(azure)
    assert done.returncode == 1
    assert "checkov CKV_AZURE_101 is skipped without a reason" in done.stderr
    assert "CKV_AZURE_99" not in done.stderr


def test_what_pycep_does_not_understand_is_not_passed_over(azure: Path, broken: Broken) -> None:
    broken("modules/endpoint.bicep", "param subnetId string\n", "param subnetId string\nparam more string[] = []\n")
    done = run(azure)
    assert done.returncode == 1
    assert f"{azure}/modules/endpoint.bicep:1: pycep: " in done.stderr


def test_a_folder_without_an_account_is_not_clean(azure: Path) -> None:
    for path in (*azure.glob("*.bicepparam"), *azure.glob("modules/*.bicep")):
        path.unlink()
    (azure / "main.bicep").write_text("param location string = 'a'\noutput at string = location\n", encoding="utf-8")
    done = run(azure)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == f"Error: {azure}/main.bicep:1: checkov did not check " + ", ".join(
        sorted(outside.EXPECTED)
    )
    assert f"Error: {azure}/main.bicep:1: no account is deployed by default\n" in done.stderr
