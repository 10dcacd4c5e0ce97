"""What the network's programs answer over HTTP, on loopback and past every proxy."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

ANSWER_S = 5.0

_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def answers(url: str) -> bool:
    """Whether a server answers there, be it with a refusal."""
    try:
        with _opener.open(url, timeout=ANSWER_S):
            return True
    except urllib.error.HTTPError as refusal:
        refusal.close()
        return True
    except (OSError, http.client.HTTPException):
        return False


@dataclass(frozen=True)
class Connection:
    """A compute node that the orchestrator counts as connected.

    Attributes:
        since: Time of its handshake, as the orchestrator writes it: another one means that it came again.
        engines: What it can run, sorted.
    """

    since: str
    engines: tuple[str, ...]


def nodes(host: str, port: int) -> dict[str, Connection] | None:
    """Connected compute nodes by name; None when the orchestrator does not answer.

    A node that was killed counts as connected until the orchestrator misses its heartbeats.
    """
    url = f"http://{host}:{port}/api/v1/orchestrator/nodes?limit=1000"
    try:
        with _opener.open(url, timeout=ANSWER_S) as response:
            told: dict[str, Any] = json.load(response)
    except (OSError, ValueError, http.client.HTTPException):
        return None
    found = {}
    for node in told["Nodes"] or ():
        info = node["Info"]
        if info["NodeType"] == "Compute" and node["Connection"] == "CONNECTED":
            engines = info["ComputeNodeInfo"]["ExecutionEngines"] or ()
            found[info["NodeID"]] = Connection(node["ConnectionState"]["ConnectedSince"], tuple(sorted(engines)))
    return found
