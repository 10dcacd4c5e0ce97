"""Why the engine was not reached, or did not do what was asked, and what to try."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping, Sequence
from http.client import BadStatusLine
from json import JSONDecodeError

from docker.errors import NotFound

from sensors import docker_hints
from sensors.errors import EngineError

_HOST_HINT = (
    "check DOCKER_HOST: it is such as unix:///var/run/docker.sock or tcp://host:2375; unset it for this machine's own"
)


def unreached(error: Exception, environment: Mapping[str, str], *, answer_s: int) -> EngineError:
    """The error of a first call to the engine that these variables lead to."""
    host = environment.get("DOCKER_HOST", "")
    where = f"the Docker engine at {host}" if host else "the Docker engine"
    why, hint = _cause(error, host, answer_s)
    return EngineError("reach", where, why=why, hint=hint)


def refused(error: Exception, doing: str, on_what: str) -> EngineError:
    """The error of a later call."""
    why = str(error)
    hint = docker_hints.fitting(why) or "`docker version` shows whether the engine is well; then run the same again"
    return EngineError(doing, on_what, why=why, hint=hint)


def _cause(error: Exception, host: str, answer_s: int) -> tuple[str, str]:
    """Why, and what to try. The library wraps what the system said several times."""
    start = docker_hints.start_engine()
    look = f"{_HOST_HINT}; if that is right, {start}" if host else start
    slow = f"{docker_hints.BUSY}; if `docker ps` never answers, restart the engine"
    known: Sequence[tuple[type[BaseException] | tuple[type[BaseException], ...], str, str]] = (
        (PermissionError, "this user may not use its socket", docker_hints.LET_IN),
        (FileNotFoundError, "there is no such socket" if host else "there is no socket, so none runs", look),
        (ConnectionRefusedError, "nobody listens there", look),
        (socket.gaierror, "there is no machine of this name", _HOST_HINT),
        (TimeoutError, f"no answer within {answer_s} s", slow),
        ((BadStatusLine, JSONDecodeError, NotFound, KeyError), "what answers there is no Docker engine", _HOST_HINT),
    )
    for cause in _causes(error):
        for kind, why, hint in known:
            if isinstance(cause, kind):
                return why, hint
    return str(error), _HOST_HINT if host else start


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that is behind it, outermost first: raised from it, within it, or carried by it."""
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        each = waiting.pop(0)
        if any(each is other for other in seen):
            continue
        seen.append(each)
        yield each
        carried = [*each.args, getattr(each, "reason", None), each.__cause__, each.__context__]
        waiting += [part for part in carried if isinstance(part, BaseException)]
