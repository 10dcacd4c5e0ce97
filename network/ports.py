"""Free ports of this machine."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import ExitStack

from network.errors import NetworkError

HOST = "127.0.0.1"
TRIES = 1000


def free(preferred: Sequence[int]) -> list[int]:
    """For each preferred port itself, or the first one above it that nothing listens on; all different.

    Raises:
        NetworkError: None of the `TRIES` ports from a preferred one on is free.
    """
    with ExitStack() as held:
        return [_hold(port, held) for port in preferred]


def _hold(preferred: int, held: ExitStack) -> int:
    for port in range(preferred, min(preferred + TRIES, 65536)):
        try:
            # On all addresses, because some of the programs listen on all, whatever they are told. Reused at once:
            # else a port would count as taken for a minute after the last connection of a network that has ended.
            held.enter_context(_listen(port))
        except OSError:
            continue
        return port
    raise NetworkError(
        "find a free port",
        f"{preferred} and above",
        why=f"{TRIES} ports are taken",
        hint="end programs that listen; `ss -ltnp` lists them",
    )


def _listen(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", port))
