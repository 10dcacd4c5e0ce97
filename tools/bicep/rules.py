"""What must hold of an account by default and with each parameter file, whichever of its switches is turned.

A parameter that is `bool` or has `@allowed` is a switch. One at a time is turned: what two together open is not seen.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bicep import deployment, role_rules, syntax
from bicep.deployment import Deployed
from bicep.errors import Finding
from bicep.evaluate import Scope, evaluate
from bicep.parse import parse

ACCOUNT = "Microsoft.DocumentDB/databaseAccounts"
WIDEST = 16
"""Bits of the prefix of the widest range of addresses that may be let in."""

_ALLOWED = re.compile(r"//\s*infra:allow=([\w-]+)(?::[ \t]*(.*))?$", re.MULTILINE)
_ADDRESS = "203.0.113.7"
_OPEN: Mapping[str, Any] = {"publicNetworkAccess": "Enabled", "allowedAddresses": [_ADDRESS]}


@dataclass(frozen=True)
class Rule:
    """One assertion.

    Attributes:
        name: For `infra:allow` in a parameter file.
        property: Of the account.
        holds: Whether its properties are well.
        why: What is wrong when they are not.
        switch: The parameter that is there to break it; empty for none.
    """

    name: str
    property: str
    holds: Callable[[Mapping[str, Any]], bool]
    why: str
    switch: str = ""


def _is(name: str, value: str | bool) -> Callable[[Mapping[str, Any]], bool]:
    return lambda its: its.get(name) == value


def _narrow(its: Mapping[str, Any]) -> bool:
    entries = its.get("ipRules") or []
    known = isinstance(entries, list) and all(isinstance(each, Mapping) for each in entries)
    return known and all(map(_is_narrow, entries))


def _is_narrow(entry: Any) -> bool:
    """Whether it is an IPv4 address or range, and not too wide; 0.0.0.0 is, it stands for all datacenters of Azure."""
    try:
        network = ipaddress.IPv4Network(entry.get("ipAddressOrRange"), strict=False)
    except ValueError:
        return False
    return network.prefixlen >= WIDEST and not network.network_address.is_unspecified


RULES = (
    Rule(
        "public-network",
        "publicNetworkAccess",
        _is("publicNetworkAccess", "Disabled"),
        "the public network reaches it",
        switch="publicNetworkAccess",
    ),
    Rule("key-access", "disableLocalAuth", _is("disableLocalAuth", True), "keys get in", switch="disableLocalAuth"),
    Rule(
        "key-changes",
        "disableKeyBasedMetadataWriteAccess",
        lambda its: its.get("disableKeyBasedMetadataWriteAccess") is True or its.get("disableLocalAuth") is False,
        "a key may change containers",
    ),
    Rule("bypass", "networkAclBypass", _is("networkAclBypass", "None"), "services of Azure pass the firewall"),
    Rule("wide-range", "ipRules", _narrow, f"not an address, or a range wider than /{WIDEST}"),
    Rule("old-tls", "minimalTlsVersion", _is("minimalTlsVersion", "Tls12"), "TLS below 1.2 is accepted"),
    Rule(
        "no-restore",
        "backupPolicy",
        lambda its: isinstance(its.get("backupPolicy"), Mapping) and its["backupPolicy"].get("type") == "Continuous",
        "it cannot be restored to a moment",
    ),
)
_FIREWALL = Rule(
    "firewall",
    "ipRules",
    lambda its: its.get("ipRules") == [{"ipAddressOrRange": _ADDRESS}],
    "the firewall lets in others than those given",
)


def findings(main: Path) -> Iterator[Finding]:
    """What does not hold by the defaults of the main file, and with each parameter file below its folder.

    A line `// infra:allow=NAME: reason` in a parameter file excepts it from a rule; without a reason it is a finding.

    Raises:
        BicepError: A file cannot be parsed or evaluated.
    """
    yield from _broken(main, {}, frozenset(), "by default")
    for path in sorted(main.parent.rglob("*.bicepparam")):
        shown = path.relative_to(main.parent).as_posix()
        if (path.parent / parse(path).using).resolve() != main.resolve():
            yield Finding(path, 1, f"it is not for {main.name}")
            continue
        allowed = set()
        for match in _ALLOWED.finditer(text := path.read_text(encoding="utf-8")):
            line = text.count("\n", 0, match.start()) + 1
            if match[1] not in {rule.name for rule in RULES}:
                yield Finding(path, line, f"there is no rule {match[1]!r}: {', '.join(rule.name for rule in RULES)}")
            if not match[2]:
                yield Finding(path, line, f"infra:allow={match[1]} gives no reason")
            allowed.add(match[1])
        yield from _broken(main, deployment.given(path), frozenset(allowed), f"with {shown}")


def _broken(main: Path, parameters: Mapping[str, Any], allowed: frozenset[str], when: str) -> Iterator[Finding]:
    """All that does not hold, each rule once: a switch is blamed only for what it breaks."""
    accounts = list(_accounts(main, parameters))
    if not accounts:
        yield Finding(main, 1, f"no account is deployed {when}")
        return
    rules = [rule for rule in RULES if rule.name not in allowed]
    told = set()
    for rule, finding in _against(rules, accounts, when):
        told.add(rule)
        yield finding
    for turned in (_OPEN, *_switches(main)):
        rest = [rule for rule in rules if rule not in told and rule.switch not in turned]
        rest += [_FIREWALL] if turned is _OPEN else []
        also = " and ".join(f"{name} = {value!r}" for name, value in turned.items())
        for rule, finding in _against(rest, _accounts(main, {**parameters, **turned}), f"{when} and {also}"):
            told.add(rule)
            yield finding
    yield from role_rules.findings(main, parameters, when)


def _accounts(main: Path, parameters: Mapping[str, Any]) -> Iterator[Deployed]:
    return (each for each in deployment.deployed(main, parameters) if each.declared.type == ACCOUNT)


def _switches(main: Path) -> Iterator[Mapping[str, Any]]:
    """Each value of each parameter whose values are counted."""
    for each in parse(main).statements:
        if isinstance(each, syntax.Parameter):
            allowed = [one.arguments[0] for one in each.decorators if one.name == "allowed"]
            values = evaluate(allowed[0], Scope(main, {})) if allowed else [True, False] if each.type == "bool" else []
            yield from ({each.name: value} for value in values)


def _against(rules: list[Rule], accounts: Iterable[Deployed], when: str) -> Iterator[tuple[Rule, Finding]]:
    for account in accounts:
        its = account.properties
        for rule in rules:
            if not rule.holds(its):
                line = account.line_of("properties", rule.property)
                text = f"{rule.property} is {its.get(rule.property)!r} {when}: {rule.why} ({rule.name})"
                yield rule, Finding(account.path, line, text)
