"""The Cosmos account: who it is, how to connect, and what its errors mean."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
from azure.core.pipeline.transport import AioHttpTransport
from azure.cosmos.aio import CosmosClient

from processors import permissions, tokens
from processors.endpoint import check_endpoint, is_local
from processors.errors import EndpointError, ProcessorError, SettingsError, SinkError
from processors.identity import credential
from processors.retry import THROTTLED, TRANSIENT

TRANSPORT_ERRORS = (AzureError, aiohttp.ClientError, TimeoutError, OSError)
"""All that a call of the SDK raises when the world, not the program, is wrong."""

START_S = 10.0
"""Seconds in which an endpoint must have answered at the start."""

_CONNECT_S = 5.0
_PARTITION_FULL = 1014
_SILENT = logging.NullHandler()
"""The SDK logs background refreshes that fail; without any handler Python would print them on stderr. One for all
connections: a logger keeps each that it is given."""

_REFUSED = (401, 403)
_ANY_KEY = base64.b64encode(b"emulator").decode()
_LONGEST_REASON = 300
_MOST = 1e9


@dataclass(frozen=True)
class Account:
    """Where documents go.

    Attributes:
        endpoint: `https://<account>.documents.azure.com`, whose certificate is verified; on this machine (emulator)
            also http, or https with any certificate.
        key: Account key in base64; empty means this machine's identity (`DefaultAzureCredential`), and none at
            all for an emulator.
        database: Database name.
        container: Name of the container that takes readings.
        indexed: Role of a container -> the paths that it is to index, for those that are not to be as described.
        ttl_s: Role of a container -> the seconds after which its documents are to expire, likewise.
    """

    endpoint: str
    key: str = field(repr=False)
    database: str
    container: str = "readings"
    indexed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ttl_s: Mapping[str, int] = field(default_factory=dict)


# 0 for throttling would fall through an `or` to the default of 9 (azure-cosmos 4.17.1, `_build_connection_policy`).
_NO_RETRIES: dict[str, Any] = {
    "retry_throttle_total": -1,
    **dict.fromkeys(("retry_total", "retry_connect", "retry_read", "retry_status"), 0),
}


@asynccontextmanager
async def connect(account: Account, *, sdk_retries: bool = False) -> AsyncIterator[CosmosClient]:
    """A client that has reached the account; it and its credential are closed at the end.

    The SDK retries neither throttling nor broken connections here: `retry.decide` does. What stays the SDK's is
    *where* a request goes. On Azure it follows the account's regions, so a 503 may be sent once more to the next
    region before we see it, and at the start it reads the account up to four times.

    Args:
        account: Where to.
        sdk_retries: Whether the SDK retries after all: right for queries, which have no other owner of retries.

    Raises:
        SettingsError: The endpoint or the key is malformed.
        EndpointError: Nothing answers within `START_S`, or the account refuses us.
    """
    check_endpoint(account.endpoint)
    local = is_local(account.endpoint)
    logging.getLogger("azure").addHandler(_SILENT)
    async with AsyncExitStack() as stack:
        client = CosmosClient(
            account.endpoint,
            await _credential(account, local, stack),
            **({} if sdk_retries else _NO_RETRIES),
            connection_timeout=_CONNECT_S,
            enable_endpoint_discovery=not local,
            # Without discovery every request goes to the endpoint itself: what is not verified stays on this machine.
            connection_verify=not local,
            # The body is then the UTF-8 that `Documents.sizes` counts; escaped it has up to three times as much.
            enable_compact_utf8_item_writes=True,
            transport=AioHttpTransport(use_env_settings=not local),
        )
        stack.push_async_callback(client.close)
        try:
            async with asyncio.timeout(START_S):
                # Not `async with`: when entering fails, the SDK leaves its HTTP session open.
                await client.__aenter__()
        except TRANSPORT_ERRORS as error:
            raise explain(error, account, "connect to Cosmos DB") from error
        yield client


def status_of(error: BaseException) -> int | None:
    """HTTP status of an answer of Cosmos; None when it gave none, as where the answer is that of a token endpoint."""
    if isinstance(error, ClientAuthenticationError) or not isinstance(error, HttpResponseError):
        return None
    return error.status_code


def reason(error: BaseException) -> str:
    """The service's first line, without request ids and nested JSON; never empty."""
    return _said(error).splitlines()[0][:_LONGEST_REASON]


def _said(error: BaseException) -> str:
    """All that the service says, without nested JSON; never empty."""
    text = getattr(error, "http_error_message", None) or str(error) or "timed out"
    for _ in range(3):
        start = text.find("{")
        try:
            told, _ = json.JSONDecoder().raw_decode(text[start:]) if start >= 0 else (None, 0)
        except ValueError:
            break
        if not isinstance(told, dict):
            break
        found = told.get("message") or next(iter(told.get("Errors") or told.get("errors") or ()), None)
        if not found:
            break
        text = str(found)
    return text.strip() or "no reason given"


def charge(headers: Mapping[str, Any]) -> float:
    """Request units of an answer, 0 where it states none."""
    return stated_charge(headers) or 0.0


def stated_charge(headers: Mapping[str, Any]) -> float | None:
    """Request units of an answer, None where it states none."""
    return number(headers.get("x-ms-request-charge"))


def number(stated: object) -> float | None:
    """None for what can be no charge and no time: a proxy on the way may say anything."""
    try:
        value = float(str(stated))
    except ValueError:
        return None
    return value if 0 <= value < _MOST else None


def explain(error: BaseException, account: Account, doing: str, subject: str | None = None) -> ProcessorError:
    """Our error for what the SDK or its transport raised; to be raised from it.

    Args:
        error: One of `TRANSPORT_ERRORS`.
        account: Which account was spoken to.
        doing: What was being done, as in "cannot ...".
        subject: What it was done to; the endpoint when left out.
    """
    status = status_of(error)
    full = status == 403 and getattr(error, "sub_status", None) == _PARTITION_FULL
    if status is None:
        return _unanswered(error, account, doing)
    if status in _REFUSED and not full:
        refused = permissions.of_answer(status, _said(error), account.endpoint)
        why = f"{status}: {reason(error)}"
        return EndpointError(doing, account.endpoint, why=why, hint=refused.hint, retryable=refused.retryable)
    return SinkError(
        doing,
        subject or account.endpoint,
        why="403: a logical partition has reached its 20 GB" if full else f"{status}: {reason(error)}",
        hint="let items expire (TTL), or write to another container" if full else _hint(status),
        retryable=status in TRANSIENT,
    )


def _unanswered(error: BaseException, account: Account, doing: str) -> EndpointError:
    if isinstance(error, ClientAuthenticationError):
        told = tokens.explain(str(error))
        return EndpointError(doing, account.endpoint, why=told.why, hint=told.hint, retryable=told.retryable)
    cause = _tls_cause(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return EndpointError(
            doing,
            account.endpoint,
            why=f"its certificate is not trusted: {cause.verify_message}",
            hint="check COSMOS_ENDPOINT and this machine's clock; where a firewall opens TLS, name the file of its "
            "authority's certificate in SSL_CERT_FILE",
            retryable=True,
        )
    if cause is not None:
        return EndpointError(
            doing,
            account.endpoint,
            why=f"it does not speak TLS as asked: {cause.reason or cause}",
            hint="check COSMOS_ENDPOINT; an emulator without TLS has http:// and is on this machine",
            retryable=True,
        )
    return EndpointError(
        doing,
        account.endpoint,
        why=f"no answer: {reason(error)}",
        hint=f"check COSMOS_ENDPOINT and the network{_and_tokens(account)}, then try `bacalhau-cosmos cosmos check`",
        retryable=True,
    )


def _and_tokens(account: Account) -> str:
    """What else may not have answered: a request waits for its token."""
    return "" if account.key or is_local(account.endpoint) else ", also to what gives out tokens (docs/identity.md)"


def _tls_cause(error: BaseException | None) -> ssl.SSLError | None:
    """OpenSSL's own error among the causes, None when there is none; aiohttp's have its class and not what it says."""
    while error is not None:
        inner = getattr(error, "certificate_error", None) or getattr(error, "os_error", None)
        if inner is None and isinstance(error, ssl.SSLError):
            return error
        error = inner or error.__cause__ or error.__context__
    return None


def _hint(status: int) -> str:
    if status == 404:
        return "create the database and its containers with `bacalhau-cosmos cosmos create`"
    if status == THROTTLED:
        return "raise the container's throughput, or run again when fewer write to it"
    if status in TRANSIENT:
        return "run again later: what has been written stays as it is"
    return "try `bacalhau-cosmos cosmos check`, and report the status if it finds nothing"


async def _credential(account: Account, local: bool, stack: AsyncExitStack) -> str | AsyncTokenCredential:
    if account.key:
        try:
            base64.b64decode(account.key, validate=True)
        except ValueError as error:  # binascii.Error, or characters that are not ASCII
            raise SettingsError(
                "use the key", "COSMOS_KEY", why="it is not base64", hint="copy the whole key, without quotes"
            ) from error
        return account.key
    if local:
        return _ANY_KEY
    return await stack.enter_async_context(credential())
