"""What gives out tokens, on loopback: Microsoft Entra over TLS, and a machine's own endpoint (Azure Arc, IMDS)."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from tests.harness.answering import Asked, Reply, serving

COSMOS = "https://cosmos.azure.com/.default"
MANAGEMENT = "https://management.azure.com/.default"
UNKNOWN_RESOURCE = "AADSTS500011: The resource principal named {} was not found in the tenant named City."


@dataclass
class Tokens:
    """Those that were given out.

    Attributes:
        now: Unix seconds.
        lifetime_s: Of the next ones.
        refused: What to answer instead: a status and Entra's words. May be set while it runs.
        hold: Nothing is answered before it is set.
        asked: The fields of each request, in order.
        issued: Token -> when it ends.
    """

    now: Callable[[], float] = time.time
    lifetime_s: int = 3_600
    refused: tuple[int, str] | None = None
    hold: threading.Event | None = None
    asked: list[Mapping[str, str]] = field(default_factory=list)
    issued: dict[str, float] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def issue(self) -> str:
        with self.lock:
            token = f"recognisable.token-{len(self.issued)}.of~nobody"
            self.issued[token] = self.now() + self.lifetime_s
            return token

    def problem(self, token: str) -> str:
        """Why Cosmos would refuse a token, in its words; empty when it would not."""
        if token not in self.issued:
            return "Request blocked by Auth cosmos : The provided token is not ours."
        if self.now() < self.issued[token]:
            return ""
        return (
            "Request blocked by Auth cosmos : Provided AAD token has been expired since [11/22/2026 5:09:09 PM (UTC)]. "
            "Current server time is [11/23/2026 12:04:25 AM (UTC)]. Please refresh the AAD token."
        )


@contextmanager
def entra(
    tokens: Tokens, tls: ssl.SSLContext, name: str, resources: tuple[str, ...] = (COSMOS, MANAGEMENT)
) -> Iterator[str]:
    """Its address, for AZURE_AUTHORITY_HOST.

    Args:
        tokens: What it gives out.
        tls: With a certificate for the name.
        name: That leads to loopback.
        resources: Scopes that it knows; others are refused, as Entra refuses an account's own.
    """

    def answer(asked: Asked) -> Reply:
        form = _note(tokens, asked)
        if tokens.refused is not None:
            return tokens.refused[0], _error(tokens.refused[1]), {}
        if form["scope"] not in resources:
            return 400, _error(UNKNOWN_RESOURCE.format(form["scope"])), {}
        told = {"token_type": "Bearer", "expires_in": tokens.lifetime_s, "access_token": tokens.issue()}
        return 200, told, {}

    with serving(answer, tls) as port:
        yield f"https://{name}:{port}"


@contextmanager
def machine(tokens: Tokens, challenge: Path | None = None) -> Iterator[str]:
    """Its address: of IMDS, or of Azure Arc's agent, which wants to be told the content of a file."""

    def answer(asked: Asked) -> Reply:
        query, headers = _note(tokens, asked), asked.headers
        if tokens.refused is not None:
            return tokens.refused[0], _error(tokens.refused[1]), {}
        if headers.get("metadata") != "true":
            return 400, _error("Required metadata header not specified"), {}
        if challenge is not None and headers.get("authorization") != f"Basic {challenge.read_text()}":
            return 401, {}, {"WWW-Authenticate": f"Basic realm={challenge}"}
        if query["resource"] + "/.default" != COSMOS:
            return 400, _error(UNKNOWN_RESOURCE.format(query["resource"])), {}
        ends = int(tokens.now() + tokens.lifetime_s)
        told = {"access_token": tokens.issue(), "expires_on": str(ends), "resource": query["resource"]}
        return 200, {**told, "token_type": "Bearer"}, {}

    with serving(answer) as port:
        yield f"http://127.0.0.1:{port}"


def _note(tokens: Tokens, asked: Asked) -> Mapping[str, str]:
    """The fields of a request, once it may be answered."""
    fields = parse_qs(asked.body.decode()) or asked.query
    form = {name: values[0] for name, values in fields.items()}
    if tokens.hold is not None:
        tokens.hold.wait()
    tokens.asked.append({"path": asked.path, **form})
    return form


def _error(words: str) -> Mapping[str, Any]:
    return {
        "error": "invalid_client",
        "error_description": f"{words}\r\nTrace ID: fff84e51-e60e-4599-bdc6-6d6685207601",
    }
