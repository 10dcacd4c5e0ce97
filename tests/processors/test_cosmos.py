from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from azure.core.exceptions import ServiceRequestError

from processors import cosmos
from processors.cosmos import Account, connect, explain, reason
from processors.endpoint import check_endpoint
from processors.errors import EndpointError, ProcessorError, SettingsError, SinkError
from tests.harness.strict import Answer, Exchange, StrictCosmos

KEY = "c2VjcmV0LXNlY3JldA=="


async def enter(account: Account) -> None:
    async with connect(account):
        pass


@pytest.fixture
def silent() -> Iterator[str]:
    """An endpoint that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def closed() -> str:
    """An endpoint where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


def test_an_account_never_shows_its_key() -> None:
    assert KEY not in repr(Account("https://a.documents.azure.com", KEY, "SensorData"))


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://a.documents.azure.com",
        "https://a.documents.azure.com:443/",
        "http://127.0.0.1:8081",
        "http://localhost:8081/",
        "http://[::1]:8081",
    ],
)
def test_takes_https_anywhere_and_http_on_this_machine(endpoint: str) -> None:
    check_endpoint(endpoint)


@pytest.mark.parametrize(
    ("endpoint", "why"),
    [
        ("", "https://"),
        ("a.documents.azure.com", "https://"),
        ("a.documents.azure.com:443", "https://"),
        ("https://", "host name"),
        ("https://.documents.azure.com", "characters that no host has"),
        (f"https://{'a' * 64}.documents.azure.com", "characters that no host has"),
        ("ftp://a.documents.azure.com", "https://"),
        ("https://a.documents.azure.com:port", "port is malformed"),
        ("https://[::1", "malformed"),
        ("https://a.documents.azure.com/dbs/x", "nothing may follow"),
        ("https://user:pass@a.documents.azure.com", "before the host"),
        ("http://a.documents.azure.com", "clear text"),
        ("http://192.168.1.4:8081", "clear text"),
        ("http://localhost.example.com", "clear text"),
        (f"AccountEndpoint=https://a.documents.azure.com:443/;AccountKey={KEY};", "https://"),
    ],
)
def test_refuses_other_endpoints_without_repeating_them(endpoint: str, why: str) -> None:
    with pytest.raises(SettingsError, match=why) as caught:
        check_endpoint(endpoint)
    assert caught.value.subject == "COSMOS_ENDPOINT"
    assert KEY not in str(caught.value)
    assert "http://127.0.0.1" in caught.value.hint


def test_connect_checks_the_endpoint_first() -> None:
    with pytest.raises(SettingsError, match="COSMOS_ENDPOINT"):
        asyncio.run(enter(Account("http://10.0.0.1", KEY, "x")))


def test_a_key_that_is_not_base64_is_a_setting_to_correct() -> None:
    with pytest.raises(SettingsError, match="COSMOS_KEY: it is not base64") as caught:
        asyncio.run(enter(Account("https://a.documents.azure.com", "c2VjcmV0!", "x")))
    assert "c2VjcmV0!" not in str(caught.value)


def test_without_key_this_machine_must_have_an_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    for name in [name for name in os.environ if name.startswith("AZURE_CLIENT")]:
        monkeypatch.delenv(name)
    with pytest.raises(EndpointError, match="no identity to use") as caught:
        asyncio.run(enter(Account("https://nothing.invalid", "", "x")))
    assert "COSMOS_KEY" in caught.value.hint
    assert not caught.value.retryable


def test_an_emulator_needs_no_key(account: Account) -> None:
    asyncio.run(enter(account))


def test_nobody_listening_is_told_at_once(closed: str) -> None:
    started = time.monotonic()
    with pytest.raises(EndpointError, match=closed) as caught:
        asyncio.run(enter(Account(closed, "", "x")))
    assert time.monotonic() - started < cosmos.START_S
    assert "no answer" in str(caught.value)
    assert "bacalhau-cosmos cosmos check" in caught.value.hint
    assert caught.value.retryable
    assert caught.value.exit_code == 3


def test_silence_is_told_when_its_time_is_over(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cosmos, "START_S", 0.2)
    with pytest.raises(EndpointError, match="no answer: timed out"):
        asyncio.run(enter(Account(silent, "", "x")))


@pytest.mark.parametrize("identity", [False, True])
def test_an_unreachable_endpoint_leaves_nothing_on_stderr(closed: str, identity: bool) -> None:
    endpoint = "https://nothing.invalid" if identity else closed
    script = f"""
import sys
from processors.cosmos import Account
from processors.errors import EndpointError
from processors.sink import open_sink
try:
    with open_sink(Account({endpoint!r}, "", "x")):
        pass
except EndpointError as error:
    assert ("azure.identity" in sys.modules) is {identity}
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential"},
    )
    assert done.stdout.startswith(f"cannot connect to Cosmos DB: {endpoint}: ")
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("status", "headers", "kind", "retryable", "hint"),
    [
        (401, {}, EndpointError, False, "COSMOS_KEY"),
        (403, {}, EndpointError, False, "Cosmos DB Built-in Data Contributor"),
        (403, {"x-ms-substatus": "1014"}, SinkError, False, "TTL"),
        (404, {}, SinkError, False, "bacalhau-cosmos cosmos create"),
        (429, {}, SinkError, True, "throughput"),
        (503, {}, SinkError, True, "later"),
        (412, {}, SinkError, False, "cosmos check"),
    ],
)
def test_an_answer_becomes_an_error_with_something_to_try(
    strict: StrictCosmos, status: int, headers: dict[str, str], kind: type, retryable: bool, hint: str
) -> None:
    async def read() -> ProcessorError:
        async with connect(strict.account) as client:
            try:
                await client.get_database_client("x").read()
            except cosmos.TRANSPORT_ERRORS as error:
                return explain(error, strict.account, "read the database", "x")
        raise AssertionError("the answer was no error")

    def plan(request: Exchange) -> Answer | None:
        return (
            Answer(status, {"code": "1", "message": "Because.\r\nActivityId: 1"}, headers)
            if "/dbs/" in request.path
            else None
        )

    strict.plan = plan
    told = asyncio.run(read())
    assert type(told) is kind
    assert told.retryable is retryable
    assert hint in told.hint
    assert "ActivityId" not in str(told)
    assert str(status) in str(told)
    assert sum("/dbs/" in request.path for request in strict.exchanges) == 1


def test_reasons_are_the_services_first_sentence() -> None:
    inner = json.dumps({"Errors": ["Key is wrong.\r\nTry again"]})
    error = ServiceRequestError(
        "Status code: 400\n" + json.dumps({"code": "BadRequest", "message": f"Message: {inner}\r\nActivityId: 7"})
    )
    assert reason(error) == "Key is wrong."
    assert reason(ServiceRequestError("Cannot connect to host\nmore")) == "Cannot connect to host"
    assert reason(TimeoutError()) == "timed out"
    assert reason(ServiceRequestError("{broken")) == "{broken"
    assert len(reason(ServiceRequestError("x" * 5000))) == 300
