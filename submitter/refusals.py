"""What kept a call from its answer, and what to try: one error for each way an orchestrator can be out of reach."""

from __future__ import annotations

import json
import ssl
from http.client import BadStatusLine, RemoteDisconnected
from typing import Any

import urllib3.exceptions as transport
from bacalhau_apiclient.rest import ApiException

from submitter.config import Orchestrator
from submitter.errors import Answered, ApiError, OrchestratorError

_PLACE = "set BACALHAU_API_HOST and BACALHAU_API_PORT to the orchestrator's API, or start a network with make network"
_LOG = "look at the orchestrator's log, and whether it still runs"
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "UNEXPECTED_EOF_WHILE_READING"})
"""What OpenSSL makes of an answer that is not TLS."""
_STARTING = frozenset({502, 503, 504})
_SPEAKS_TLS = "HTTP request to an HTTPS server"
"""In the answer of Go's server to plain HTTP where it expects TLS."""


def explained(doing: str, place: Orchestrator, error: Exception) -> ApiError | OrchestratorError:
    """The error to raise for one that the transport raised."""
    if isinstance(error, ApiException) and error.status:
        return _answered(doing, place, error)
    cause = _tls_cause(error)
    if cause is not None:
        return _tls(doing, place, cause)
    why, hint, passing = _unreached(error, place)
    return OrchestratorError(doing, place.url, why=why, hint=hint, passing=passing)


def _answered(doing: str, place: Orchestrator, error: ApiException) -> ApiError | OrchestratorError:
    status, body = int(error.status), _text(error.body)
    if status in (401, 403):
        return OrchestratorError(
            doing,
            place.url,
            why=f"it {'refuses these credentials' if place.authorization else 'wants credentials'} (status {status})",
            hint="set BACALHAU_API_KEY, or BACALHAU_API_USERNAME and BACALHAU_API_PASSWORD",
        )
    if status == 400 and _SPEAKS_TLS in body and not place.tls:
        return OrchestratorError(
            doing, place.url, why="it speaks TLS, and was asked without", hint="set BACALHAU_API_TLS_USETLS=true"
        )
    written = _object(body)
    if "Message" not in written:
        return OrchestratorError(
            doing,
            place.url,
            why=f"what answers there, with status {status}, is no Bacalhau orchestrator",
            hint=_PLACE,
            passing=status in _STARTING,
        )
    return ApiError(
        doing,
        place.url,
        Answered(
            status=status,
            message=str(written["Message"]),
            code=str(written.get("Code") or ""),
            component=str(written.get("Component") or ""),
            hint=str(written.get("Hint") or ""),
            details={str(name): str(value) for name, value in (written.get("Details") or {}).items()},
        ),
    )


def _unreached(error: Exception, place: Orchestrator) -> tuple[str, str, bool]:
    """Why, what to try, and whether it may pass."""
    told = {
        transport.NameResolutionError: (f"no host is called {place.host}", "correct BACALHAU_API_HOST", False),
        transport.NewConnectionError: ("nothing listens there (connection refused)", _PLACE, True),
        transport.ConnectTimeoutError: ("no connection in time", _PLACE, True),
        transport.ReadTimeoutError: ("it took the call and did not answer in time", _LOG, True),
    }
    if isinstance(error, transport.NewConnectionError) and not _refused(error):
        told[transport.NewConnectionError] = (str(error), _PLACE, True)
    if isinstance(error, transport.ProtocolError):
        cause = error.args[-1]
        if isinstance(cause, BadStatusLine) and not isinstance(cause, RemoteDisconnected):
            return "what answers there does not speak HTTP", _PLACE, False
        return f"the connection broke ({cause})", _LOG, True
    return next((how for kind, how in told.items() if isinstance(error, kind)), (str(error), _PLACE, False))


def _refused(error: Exception) -> bool:
    return isinstance(error.__cause__ or error.__context__, ConnectionRefusedError)


def _tls_cause(error: Exception) -> BaseException | None:
    """OpenSSL's own error, which bacalhau-apiclient flattens to text and Python keeps as the context."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None


def _tls(doing: str, place: Orchestrator, cause: BaseException) -> OrchestratorError:
    reason = getattr(cause, "reason", None) or ""
    if isinstance(cause, ssl.SSLCertVerificationError):
        why = f"its certificate is not trusted ({cause.verify_message})"
        hint = "set BACALHAU_API_TLS_CAFILE to the certificate of its authority"
    elif reason in _NO_TLS:
        why, hint = "it does not speak TLS, and was asked to", "set BACALHAU_API_TLS_USETLS=false"
    else:
        why, hint = f"TLS failed ({cause})", "look at BACALHAU_API_TLS_CAFILE and at the orchestrator's certificate"
    return OrchestratorError(doing, place.url, why=why, hint=hint)


def _text(body: Any) -> str:
    return body.decode(errors="replace") if isinstance(body, bytes) else str(body or "")


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
