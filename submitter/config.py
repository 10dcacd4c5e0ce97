"""Where the orchestrator is and what a spec's placeholders are filled with. Read once, checked whole, then frozen."""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from submitter.errors import SettingsError, UsageError

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 1234

_LOOPBACK = {"localhost": "127.0.0.1", "::1": "127.0.0.1"}
_PREFIX = "BACALHAU_API_"
_VALUE_PREFIX = "SUBMIT_"
_TRUE = {"1", "t", "true"}
_FALSE = {"", "0", "f", "false"}
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_HOST = re.compile(r"[\w.:%-]+")
_DURATION = re.compile(r"(\d{1,6})([smhd]?)")


@dataclass(frozen=True)
class Local:
    """A local network that is up, as its record says.

    Attributes:
        host: Of the orchestrator's API.
        port: Likewise.
        values: What fills placeholders there.
    """

    host: str
    port: int
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Orchestrator:
    """How to speak to an orchestrator.

    Attributes:
        host: Name or address, without scheme.
        port: TCP.
        tls: Whether to speak TLS.
        ca_file: Certificates to trust in place of the usual ones.
        insecure: Any certificate will do; on this machine only.
        authorization: The header of that name; None when there are no credentials.
    """

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    tls: bool = False
    ca_file: Path | None = None
    insecure: bool = False
    authorization: str | None = field(default=None, repr=False)

    @property
    def address(self) -> str:
        """Host and port as in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """Without a path."""
        return f"{'https' if self.tls else 'http'}://{self.address}"


def orchestrator(environment: Mapping[str, str], local: Local | None) -> Orchestrator:
    """By Bacalhau's own variables; the local network when neither host nor port is set; else 127.0.0.1:1234.

    Raises:
        SettingsError: A variable does not hold; it names all that do not.
    """
    set_ = {
        name.removeprefix(_PREFIX): text.strip()
        for name, text in environment.items()
        if name.startswith(_PREFIX) and text.strip()
    }
    problems: list[str] = []
    scheme, host, port = _place(set_, local, problems)
    authorization = _authorization(set_, problems)
    tls = _flag(set_, "TLS_USETLS", problems)
    insecure = _flag(set_, "TLS_INSECURE", problems)
    ca_file = Path(set_["TLS_CAFILE"]) if "TLS_CAFILE" in set_ else None
    if ca_file is not None and not ca_file.is_file():
        problems.append(f"{_PREFIX}TLS_CAFILE {str(ca_file)!r} is no file")
    speaks_tls = scheme == "https" if scheme else tls
    if not _is_loopback(host):
        problems += _exposed(tls=speaks_tls, insecure=insecure, credentials=authorization is not None)
    if problems:
        raise SettingsError(
            "use the orchestrator's settings",
            "environment",
            why="; ".join(problems),
            hint="correct or unset these variables; they are those of the Bacalhau CLI",
        )
    return Orchestrator(host, port, speaks_tls, ca_file, insecure, authorization)


def is_named(environment: Mapping[str, str]) -> bool:
    """Whether the environment says where the orchestrator is."""
    return any(environment.get(f"{_PREFIX}{name}", "").strip() for name in ("HOST", "PORT"))


def assigned(pairs: Sequence[str]) -> dict[str, str]:
    """What `--set name=value` gives.

    Raises:
        UsageError: One is not `name=value`, or a name is given twice.
    """
    values: dict[str, str] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        name = name.strip()
        if not name or not equals:
            raise UsageError("take --set", pair, why="it is not NAME=VALUE", hint="for example --set stage=raw")
        if name in values:
            raise UsageError("take --set", name, why="it is given twice", hint=f"give {name} once")
        values[name] = text
    return values


def offered(environment: Mapping[str, str], local: Local | None, place: Orchestrator) -> dict[str, str]:
    """Values for what `--set` does not give: SUBMIT_<NAME>, then the local network's when the job goes there."""
    values = dict(local.values) if local is not None and _is_there(local, place) else {}
    for name, text in environment.items():
        if name.startswith(_VALUE_PREFIX):
            values[name.removeprefix(_VALUE_PREFIX).lower()] = text
    return values


def _is_there(local: Local, place: Orchestrator) -> bool:
    hosts = {_LOOPBACK.get(host, host) for host in (local.host, place.host)}
    return len(hosts) == 1 and local.port == place.port


def seconds(text: str) -> float:
    """`90`, `90s`, `10m`, `2h` or `1d` in seconds.

    Raises:
        UsageError: It is none of these, or nought.
    """
    written = _DURATION.fullmatch(text.strip().lower())
    if written is None or int(written[1]) == 0:
        raise UsageError("take --deadline", text, why="it is no length of time", hint="for example --deadline 10m")
    return float(int(written[1]) * _UNITS[written[2]])


def _exposed(*, tls: bool, insecure: bool, credentials: bool) -> list[str]:
    """What must not be on the way to another machine: anybody there could read the credentials, or be asked instead."""
    told = []
    if credentials and not tls:
        told.append(
            f"credentials would travel in clear text: set {_PREFIX}TLS_USETLS=true, or reach the orchestrator by a "
            f"tunnel that ends at {DEFAULT_HOST}"
        )
    if tls and insecure:
        told.append(
            f"{_PREFIX}TLS_INSECURE is for this machine: set {_PREFIX}TLS_CAFILE to the authority's certificate"
        )
    return told


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _place(set_: Mapping[str, str], local: Local | None, problems: list[str]) -> tuple[str, str, int]:
    """Scheme (empty when not stated), host and port; as the Bacalhau CLI, a host may be written as a URL."""
    host, port = set_.get("HOST"), set_.get("PORT")
    if host is None and port is None and local is not None:
        return "", local.host, local.port
    number = _port(port, problems)
    if host is None or host == "0.0.0.0":  # noqa: S104 - where a server listens, and what the CLI makes of it
        return "", DEFAULT_HOST, number
    if "://" in host:
        return _of_url(host, number, problems)
    host = host.removeprefix("[").removesuffix("]")
    if "@" in host or not _HOST.fullmatch(host):
        # What comes before an @ would be credentials, not to be repeated.
        shown = "" if "@" in host else f" {host!r}"
        problems.append(f"{_PREFIX}HOST{shown} is neither a name, an address nor a URL")
    return "", host, number


def _port(text: str | None, problems: list[str]) -> int:
    if text is None:
        return DEFAULT_PORT
    if text.isascii() and text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    problems.append(f"{_PREFIX}PORT {text!r} is no port number")
    return DEFAULT_PORT


def _of_url(text: str, port: int, problems: list[str]) -> tuple[str, str, int]:
    try:
        url = urlsplit(text)
        scheme, host, port = url.scheme, url.hostname or "", url.port or port
        more = bool(url.path.strip("/") or url.query or url.fragment or url.username is not None)
    except ValueError:
        scheme, host, more = "", "", True
    if scheme not in ("http", "https") or not host or more:
        problems.append(f"{_PREFIX}HOST is no URL of a host: http or https, and neither path nor credentials")
    return scheme, host, port


def _authorization(set_: Mapping[str, str], problems: list[str]) -> str | None:
    """As the Bacalhau CLI makes it (cmd/util/api.go, resolveAuthCredentials)."""
    key, username, password = set_.get("KEY"), set_.get("USERNAME"), set_.get("PASSWORD")
    named = (f"{_PREFIX}USERNAME", f"{_PREFIX}PASSWORD")
    if key and (username or password):
        problems.append(f"{_PREFIX}KEY and {' / '.join(named)} exclude each other")
    elif bool(username) != bool(password):
        problems.append(f"{named[0 if username else 1]} is set but {named[1 if username else 0]} is not")
    elif key:
        problems.extend([f"{_PREFIX}KEY has characters that no key has"] if not _sendable(key) else [])
        return f"Bearer {key}"
    elif username and password:
        return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
    return None


def _sendable(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _flag(set_: Mapping[str, str], name: str, problems: list[str]) -> bool:
    text = set_.get(name, "").lower()
    if text not in _TRUE | _FALSE:
        problems.append(f"{_PREFIX}{name} {text!r} is neither true nor false")
    return text in _TRUE
