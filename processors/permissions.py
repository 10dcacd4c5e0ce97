"""Why Cosmos refuses us, and what mends it: the role and the command that grants it, from the words of its answer.

An answer with none of the words known here gets the hint for its status. Roles, and what each command of ours needs:
docs/identity.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from processors.endpoint import account_name

_ITEMS = "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/"
_METADATA = "Microsoft.DocumentDB/databaseAccounts/readMetadata"
"""That this is missing says that the identity has no role at all: each role has it."""

_READING = {_ITEMS + action for action in ("items/read", "executeQuery", "readChangeFeed")}
_DELETING = _ITEMS + "items/delete"
_WRITING = {_ITEMS + action for action in ("items/create", "items/upsert")}
"""Actions (https://learn.microsoft.com/azure/cosmos-db/how-to-setup-rbac)."""

READER = "00000000-0000-0000-0000-000000000001"
CONTRIBUTOR = "00000000-0000-0000-0000-000000000002"

_MISSING = re.compile(r"principal \[(?P<principal>[^\]]*)\].*? perform action \[(?P<action>[^\]]*)\]", re.DOTALL)
_BY = re.compile(r"blocked by Auth (?P<account>[a-z0-9-]+) :")
_FROM = re.compile(r"originated from IP (?P<address>[0-9a-fA-F.:]+)")

_EXPIRED = "AAD token has been expired"

_HINTS = {
    _EXPIRED: "run again, which asks for a new token; if it comes back, set this machine's clock by the time above",
    "Local Authorization is disabled": "key access is switched off: leave COSMOS_KEY empty, and give this machine an "
    "identity with a data-plane role (docs/identity.md)",
    "is not valid at the current time": "set this machine's clock: with a key, each request is signed with the time",
    "wrong key is being used": "copy the key again, it is another account's or was regenerated: az cosmosdb keys list "
    "--name {account} --resource-group <group>",
    "cannot be authorized by AAD token in data plane": "to create or change databases and containers takes the control "
    "plane (docs/azure.md) or COSMOS_KEY: az cosmosdb keys list --name {account} --resource-group <group>",
    "firewall": "let {address} through: az cosmosdb update --name {account} --resource-group <group> "
    "--public-network-access ENABLED --ip-range-filter <all that there are>,{address} (it replaces the list; "
    "an account of infra/azure: deploy with allowedAddresses); or reach the account by a private endpoint",
}
"""Words of the service -> what to try."""

_OTHERWISE = {
    401: "check COSMOS_KEY (empty means this machine's identity) and this machine's clock",
    403: "give this identity the data-plane role 'Cosmos DB Built-in Data Contributor' and let this address through "
    "the account's firewall; to create databases or containers takes the key or the control plane",
}
"""Status -> what to try where the words are others."""


@dataclass(frozen=True)
class Refused:
    """What is said of a refusal.

    Attributes:
        hint: What to try.
        retryable: Whether the next run may succeed without a change by the user.
    """

    hint: str
    retryable: bool = False


def of_answer(status: int, said: str, endpoint: str) -> Refused:
    """What to do about a 401 or 403 of Cosmos.

    Args:
        status: Of the answer.
        said: All that it says.
        endpoint: Of the account, which names it where the answer does not.
    """
    account = match["account"] if (match := _BY.search(said)) else account_name(endpoint) or "<account>"
    if missing := _MISSING.search(said):
        return Refused(_grant(missing["action"], missing["principal"], account))
    address = match["address"] if (match := _FROM.search(said)) else "<this machine's public address>"
    for words, hint in _HINTS.items():
        if words in said:
            return Refused(hint.format(account=account, address=address), retryable=words == _EXPIRED)
    return Refused(_OTHERWISE[status])


def _grant(action: str, principal: str, account: str) -> str:
    """The role that has an action, and the command that gives it; 'edge-...' are of infra/azure."""
    who = principal if re.fullmatch(r"[0-9a-fA-F-]{36}", principal) else "<its object id>"
    if action == _METADATA:
        role, number = "'Cosmos DB Built-in Data Contributor' (or 'edge-writer', 'edge-verifier')", CONTRIBUTOR
    elif action in _READING:
        role, number = "'Cosmos DB Built-in Data Reader' (or 'edge-verifier')", READER
    elif action in _WRITING:
        role, number = "'Cosmos DB Built-in Data Contributor' (or 'edge-writer')", CONTRIBUTOR
    elif action == _DELETING:
        role, number = "'Cosmos DB Built-in Data Contributor' (or, for `cosmos check`, 'edge-check')", CONTRIBUTOR
    else:
        role, number = "'Cosmos DB Built-in Data Contributor'", CONTRIBUTOR
    return (
        f"give this identity the data-plane role {role}, which takes some minutes: "
        f"az cosmosdb sql role assignment create --account-name {account} --resource-group <group> --scope / "
        f"--principal-id {who} --role-definition-id {number}"
    )
