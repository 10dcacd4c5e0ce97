"""What an answer of the control plane means: our error for what `azure-mgmt-cosmosdb` raised."""

from __future__ import annotations

import re
from dataclasses import dataclass

from azure.core.exceptions import HttpResponseError

from fleet.errors import ChoiceError, ControlError, FleetError, RefusedError

_LONGEST = 300
_WHO = re.compile(r"with object id '(?P<id>[^']+)'")
_BETWEEN = re.compile(r"values between (\d+) and (\d+)")


@dataclass(frozen=True)
class Account:
    """Where it is.

    Attributes:
        subscription: Its id.
        group: Resource group.
        name: Of the account.
    """

    subscription: str
    group: str
    name: str

    @property
    def scope(self) -> str:
        """Its path in the control plane."""
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"
            f"/providers/Microsoft.DocumentDB/databaseAccounts/{self.name}"
        )


@dataclass(frozen=True)
class _Known:
    kind: type[FleetError]
    hint: str
    retryable: bool = False


_LIST = "az cosmosdb list --query '[].[name,resourceGroup]' --output table"

_CODES = {
    "AuthorizationFailed": _Known(
        RefusedError,
        "give this identity the role 'Cosmos DB Operator' (or 'DocumentDB Account Contributor') and wait some minutes: "
        "az role assignment create --role 'Cosmos DB Operator' --assignee {who} --scope {account.scope}",
    ),
    "SubscriptionNotFound": _Known(
        ChoiceError, "check the setting subscription, and that this identity is of its tenant: az account list"
    ),
    "InvalidSubscriptionId": _Known(ChoiceError, "check the setting subscription: az account list"),
    "ResourceGroupNotFound": _Known(ChoiceError, f"check the setting resource_group: {_LIST}"),
    "ResourceNotFound": _Known(ChoiceError, f"check the settings endpoint and resource_group: {_LIST}"),
    "ExpiredAuthenticationToken": _Known(
        RefusedError,
        "run again, which asks for a new token; if it comes back, set this machine's clock",
        retryable=True,
    ),
    "InvalidAuthenticationTokenTenant": _Known(
        RefusedError, "this identity is of another tenant than the subscription: az login --tenant, or AZURE_TENANT_ID"
    ),
}
"""What the control plane calls it -> what it is."""

_WORDS = {
    "high demand": _Known(
        ControlError,
        "the region has no room for it now: try a smaller maximum, or later; to be let in: https://aka.ms/cosmosdbquota",
        retryable=True,
    ),
    "values between": _Known(ControlError, "choose a multiple of 1,000 from {least} to {most}"),
}
"""Words of the service, whose code may be any -> what it is."""

_STATUSES = {
    401: _Known(RefusedError, "check whose identity this is: az account show (docs/identity.md)"),
    404: _Known(
        ChoiceError, "create the database and its containers: `bacalhau-cosmos cosmos create`, or docs/azure.md"
    ),
    429: _Known(ControlError, "the control plane is asked too much now: run again in some minutes", retryable=True),
}


def explain(error: Exception, account: Account, doing: str, subject: str) -> FleetError:
    """Our error; to be raised from theirs.

    Args:
        error: An `AzureError`, or what a connection raises.
        account: Which was spoken to.
        doing: What was being done, as in "cannot ...".
        subject: What it was done to.
    """
    if not isinstance(error, HttpResponseError) or error.status_code is None:
        return RefusedError(
            doing,
            subject,
            why=f"no answer: {_line(str(error)) or 'timed out'}",
            hint="check the network to management.azure.com, then run again",
            retryable=True,
        )
    code = error.error.code if error.error is not None else None
    said = _line((error.error.message if error.error is not None else None) or error.message)
    known = _known(code, said, error.status_code)
    who = match["id"] if (match := _WHO.search(said)) else "<your object id>"
    least, most = match.groups() if (match := _BETWEEN.search(said)) else ("", "")
    hint = known.hint.format(account=account, who=who, least=least, most=most)
    return known.kind(doing, subject, why=f"{code or error.status_code}: {said}", hint=hint, retryable=known.retryable)


def _known(code: str | None, said: str, status: int) -> _Known:
    if code in _CODES:
        return _CODES[code]
    for words, known in _WORDS.items():
        if words in said:
            return known
    return _STATUSES.get(status) or _Known(
        ControlError, "look at the account with az cosmosdb show, then try again", retryable=status >= 500
    )


def _line(text: str | None) -> str:
    return ((text or "").strip().splitlines() or [""])[0][:_LONGEST]
