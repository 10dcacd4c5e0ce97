"""Secrets taken out of what is shown or sent: those that are known, in every form, and what looks like one.

Rather too much is masked than too little: a digest of 64 digits is, too.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "******"

PLAIN = (
    "SENSORS_PER_CITY",
    "MAX_CITIES",
    "READINGS_PER_SECOND",
    "ANOMALY_PROBABILITY",
    "UPLOAD_INTERVAL",
    "ARCHIVE_FORMAT",
)
"""Variables whose values are counts, rates and intervals."""

_KNOWN = {
    *PLAIN,
    "COSMOS_ENDPOINT",
    "COSMOS_DATABASE",
    "COSMOS_CONTAINER",
    "AZURE_CLIENT_ID",
    "AZURE_TENANT_ID",
    "DOCKER_REGISTRY",
    "DOCKER_ORG",
    "DOCKER_HOST",
    "COMPOSE_PROJECT_NAME",
}
"""Variables whose values are no secrets; those of any other name in `.env` are taken for some."""

_PLAIN_VALUE = re.compile(r"[\d.]{1,12}\s?(ms|s|m|h)?|parquet", re.IGNORECASE)
_SECRET_NAME = re.compile(r"KEY|SECRET|TOKEN|PASSWORD|PASSWD|CREDENTIAL|CONNECTION|SIGNATURE|SAS", re.IGNORECASE)
_SHORTEST = 6
"""Characters of a value that is looked for everywhere: a shorter one is part of too many words."""

_NAMED = (
    r"(?:(?:(?<!partition)(?<!partition[ _])key|secret|token|password|passwd|credentials?|signature|sig)"
    r"|AccountKey|SharedAccessKey|SharedAccessSignature)"
    r"\\?[\"']?\s*(?:=|:|%3D|%253D)\s*"
)
_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"({_NAMED}(\\?[\"']))(?:(?!\2)(?:\\.|[^\n]))+",
        rf"({_NAMED})[^\s;&\"'<>,\\]+",
        r"(\b(?:Bearer|Basic)\s+)[\w.~+/=-]{8,}",
        r"()\beyJ[\w-]{8,}(?:\.[\w-]*){0,2}",  # a JSON web token
        r"(://)[^/\s:@]*:[^/\s@]+(?=@)",
    )
)
"""Where secrets stand, whatever they look like; the first group stays."""

_SIGN = r"%(?:25)?2[bf]|\\/|\\u002b"
_RUN = re.compile(rf"(?:[a-z0-9+/_-]|{_SIGN}){{64,}}(?:=|%(?:25)?3d){{0,2}}", re.IGNORECASE)
_BASE64 = re.compile(r"[a-z0-9+/]{64}|[a-z0-9_-]{64}", re.IGNORECASE)
"""One of its two alphabets: with both together a long path would look like a key."""


def secrets_of(environment: Mapping[str, str], env_file: Mapping[str, str]) -> frozenset[str]:
    """Values that must not be told: of variables that have a secret's name, and of `.env` all that are not known."""
    named = [value for name, value in environment.items() if _SECRET_NAME.search(name) and name not in _KNOWN]
    filed = [value for name, value in env_file.items() if name not in _KNOWN]
    return frozenset(value for value in (*named, *filed) if len(value) >= _SHORTEST)


def masking(secrets: Iterable[str]) -> Callable[[str], str]:
    """What takes these secrets, and all that looks like one, out of a text."""
    forms = {form for secret in secrets for form in _forms(secret)}
    # The longest first: a form may be the beginning of another.
    known = re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True))) or r"(?!)", re.IGNORECASE)

    def mask(text: str) -> str:
        told = known.sub(MASK, text)
        for pattern in _PATTERNS:
            told = pattern.sub(rf"\1{MASK}", told)
        return _RUN.sub(_unless_plain, told)

    return mask


def _unless_plain(run: re.Match[str]) -> str:
    return MASK if _BASE64.search(re.sub(_SIGN, "+", run[0], flags=re.IGNORECASE)) else run[0]


def masked_within(content: Any, mask: Callable[[str], str]) -> Any:
    """What JSON can hold, with each text in it through `mask`: a text of JSON might be none any more."""
    if isinstance(content, str):
        return mask(content)
    if isinstance(content, Mapping):
        return {mask(name): masked_within(value, mask) for name, value in content.items()}
    return [masked_within(each, mask) for each in content] if isinstance(content, list | tuple) else content


def plain_value(name: str, value: str) -> str:
    """A variable's value where it is known to be harmless, and looks like it; else the mask."""
    return value if not value or (name in PLAIN and _PLAIN_VALUE.fullmatch(value)) else MASK


def _forms(secret: str) -> Iterator[str]:
    """How a secret is written in addresses, JSON, Python's words and headers."""
    raw = secret.encode(errors="surrogateescape")
    once = quote(raw, safe="")
    yield from (secret, secret.rstrip("="), once, once.removesuffix("%3D").removesuffix("%3D"))
    yield from (quote_plus(raw), quote(once, safe=""), json.dumps(secret)[1:-1], repr(secret)[1:-1])
    yield from (json.dumps(secret)[1:-1].replace("/", "\\/"), repr(raw)[2:-1])
    yield from _encoded(raw)
    try:
        decoded = base64.b64decode(secret, validate=True)
    except (binascii.Error, ValueError):
        return
    if len(decoded) >= _SHORTEST:
        yield decoded.hex()
        yield repr(decoded)[2:-1]


def _encoded(raw: bytes) -> Iterator[str]:
    yield raw.hex()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(raw).decode().rstrip("=")
