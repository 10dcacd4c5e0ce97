"""An account elsewhere, as far as the code knows: names of `.example` lead to servers of ours on loopback."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import aiohttp.connector
import pytest

from processors.cosmos import Account
from tests.harness.entra import Tokens, entra
from tests.harness.strict import Answer, Exchange, StrictCosmos
from tests.security.certificates import Certificate, certificate

COSMOS_HOST = "cosmos.example"
LOGIN_HOST = "login.example"
MANAGEMENT_HOST = "management.example"
SECRET = "recognisable~secret.of-an-application"


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Certificate:
    """Trusted by this process alone, which finds the names of its certificate on loopback; no variables of Azure."""
    mine = certificate(tmp_path, COSMOS_HOST, LOGIN_HOST, MANAGEMENT_HOST)
    # aiohttp makes its context when it is imported, so SSL_CERT_FILE comes too late here; tests/security/test_tls.py
    # has it in a process of its own.
    trusting = ssl.create_default_context(cafile=str(mine.file))
    monkeypatch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", trusting)
    found = socket.getaddrinfo

    def resolved(host: Any, *rest: Any, **more: Any) -> Any:
        return found("127.0.0.1" if str(host).endswith(".example") else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    for name in [*os.environ]:
        if name.startswith(("AZURE_", "IDENTITY_", "IMDS_", "MSI_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "prod")
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:1")
    return mine


@pytest.fixture
def tls(authority: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.file, authority.key)
    return context


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


@pytest.fixture
def login(tokens: Tokens, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Microsoft Entra, and AZURE_AUTHORITY_HOST leads to it."""
    with entra(tokens, tls, LOGIN_HOST) as address:
        monkeypatch.setenv("AZURE_AUTHORITY_HOST", address)
        yield address


@pytest.fixture
def principal(monkeypatch: pytest.MonkeyPatch, login: str) -> None:  # noqa: ARG001 - the address comes first
    """A service principal with a secret in the environment."""
    monkeypatch.setenv("AZURE_CLIENT_ID", "application")
    monkeypatch.setenv("AZURE_TENANT_ID", "tenant")
    monkeypatch.setenv("AZURE_CLIENT_SECRET", SECRET)


class Guard:
    """Lets in who has a token that holds; for `StrictCosmos.plan`.

    Attributes:
        refused: Words of each refusal.
        seen: Tokens in order, each once.
    """

    def __init__(self, tokens: Tokens, strict: StrictCosmos):
        self.refused: list[str] = []
        self.seen: list[str] = []
        self._tokens = tokens
        self._strict = strict

    def __call__(self, request: Exchange) -> Answer | None:
        kind, _, token = unquote(request.headers.get("authorization", "")).partition("&ver=1.0&sig=")
        if problem := "No token." if kind != "type=aad" else self._tokens.problem(token):
            self.refused.append(problem)
            return Answer(401, {"code": "Unauthorized", "message": f"{problem}\r\nActivityId: 1"})
        if token not in self.seen:
            self.seen.append(token)
        return Answer(200, self._account()) if request.path.rstrip("/") == "" else None

    def _account(self) -> dict[str, Any]:
        here = [{"name": "Here", "databaseAccountEndpoint": f"{self._strict.endpoint}/"}]
        return {
            "id": "cosmos",
            "writableLocations": here,
            "readableLocations": here,
            "enableMultipleWriteLocations": False,
            "userConsistencyPolicy": {"defaultConsistencyLevel": "Session"},
        }


@pytest.fixture
def elsewhere(account: Account, tokens: Tokens, tls: ssl.SSLContext) -> Iterator[StrictCosmos]:
    """An account that takes tokens and no key; `.plan` is a `Guard`, `.account` leads to it."""
    with StrictCosmos(account, name=COSMOS_HOST, tls=tls) as strict:
        strict.plan = Guard(tokens, strict)
        yield strict
