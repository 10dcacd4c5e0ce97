"""Why there is no token, and what mends it, from what `azure-identity` says."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ATTEMPT = re.compile(r"^\t(?P<credential>\w+): (?P<said>.*)$", re.MULTILINE)
_ASKED = ("EnvironmentCredential", "WorkloadIdentityCredential", "ManagedIdentityCredential")
"""Those that fail for another reason than that nobody has set them up. The last attempt is the one that failed."""

_CODE = re.compile(r"AADSTS(\d+)")
_LONGEST = 300
_SECRETS = re.compile(r"(?i)(client_secret|client_assertion|access_token|password)=[^\s&]+")

_NOTHING = (
    "give this machine an identity: az login, a managed identity, or variables (docs/identity.md); "
    "documents are also taken with COSMOS_KEY"
)

_RENEWED = "az ad app credential reset --id <AZURE_CLIENT_ID> --append"
"""Without `--append` the command takes away every secret that other machines use."""

_HINTS = {
    "7000215": "AZURE_CLIENT_SECRET is not a secret of AZURE_CLIENT_ID: it is the secret's value, not its id; "
    f"a new one: {_RENEWED}",
    "7000222": f"AZURE_CLIENT_SECRET has run out; a new one: {_RENEWED}",
    "700016": "AZURE_CLIENT_ID is no application of AZURE_TENANT_ID: compare both with az ad app list --all",
    "90002": "AZURE_TENANT_ID is no tenant of AZURE_AUTHORITY_HOST: az account show --query tenantId",
    "900023": "AZURE_TENANT_ID is no tenant's id: az account show --query tenantId",
    "700024": "set this machine's clock; if it is right, the token in AZURE_FEDERATED_TOKEN_FILE has run out: "
    "whatever writes that file has stopped",
    "700027": "the certificate in AZURE_CLIENT_CERTIFICATE_PATH is not one of AZURE_CLIENT_ID: "
    "az ad app credential reset --id <AZURE_CLIENT_ID> --cert @<file> --append",
    "70021": "no federated credential of AZURE_CLIENT_ID has this issuer, subject and audience: "
    "az ad app federated-credential list --id <AZURE_CLIENT_ID>",
    "700213": "no federated credential of AZURE_CLIENT_ID has this subject: "
    "az ad app federated-credential list --id <AZURE_CLIENT_ID>",
    "7000229": "AZURE_CLIENT_ID has no service principal in this tenant: az ad sp create --id <AZURE_CLIENT_ID>",
}
"""Code of Microsoft Entra -> what to try (https://learn.microsoft.com/entra/identity-platform/reference-error-codes)."""


@dataclass(frozen=True)
class NoToken:
    """What is said of it.

    Attributes:
        why: One line.
        hint: What to try.
        retryable: Whether the next run may succeed without a change by the user.
    """

    why: str
    hint: str
    retryable: bool


def explain(said: str) -> NoToken:
    """What to do about an error of a credential.

    Args:
        said: All of its text: of one source of identity, or of all that were tried.
    """
    attempts = [(found["credential"], found["said"]) for found in _ATTEMPT.finditer(said)]
    source, failed = attempts[-1] if attempts else ("", said.strip().partition("\n")[0])
    if attempts and (source not in _ASKED or "unavailable" in failed):
        asked = any(name == "ManagedIdentityCredential" for name, _ in attempts)
        return NoToken("this machine has no identity to use", _NOTHING, retryable=asked)
    shown = _SECRETS.sub(r"\1=******", failed.strip())[:_LONGEST]
    why = f"no token by {source}: {shown}" if source else f"no token: {shown}"
    code = _CODE.search(failed)
    if code is not None and code[1] in _HINTS:
        return NoToken(why, _HINTS[code[1]], retryable=False)
    if "Permission denied" in failed:
        return NoToken(
            why, "let this user read that file; for Azure Arc: join the group himds (docs/identity.md)", False
        )
    return NoToken(
        why,
        "check what gives out this machine's tokens and the network to it (docs/identity.md), then run again",
        retryable=True,
    )
