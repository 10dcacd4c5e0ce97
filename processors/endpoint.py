"""Which endpoints may be spoken to: https anywhere, verified; on this machine also http, and any certificate."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from processors.errors import SettingsError

_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")
"""Names and addresses, and nothing that two readers of a URL could read in two ways."""


_MAX_LABEL = 63


def check_endpoint(endpoint: str) -> None:
    """Do nothing for an endpoint that can be used.

    Raises:
        SettingsError: It is no URL of scheme, host and port, or it is plain http to another machine. No part of the
            value is repeated: people paste connection strings, which hold the key.
    """
    if why := problem(endpoint):
        raise SettingsError(
            "use the endpoint",
            "COSMOS_ENDPOINT",
            why=why,
            hint="set it to https://<account>.documents.azure.com, or to http://127.0.0.1:<port> for an emulator",
        )


def problem(endpoint: str) -> str:
    """Why this endpoint cannot be used, without any part of it; empty when it can."""
    try:
        parts = urlsplit(endpoint)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        # Python's own words repeat what they are about: of `https://x:443;AccountKey=...`, the key.
        return "its host or port is malformed"
    if parts.scheme not in ("https", "http") or not host:
        return "expected https://, a host name and at most a port"
    if parts.username is not None or parts.path.strip("/") or parts.query or parts.fragment:
        return "nothing may follow the host and port, and nothing come before the host"
    if not _HOST.fullmatch(host) or not endpoint.isprintable() or " " in endpoint or not _has_labels(host):
        return "its host has characters that no host has, or parts that are empty or too long"
    if parts.scheme == "http" and not is_local(endpoint):
        return "http is for an emulator on this machine; elsewhere the key would travel in clear text"
    return ""


def _has_labels(host: str) -> bool:
    """Whether the parts between the dots are as long as those of a name may be: 1 to 63 (RFC 1035)."""
    return ":" in host or all(0 < len(part) <= _MAX_LABEL for part in host.removesuffix(".").split("."))


def is_local(endpoint: str) -> bool:
    """Whether it is this machine by its loopback address. Other names may lead there too: they are not looked up."""
    host = urlsplit(endpoint).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def account_name(endpoint: str) -> str:
    """The account that a host of Azure's is named for; empty for an emulator, or a name of one's own."""
    name, _, domain = (urlsplit(endpoint).hostname or "").partition(".")
    return name if domain.startswith("documents.azure.") else ""
