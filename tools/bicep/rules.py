"""What must hold of an account, whatever the parameters: by default, and with each parameter file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bicep import deployment
from bicep.deployment import Deployed
from bicep.errors import Finding

ACCOUNT = "Microsoft.DocumentDB/databaseAccounts"

_ALLOWED = re.compile(r"//\s*infra:allow=([\w-]+)(?::[ \t]*(.*))?$", re.MULTILINE)


@dataclass(frozen=True)
class Rule:
    """One assertion.

    Attributes:
        name: For `infra:allow` in a parameter file.
        property: Of the account.
        holds: Whether its value is well.
        why: What is wrong when it is not.
    """

    name: str
    property: str
    holds: Callable[[Any], bool]
    why: str


RULES = (
    Rule("public-network", "publicNetworkAccess", lambda value: value == "Disabled", "the public network reaches it"),
    Rule("key-access", "disableLocalAuth", lambda value: value is True, "keys get in"),
    Rule("old-tls", "minimalTlsVersion", lambda value: value == "Tls12", "TLS below 1.2 is accepted"),
    Rule(
        "no-restore",
        "backupPolicy",
        lambda value: isinstance(value, Mapping) and value.get("type") == "Continuous",
        "it cannot be restored to a moment",
    ),
)


def findings(main: Path) -> Iterator[Finding]:
    """What does not hold by the defaults of the main file, and with each parameter file beside it.

    A line `// infra:allow=NAME: reason` in a parameter file excepts it from a rule; without a reason it is a finding.

    Raises:
        BicepError: A file cannot be parsed or evaluated.
    """
    yield from _broken(main, {}, frozenset(), "by default")
    for path in sorted(main.parent.glob("*.bicepparam")):
        allowed = set()
        for match in _ALLOWED.finditer(text := path.read_text(encoding="utf-8")):
            line = text.count("\n", 0, match.start()) + 1
            if match[1] not in {rule.name for rule in RULES}:
                yield Finding(path, line, f"there is no rule {match[1]!r}: {', '.join(rule.name for rule in RULES)}")
            if not match[2]:
                yield Finding(path, line, f"infra:allow={match[1]} gives no reason")
            allowed.add(match[1])
        yield from _broken(main, deployment.given(path), frozenset(allowed), f"with {path.name}")


def _broken(main: Path, parameters: Mapping[str, Any], allowed: frozenset[str], when: str) -> Iterator[Finding]:
    accounts = [each for each in deployment.deployed(main, parameters) if each.declared.type == ACCOUNT]
    if not accounts:
        yield Finding(main, 1, f"no account is deployed {when}")
    for account in accounts:
        for rule in RULES:
            if rule.name not in allowed and not rule.holds(value := _value(account, rule.property)):
                line = account.line_of("properties", rule.property)
                yield Finding(account.path, line, f"{rule.property} is {value!r} {when}: {rule.why} ({rule.name})")


def _value(account: Deployed, name: str) -> Any:
    return account.body.get("properties", {}).get(name)
