"""Who answers at the endpoint of Cosmos DB, before anything is asked of it."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from sensors.errors import SensorsError
from sensors.manager.compose import is_loopback
from sensors.manager.diagnostics.check import Check, failed, ok, skipped
from sensors.manager.diagnostics.clock import clock
from sensors.manager.diagnostics.listener import listener
from sensors.manager.diagnostics.mask import MASK

ANSWER_S = 10.0
NO_ENDPOINT = "COSMOS_ENDPOINT is not set"

_READ_BYTES = 65_536
_DATE_S = 1.0
"""A `Date` header has whole seconds."""


@dataclass(frozen=True)
class Answer:
    """What an endpoint said to a request without a key.

    Attributes:
        status: Of HTTP.
        headers: By name in lower case.
        body: The beginning of it.
        at: This machine's time when it had come.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    at: datetime

    @property
    def is_cosmos(self) -> bool:
        """Whether an account or an emulator said it: their own headers, or an account's description."""
        if any(name.startswith("x-ms-") for name in self.headers):
            return True
        try:
            told = json.loads(self.body)
        except (ValueError, RecursionError):
            return False
        return isinstance(told, dict) and "_dbs" in told

    @property
    def date(self) -> datetime | None:
        """The other machine's time; None where it does not tell."""
        try:
            told = parsedate_to_datetime(self.headers["date"])
        except (KeyError, ValueError):
            return None
        return told if told.tzinfo else told.replace(tzinfo=UTC)


def ask(endpoint: str, now: Callable[[], datetime], answer_s: float = ANSWER_S) -> Answer:
    """What the endpoint says.

    On this machine no proxy stands between, and any certificate will do, as for the uploaders.

    Raises:
        SensorsError: Nothing answers, or not in HTTP.
    """
    if shown(endpoint) == MASK:
        raise SensorsError(
            "reach the endpoint",
            "COSMOS_ENDPOINT",
            why="it is no URL of http or https, a host and at most a port",
            hint="set COSMOS_ENDPOINT to https://ACCOUNT.documents.azure.com, or to http://127.0.0.1:PORT",
        )
    opener = urllib.request.build_opener(_AsItIs, *_way(endpoint))
    try:
        with closing(_open(opener, endpoint, answer_s)) as answer:
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(answer.status, headers, answer.read(_READ_BYTES), now())
    except (OSError, http.client.HTTPException, UnicodeError) as error:  # UnicodeError: a name that no host has
        reason = getattr(error, "reason", None) or error
        raise SensorsError(
            "reach the endpoint",
            shown(endpoint),
            why=str(getattr(reason, "strerror", None) or reason),
            hint=_hint(endpoint),
        ) from error


def port(
    endpoint: str, answer: Answer | SensorsError | None, listening: Callable[[int], str | None] = listener
) -> Check:
    """Whether what listens at an endpoint of this machine is Cosmos DB.

    Args:
        endpoint: May be empty.
        answer: Of the endpoint, or why there is none; None when nothing was asked.
        listening: Name of the program that has a port of this machine; None where that cannot be seen.
    """
    name = "endpoint's port"
    if not endpoint or answer is None:
        return skipped(name, NO_ENDPOINT)
    if not is_loopback(endpoint):
        return skipped(name, "the endpoint is not on this machine")
    if isinstance(answer, SensorsError):
        program = listening(port_of(endpoint))
        return failed(name, f"{answer}" + (f"; {program} has the port" if program else ""), answer.hint)
    return _who(endpoint, answer, listening)


def endpoint_clock(endpoint: str, answer: Answer | SensorsError | None) -> Check:
    """Whether the endpoint's clock agrees with this machine's."""
    name = "endpoint's clock"
    if not endpoint or answer is None:
        return skipped(name, NO_ENDPOINT)
    if isinstance(answer, SensorsError):
        return skipped(name, "the endpoint does not answer")
    if answer.date is None:
        return skipped(name, "the endpoint does not tell its time")
    return clock(name, answer.date, answer.at, coarse_s=_DATE_S)


def shown(endpoint: str) -> str:
    """Scheme, host and port alone, and the mask for what is not these: connection strings hold the key."""
    try:
        parts = urlsplit(endpoint)
        host, number = parts.hostname or "", parts.port
    except ValueError:
        return MASK
    if parts.scheme not in ("http", "https") or not host or not set(parts.netloc).isdisjoint(";@ "):
        return MASK
    return f"{parts.scheme}://{host}" + (f":{number}" if number else "")


def port_of(endpoint: str) -> int:
    """As it is written, else of its scheme."""
    parts = urlsplit(endpoint)
    return parts.port or (443 if parts.scheme == "https" else 80)


def _who(endpoint: str, answer: Answer, listening: Callable[[int], str | None]) -> Check:
    number = port_of(endpoint)
    program = listening(number)
    port_of_it = f"port {number}" + (f" of {program}" if program else "")
    if answer.is_cosmos:
        return ok("endpoint's port", f"{port_of_it} answers as Cosmos DB does")
    server = answer.headers.get("server", "")
    said = f"status {answer.status}" + (f", server {server}" if server else "")
    return failed(
        "endpoint's port",
        f"{port_of_it} answers, and is not Cosmos DB ({said})",
        f"end the program that has port {number}, or give the emulator another port and COSMOS_ENDPOINT that one",
    )


class _AsItIs(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer: it is not followed to another machine."""

    def redirect_request(self, *_: object) -> None:
        return None


def _way(endpoint: str) -> list[urllib.request.BaseHandler]:
    if not is_loopback(endpoint):
        return []
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return [urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)]


def _open(opener: urllib.request.OpenerDirector, endpoint: str, answer_s: float) -> http.client.HTTPResponse:
    try:
        return opener.open(endpoint, timeout=answer_s)  # type: ignore[no-any-return]
    except urllib.error.HTTPError as answered:  # Cosmos says 401 to a request without a key
        return answered  # type: ignore[return-value]


def _hint(endpoint: str) -> str:
    if is_loopback(endpoint):
        return f"start the emulator at port {port_of(endpoint)}, or set COSMOS_ENDPOINT to where it is"
    return "check COSMOS_ENDPOINT, this machine's network and proxy, and the account's firewall"
