"""What the roles of our own must allow, and which identities must get which role, and where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bicep.deployment import Deployed, deployed
from bicep.errors import Finding
from bicep.evaluate import Unknown

_ACCOUNT = "Microsoft.DocumentDB/databaseAccounts"
DATABASE = f"{_ACCOUNT}/sqlDatabases"
DEFINITION = f"{_ACCOUNT}/sqlRoleDefinitions"
ASSIGNMENTS = (f"{_ACCOUNT}/sqlRoleAssignments", "Microsoft.Authorization/roleAssignments")

_ITEMS = f"{DATABASE}/containers/items"
_WRITES = frozenset({f"{_ACCOUNT}/readMetadata", f"{_ITEMS}/create", f"{_ITEMS}/upsert"})
ACTIONS = {
    "bacalhau-cosmos edge-writer": _WRITES,
    "bacalhau-cosmos edge-verifier": _WRITES | {f"{_ITEMS}/read", f"{DATABASE}/containers/executeQuery"},
    "bacalhau-cosmos edge-check": frozenset({f"{_ITEMS}/delete"}),
}
"""Role of our own -> all that it allows."""

_READER, _CONTRIBUTOR = (f"account.id/sqlRoleDefinitions/00000000-0000-0000-0000-00000000000{end}" for end in (1, 2))
_OPERATOR = "subscriptionResourceId(Microsoft.Authorization/roleDefinitions, 230815da-be43-4aae-9cb4-875f7bd000aa)"
"""Cosmos DB Operator, in "Azure built-in roles for Databases"."""

GRANTS: Mapping[str, frozenset[tuple[str, str]]] = {
    "nodePrincipalIds": frozenset({(_CONTRIBUTOR, "account.id")}),
    "writerPrincipalIds": frozenset({("bacalhau-cosmos edge-writer", "account.id")}),
    "verifierPrincipalIds": frozenset(
        {
            ("bacalhau-cosmos edge-verifier", "account.id"),
            ("bacalhau-cosmos edge-check", "account.id/dbs/{database}/colls/runs"),
        }
    ),
    "readerPrincipalIds": frozenset({(_READER, "account.id")}),
    "operatorPrincipalIds": frozenset({(_OPERATOR, "account")}),
}
"""Parameter -> roles of those in it, each with its scope."""


def findings(main: Path, parameters: Mapping[str, Any], when: str) -> Iterator[Finding]:
    """Roles that allow more or less than they must, and identities with others, or elsewhere.

    Args:
        main: The file.
        parameters: Name -> value; those of identities are replaced, each list by one of its own.
        when: What the parameters are, for the text of a finding.

    Raises:
        BicepError: A file cannot be parsed or evaluated.
    """
    given = {**parameters, **{name: [f"one of {name}"] for name in GRANTS}}
    resources = list(deployed(main, given))
    definitions = [each for each in resources if each.declared.type == DEFINITION]
    for each in definitions:
        yield from _definition(each, when)
    names = {f"{each.declared.name}.id": _text(each.properties.get("roleName")) for each in definitions}
    database = next((each.body["name"] for each in resources if each.declared.type == DATABASE), "")
    assigned = [each for each in resources if each.declared.type in ASSIGNMENTS]
    wanted = {
        (f"one of {name}", role, scope.format(database=database))
        for name, grants in GRANTS.items()
        for role, scope in grants
    }
    yield from _assignments(main, assigned, names, wanted, when)


def _definition(each: Deployed, when: str) -> Iterator[Finding]:
    name = _text(each.properties.get("roleName"))
    wanted = {("dataActions", action) for action in ACTIONS.get(name, ())}
    found = set(_leaves("permissions", each.properties.get("permissions", [])))
    for what, actions in (("allows too much", found - wanted), ("lacks", wanted - found)):
        if actions:
            text = f"{name} {what} {when}: {', '.join(sorted(map(' '.join, actions)))}"
            yield Finding(each.path, each.line_of("properties", "permissions"), text)


def _assignments(
    main: Path,
    assigned: Iterable[Deployed],
    names: Mapping[str, str],
    wanted: set[tuple[str, str, str]],
    when: str,
) -> Iterator[Finding]:
    missing = set(wanted)
    for each in assigned:
        its = each.properties
        role = _text(its.get("roleDefinitionId"))
        scope = _text(each.body.get("scope", its.get("scope")))
        grant = (_text(its.get("principalId")), names.get(role, role), scope)
        if grant not in wanted:
            line = each.line_of("properties", "roleDefinitionId")
            yield Finding(each.path, line, f"{grant[0]} gets {grant[1]} at {scope} {when}, and must not")
        missing.discard(grant)
    for principal, role, scope in sorted(missing):
        yield Finding(main, 1, f"{principal} does not get {role} at {scope} {when}")


def _text(value: Any) -> str:
    return value.text if isinstance(value, Unknown) else str(value)


def _leaves(key: str, value: Any) -> Iterator[tuple[str, str]]:
    """Each value that is neither an object nor a list, with the key above it."""
    if isinstance(value, Mapping):
        for inner, one in value.items():
            yield from _leaves(inner, one)
    elif isinstance(value, list):
        for one in value:
            yield from _leaves(key, one)
    else:
        yield key, _text(value)
