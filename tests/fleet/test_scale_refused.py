"""What `cosmos scale` refuses, and what the control plane refuses it: why, what to try, and that nothing was set."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fleet.scale import account as accounts
from tests.fleet.conftest import Cli
from tests.harness.arm import ACCOUNT, SQL, SUBSCRIPTION, Account, Reply, autoscale, manual, refusal
from tests.harness.entra import Tokens

ROOT = Path(__file__).parents[2]
READINGS = f"{SQL}/containers/readings/throughputSettings/default"
WHO = "5b8e4b6c-7a35-4c1e-9d38-2f0e8f6c1a77"
DENIED = (
    f"The client 'ann@example.com' with object id '{WHO}' does not have authorization to perform action "
    f"'Microsoft.DocumentDB/databaseAccounts/read' over scope '{ACCOUNT}' or the scope is invalid. If access was "
    "recently granted, please refresh your credentials."
)
HIGH_DEMAND = (
    "Sorry, we are currently experiencing high demand in West Europe region, and cannot fulfill your request at "
    "this time. To request region access for your subscription, please follow this link https://aka.ms/cosmosdbquota."
)
BELOW = "The offer should have valid throughput values between 12000 and 1000000 inclusive in increments of 1000."
ACTIVITY = "\r\nActivityId: 443d9bc5-3686-4af2-b198-32dcf5c9312e, Microsoft.Azure.Documents.Common/2.14.0"


def failed(scale: Cli, *arguments: str, code: int) -> str:
    result = scale(*arguments)
    assert result.exit_code == code, result.stderr
    assert result.stdout == ""
    assert "\nTry: " in result.stderr
    assert "ActivityId" not in result.stderr
    return str(result.stderr)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--maximum", "4500"), ("multiple of 1,000", "choose 4,000 or 5,000")),
        (("--maximum", "999"), ("multiple of 1,000", "choose 1,000")),
        (("--maximum", "0"), ("multiple of 1,000", "choose 1,000")),
        (("--maximum", "-4000"), ("multiple of 1,000", "choose 1,000")),
        (("--maximum", "1000"), ("no less than 2,000 RU/s here", "a tenth of the highest maximum ever set")),
        (("--maximum", "40000"), ("scale_limit allows 10,000", "a zero too many", "--set scale_limit=40000")),
        (("--maximum", "6000", "--set", "scale_limit=5000"), ("scale_limit allows 5,000",)),
        (("--maximum", "4000", "--container", "reading"), ("there is no such container", "anomalies, readings, runs")),
        (("--maximum", "4000", "--container", "runs"), ("uses its database's throughput", "leave out --container")),
        (("--apply",), ("there is no --maximum to set",)),
        (("--container", "readings"), ("there is no --maximum to set",)),
    ],
)
def test_what_makes_no_sense_is_not_sent(
    scale: Cli, arm: Account, arguments: tuple[str, ...], told: tuple[str, ...]
) -> None:
    arm.throughput[""] = autoscale(4_000, floor=2_000)
    for more in ((), ("--apply",) if "--apply" not in arguments else ()):
        said = failed(scale, *arguments, *more, code=2)
        for words in told:
            assert words in said
    assert "PUT" not in {method for method, _ in arm.asked}


@pytest.mark.parametrize(
    ("capabilities", "throughput", "told"),
    [
        (("EnableServerless",), {}, ("a serverless account has no throughput",)),
        ((), {"readings": autoscale(1_000)}, ("the database has no throughput of its own", "one of: readings")),
        ((), {"": manual(400)}, ("set by hand, to 400 RU/s", "az cosmosdb sql database throughput migrate")),
        ((), {"": autoscale(1_000, pending=True)}, ("an earlier change is still under way",)),
    ],
)
def test_not_everything_has_a_maximum(
    scale: Cli, arm: Account, capabilities: tuple[str, ...], throughput: dict[str, Any], told: tuple[str, ...]
) -> None:
    arm.capabilities, arm.throughput = capabilities, throughput
    said = failed(scale, "--maximum", "4000", "--apply", code=2)
    for words in told:
        assert words in said


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("COSMOS_SUBSCRIPTION", None, "subscription: missing; give --subscription or set COSMOS_SUBSCRIPTION"),
        ("COSMOS_SUBSCRIPTION", "mine", "subscription = 'mine' (environment)"),
        ("COSMOS_RESOURCE_GROUP", None, "resource_group: missing; give --resource-group or set COSMOS_RESOURCE_GROUP"),
        ("COSMOS_RESOURCE_GROUP", "a/b", "resource_group = 'a/b' (environment): not a name of letters"),
        ("COSMOS_RESOURCE_GROUP", "a.", "without a . at its end"),
        ("COSMOS_SCALE_LIMIT", "10", "scale_limit = '10' (environment)"),
        ("COSMOS_ENDPOINT", None, "endpoint: missing"),
        ("COSMOS_ENDPOINT", "http://127.0.0.1:8081", "only they have a control plane"),
        ("COSMOS_ENDPOINT", "https://cosmos.example", "set it to https://<account>.documents.azure.com"),
    ],
)
def test_settings_that_do_not_say_where(
    scale: Cli, arm: Account, monkeypatch: pytest.MonkeyPatch, name: str, value: str | None, told: str
) -> None:
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)
    assert told in failed(scale, code=2)
    assert arm.asked == []


REFUSALS: list[tuple[str, Reply, int, tuple[str, ...]]] = [
    ("GET", refusal(403, "AuthorizationFailed", DENIED), 3,
     ("'Cosmos DB Operator' (or 'DocumentDB Account Contributor')",
      f"az role assignment create --role 'Cosmos DB Operator' --assignee {WHO} --scope {ACCOUNT}")),
    ("GET", refusal(404, "SubscriptionNotFound", f"The subscription '{SUBSCRIPTION}' could not be found."), 2,
     ("check the setting subscription",)),
    ("GET", refusal(404, "ResourceGroupNotFound", "Resource group 'edge' could not be found."), 2,
     ("check the setting resource_group", "az cosmosdb list")),
    ("GET", refusal(404, "ResourceNotFound", "The Resource 'databaseAccounts/x' was not found."), 2,
     ("settings endpoint and resource_group",)),
    ("GET", refusal(401, "InvalidAuthenticationTokenTenant", "The access token is from the wrong issuer."), 3,
     ("of another tenant",)),
    ("GET", refusal(401, "AuthenticationFailed", "Authentication failed."), 3, ("az account show",)),
    ("PUT", refusal(400, "BadRequest", BELOW + ACTIVITY), 1, ("choose a multiple of 1,000 from 12000 to 1000000",)),
    ("PUT", refusal(503, "ServiceUnavailable", HIGH_DEMAND + ACTIVITY), 1, ("no room for it now",)),
    ("PUT", refusal(429, "TooManyRequests", "The request rate is large.", Retry_After="0"), 1, ("asked too much now",)),
    ("PUT", refusal(412, "PreconditionFailed", "Operation already in progress."), 1, ("az cosmosdb show",)),
]  # fmt: skip


@pytest.mark.parametrize(("method", "reply", "code", "told"), REFUSALS, ids=lambda value: str(value)[:40])
def test_what_the_control_plane_refuses(
    scale: Cli,
    arm: Account,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    reply: Reply,
    code: int,
    told: tuple[str, ...],
) -> None:
    monkeypatch.setitem(accounts._TRIES, "retry_total", 1)
    path = ACCOUNT if method == "GET" else READINGS
    arm.planned[method, path] = [reply] * 2
    said = failed(scale, "--maximum", "8000", "--container", "readings", "--apply", code=code)
    for words in (f"{reply[1]['error']['code']}: {reply[1]['error']['message'][:60]}", *told):
        assert words in said
    assert arm.throughput["readings"]["autoscaleSettings"]["maxThroughput"] == 6_000


def test_a_throttled_request_is_sent_again_when_the_service_says(scale: Cli, arm: Account) -> None:
    arm.planned["GET", ACCOUNT] = [refusal(429, "TooManyRequests", "The request rate is large.", Retry_After="1")]
    assert scale().exit_code == 0
    assert arm.asked.count(("GET", ACCOUNT)) == 2


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ({"code": "ServiceUnavailable", "message": HIGH_DEMAND}, "no room for it now"),
        ({"code": "BadRequest", "message": BELOW}, "from 12000 to 1000000"),
        ({"code": "InternalServerError", "message": "It failed."}, "try again"),
    ],
)
def test_what_is_accepted_may_fail_later(scale: Cli, arm: Account, error: dict[str, str], told: str) -> None:
    arm.ends = error
    said = failed(scale, "--maximum", "8000", "--apply", code=1)
    assert f"SensorData: {error['code']}: {error['message'][:40]}" in said
    assert told in said


def test_what_the_service_calls_done_and_is_not_is_told(scale: Cli, arm: Account) -> None:
    arm.sets = False
    assert "that the maximum is 4,000 RU/s" in failed(scale, "--maximum", "8000", "--apply", code=1)


def test_a_database_that_is_not_there(scale: Cli, arm: Account) -> None:
    arm.planned["GET", SQL] = [refusal(404, "NotFound", "Entity with the specified id does not exist in the system.")]
    assert "cannot read the throughput: SensorData" in failed(scale, code=2)


def test_a_token_that_the_control_plane_takes_no_longer(scale: Cli, tokens: Tokens) -> None:
    tokens.lifetime_s = -1
    assert "ExpiredAuthenticationToken" in failed(scale, code=3)


def test_no_token_at_all(scale: Cli, arm: Account, tokens: Tokens) -> None:
    tokens.refused = (401, "AADSTS7000222: The provided client secret keys for app 'application' are expired.")
    said = failed(scale, code=3)
    assert "cannot get a token: https://management.azure.com/.default: no token by EnvironmentCredential" in said
    assert "az ad app credential reset" in said
    assert arm.asked == []


def test_a_control_plane_that_nobody_answers(scale: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = partial(accounts.open_scaler, endpoint="https://management.example:1")
    monkeypatch.setattr("fleet.scale.open_scaler", closed)
    monkeypatch.setitem(accounts._TRIES, "retry_total", 0)
    assert "no answer: Cannot connect to host management.example:1" in failed(scale, code=3)


@pytest.mark.parametrize(("module", "extra"), [("azure.mgmt", "azure"), ("azure", "processors")])
def test_an_install_without_it_is_told_which_extra_brings_it(module: str, extra: str, tmp_path: Path) -> None:
    code = f"import sys; sys.modules[{module!r}] = None; from submitter.cli import main; main()"
    where = ["--subscription", SUBSCRIPTION, "--resource-group", "edge", "--endpoint", "https://a.documents.azure.com"]
    done = subprocess.run(
        [sys.executable, "-c", code, "cosmos", "scale", *where],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert f"pip install 'bacalhau-cosmos[{extra}]'" in done.stderr
