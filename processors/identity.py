"""This machine's identity: whatever `DefaultAzureCredential` finds, with requests that give up in time."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError

from processors import tokens
from processors.errors import EndpointError, SettingsError

_READ_BY_IT = ("AZURE_", "IDENTITY_", "IMDS_", "MSI_")
"""How the variables begin that `azure-identity` reads."""

NONE = "none"
"""Stands for no value in a job spec, which Bacalhau lets pass no empty one."""

LIMITS: dict[str, Any] = {"connection_timeout": 5.0, "read_timeout": 5.0, "retry_total": 2}
"""For each request for a token: three tries of at most 5 s, together less than the 30 s that a request to Cosmos has.

By default the library waits 300 s for a token endpoint that says nothing. A token is asked for 5 minutes before the old
one ends, with all requests waiting: they have to learn in time that the old one must do for now."""


def credential() -> AsyncTokenCredential:
    """A credential that has not asked for anything yet; to be closed.

    Raises:
        SettingsError: The variables that begin with AZURE_ contradict each other.
    """
    forget_absent(os.environ)
    from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415  # 0.3 s, and most machines have a key

    try:
        return DefaultAzureCredential(**LIMITS)
    except ValueError as error:  # such as an AZURE_AUTHORITY_HOST without TLS
        raise SettingsError(
            "use this machine's identity",
            "environment",
            hint="correct or unset the variables that begin with AZURE_ (docs/identity.md)",
        ) from error


@asynccontextmanager
async def proven(scope: str) -> AsyncIterator[AsyncTokenCredential]:
    """A credential that has got a token for a scope, so that what is refused later is not for want of one.

    Raises:
        SettingsError: As `credential`.
        EndpointError: There is no token.
    """
    async with credential() as found:
        try:
            await found.get_token(scope)
        except (AzureError, TimeoutError, OSError) as error:
            told = tokens.explain(str(error))
            raise EndpointError("get a token", scope, why=told.why, hint=told.hint, retryable=told.retryable) from error
        yield found


def forget_absent(environment: MutableMapping[str, str]) -> None:
    """Removes what is empty, or `NONE`, of the variables that `azure-identity` reads.

    A job spec cannot leave a variable out where the node has none. To `azure-identity` an empty AZURE_CLIENT_SECRET is
    a service principal without a secret, and it tries no other identity (1.27.0, `EnvironmentCredential`).
    """
    for name, value in list(environment.items()):
        if value in ("", NONE) and name.startswith(_READ_BY_IT):
            del environment[name]
