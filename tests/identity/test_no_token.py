"""Why there is no token, as the real libraries tell it: what is said, what is tried, and never the secret."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from processors import city, cosmos, identity
from processors.check import check
from processors.errors import EndpointError, SettingsError
from processors.settings import load
from processors.world import Silent, World
from tests.harness import databases
from tests.harness.databases import readings
from tests.harness.entra import Tokens, machine
from tests.harness.node import Node
from tests.harness.strict import StrictCosmos
from tests.identity.conftest import SECRET


def failure(elsewhere: StrictCosmos) -> EndpointError:
    step = check(elsewhere.account)[1]
    assert step.name == "identity"
    assert isinstance(step.error, EndpointError)
    return step.error


@pytest.mark.usefixtures("principal")
@pytest.mark.parametrize(
    ("status", "said", "hint"),
    [
        (401, "AADSTS7000215: Invalid client secret provided. Ensure the secret is the value.", "--append"),
        (
            401,
            "AADSTS7000222: The provided client secret keys for app 'application' are expired.",
            "has run out; a new one: az ad app credential reset",
        ),
        (400, "AADSTS700016: Application with identifier 'application' was not found in the directory.", "app list"),
        (
            400,
            "AADSTS90002: Tenant 'tenant' not found. Check to make sure it is correct.",
            "is no tenant of AZURE_AUTH",
        ),
        (400, "AADSTS900023: Specified tenant identifier 'tenant' is no valid DNS name.", "is no tenant's id"),
        (401, "AADSTS700024: Client assertion is not within its valid time range.", "set this machine's clock"),
        (401, "AADSTS700027: The certificate with identifier is not registered on application.", "CERTIFICATE_PATH"),
        (401, "AADSTS70021: No matching federated identity record found for presented assertion.", "federated-cred"),
        (400, "AADSTS700213: No matching federated identity record found for subject 'x'.", "has this subject"),
        (401, "AADSTS7000229: The client application is missing service principal in the tenant.", "az ad sp create"),
    ],
)
def test_what_entra_refuses_for_good(
    elsewhere: StrictCosmos, tokens: Tokens, status: int, said: str, hint: str
) -> None:
    tokens.refused = (status, said)
    error = failure(elsewhere)
    assert f"no token by EnvironmentCredential: Microsoft Entra ID error '(invalid_client) {said[:40]}" in str(error)
    assert "\n" not in str(error)
    assert hint in error.hint
    assert ("credential reset" in error.hint) == ("--append" in error.hint)
    assert not error.retryable


@pytest.mark.usefixtures("principal")
def test_what_entra_may_say_otherwise_the_next_time(elsewhere: StrictCosmos, tokens: Tokens) -> None:
    tokens.refused = (400, "AADSTS90033: A transient error has occurred. Please try again.")
    error = failure(elsewhere)
    assert "AADSTS90033" in str(error)
    assert "then run again" in error.hint
    assert error.retryable


@pytest.mark.usefixtures("principal")
def test_an_endpoint_that_nobody_answers_is_named(elsewhere: StrictCosmos, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", "https://login.example:1")
    error = failure(elsewhere)
    assert "no token by EnvironmentCredential: Cannot connect to host login.example:1" in str(error)
    assert error.retryable


def test_an_endpoint_that_says_nothing_is_thought_of(
    elsewhere: StrictCosmos, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cosmos, "START_S", 0.5)
    tokens.hold = threading.Event()
    with machine(tokens) as address:
        monkeypatch.setenv("IMDS_ENDPOINT", address)
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{address}/metadata/identity/oauth2/token")
        try:
            error = failure(elsewhere)
        finally:
            tokens.hold.set()
    assert "no answer: timed out" in str(error)
    assert "also to what gives out tokens" in error.hint
    assert error.retryable


@pytest.mark.usefixtures("principal")
def test_a_secret_that_is_said_back_is_not_told(elsewhere: StrictCosmos, tokens: Tokens) -> None:
    tokens.refused = (400, f"AADSTS900144: in 'grant_type=x&client_secret={SECRET}&client_assertion=of.a.key'")
    error = failure(elsewhere)
    assert "client_secret=******&client_assertion=******" in str(error)
    assert SECRET not in f"{error!r} {error} {error.hint}"


def test_a_file_of_azure_arc_that_this_user_may_not_read(
    elsewhere: StrictCosmos, tokens: Tokens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(_: str) -> None:
        raise PermissionError(13, "Permission denied", "/var/opt/azcmagent/tokens/challenge.key")

    # Root, as whom tests may run, reads every file.
    monkeypatch.setattr("azure.identity._credentials.azure_arc._validate_key_file", denied)
    with machine(tokens, tmp_path / "challenge.key") as address:
        (tmp_path / "challenge.key").write_text("secret-of-the-agent")
        monkeypatch.setenv("IMDS_ENDPOINT", address)
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{address}/metadata/identity/oauth2/token")
        error = failure(elsewhere)
    assert "no token by ManagedIdentityCredential: [Errno 13] Permission denied" in str(error)
    assert "the group himds" in error.hint


@pytest.mark.usefixtures("authority")
def test_variables_that_no_credential_can_be_made_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", "http://login.example")
    with pytest.raises(SettingsError, match="invalid authority") as caught:
        identity.credential()
    assert "AZURE_" in caught.value.hint


@pytest.mark.usefixtures("principal")
def test_a_run_that_goes_on_outlives_a_token_endpoint_that_is_down(
    elsewhere: StrictCosmos, tokens: Tokens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each pass connects anew, so each needs a token at its beginning."""
    node = Node(tmp_path)
    databases.create(node.database(), readings(5))
    account = elsewhere.account
    named = {"endpoint": account.endpoint, "database": account.database, "every": 0.1, "city": node.city}
    settings = load({**named, "data": node.data, "state": node.state, "archive": node.archive}).settings
    monkeypatch.setitem(identity.LIMITS, "retry_total", 0)
    tokens.refused = (503, "AADSTS90033: A transient error has occurred. Please try again.")
    stop = threading.Event()
    passes = city.passes(settings, World(stop=stop, jitter=lambda: 0.0), Silent())
    down = next(passes)
    assert down.stopped_by is not None
    assert "no token" in str(down.stopped_by)
    tokens.refused = None
    up = next(passes)
    assert up.stopped_by is None
    assert up.taken.rows == 5
    stop.set()
    passes.close()
