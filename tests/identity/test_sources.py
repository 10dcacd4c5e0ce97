"""Each source of an identity that docs/identity.md names gets a token, by the real libraries, and Cosmos takes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from processors.check import Step, check
from processors.identity import NONE, forget_absent
from tests.harness.entra import COSMOS, Tokens, machine
from tests.harness.strict import StrictCosmos
from tests.identity.conftest import SECRET

ABSENT = {
    **dict.fromkeys(("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"), ""),
    **dict.fromkeys(("AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE"), NONE),
}
"""What jobs/ingest.yaml passes to a node that uses none of it."""


@pytest.fixture
def node(authority: object, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - it clears first
    for name, value in ABSENT.items():
        monkeypatch.setenv(name, value)


def outcomes(steps: list[Step]) -> list[str]:
    return [f"{step.name}: {step.error or step.outcome}" for step in steps if step.outcome != "ok"]


@pytest.mark.usefixtures("node", "principal")
def test_a_service_principal_by_its_secret(elsewhere: StrictCosmos, tokens: Tokens) -> None:
    assert outcomes(check(elsewhere.account)) == []
    assert [form["path"] for form in tokens.asked] == ["/tenant/oauth2/v2.0/token"] * 2
    assert [form["scope"] for form in tokens.asked] == ["https://cosmos.example/.default", COSMOS]
    assert {form["client_secret"] for form in tokens.asked} == {SECRET}


@pytest.mark.usefixtures("node", "login")
def test_a_service_principal_by_its_certificate(
    elsewhere: StrictCosmos, tokens: Tokens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_ID", "application")
    monkeypatch.setenv("AZURE_TENANT_ID", "tenant")
    monkeypatch.setenv("AZURE_CLIENT_CERTIFICATE_PATH", str(rsa_certificate(tmp_path)))
    assert outcomes(check(elsewhere.account)) == []
    assert all(form["client_assertion"].count(".") == 2 for form in tokens.asked)


@pytest.mark.usefixtures("node", "login")
def test_workload_identity_by_a_file_that_somebody_else_keeps_fresh(
    elsewhere: StrictCosmos, tokens: Tokens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "federated"
    file.write_text("federated-token")
    for name, value in {"CLIENT_ID": "application", "TENANT_ID": "tenant", "FEDERATED_TOKEN_FILE": str(file)}.items():
        monkeypatch.setenv(f"AZURE_{name}", value)
    assert outcomes(check(elsewhere.account)) == []
    assert {form["client_assertion"] for form in tokens.asked} == {"federated-token"}


@pytest.mark.usefixtures("node")
@pytest.mark.parametrize("client", ["", "of-a-user-assigned-identity"])
def test_a_managed_identity_by_imds(
    elsewhere: StrictCosmos, tokens: Tokens, monkeypatch: pytest.MonkeyPatch, client: str
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_ID", client)
    with machine(tokens) as address:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", address)
        assert outcomes(check(elsewhere.account)) == []
    assert {form["path"] for form in tokens.asked} == {"/metadata/identity/oauth2/token"}
    assert {form.get("client_id", "") for form in tokens.asked} == {client}


@pytest.fixture
def arc_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the agent writes for each request; the library takes no file of another folder, so that is ours here."""
    folder = tmp_path / "tokens"
    folder.mkdir()
    key = folder / "challenge.key"
    key.write_text("secret-of-the-agent")
    monkeypatch.setattr("azure.identity._credentials.azure_arc._get_key_file_path", lambda: str(folder))
    return key


@pytest.mark.usefixtures("node")
def test_a_managed_identity_by_the_agent_of_azure_arc(
    elsewhere: StrictCosmos, tokens: Tokens, arc_key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with machine(tokens, arc_key) as address:
        monkeypatch.setenv("IMDS_ENDPOINT", address)
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{address}/metadata/identity/oauth2/token")
        assert outcomes(check(elsewhere.account)) == []


@pytest.mark.usefixtures("node")
def test_without_any_the_hint_says_where_to_look(elsewhere: StrictCosmos) -> None:
    failed = check(elsewhere.account)[1]
    assert failed.name == "identity"
    assert str(failed.error).endswith("this machine has no identity to use")
    assert failed.error is not None
    assert "docs/identity.md" in failed.error.hint
    # A node that is being started up may get its identity after us.
    assert failed.error.retryable


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"AZURE_CLIENT_ID": "", "IDENTITY_ENDPOINT": "", "IMDS_ENDPOINT": "", "MSI_ENDPOINT": ""}, {}),
        ({"AZURE_FEDERATED_TOKEN_FILE": NONE, "COSMOS_CITY": NONE}, {"COSMOS_CITY": NONE}),
        (
            {"AZURE_CLIENT_ID": "a", "COSMOS_KEY": "", "HOME": ""},
            {"AZURE_CLIENT_ID": "a", "COSMOS_KEY": "", "HOME": ""},
        ),
    ],
)
def test_only_what_is_absent_and_of_identities_is_forgotten(
    before: Mapping[str, str], after: Mapping[str, str]
) -> None:
    environment = dict(before)
    forget_absent(environment)
    assert environment == after


def rsa_certificate(folder: Path) -> Path:
    """Key and certificate in one file, as `az ad sp create-for-rbac --create-cert` writes them."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "application")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / "application.pem"
    file.write_bytes(plain + made.public_bytes(pem))
    return file
