"""Which program listens at a port of this machine, where Linux tells."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_LISTENS = "0A"
"""State of a socket in /proc/net/tcp: https://docs.kernel.org/networking/proc_net_tcp.html."""


def listener(port: int, proc: Path = Path("/proc")) -> str | None:
    """`nginx (process 123)`; None where there is none, it is another user's, or this system does not tell."""
    inodes = set(_inodes(port, proc))
    if not inodes:
        return None
    for link in proc.glob("[0-9]*/fd/*"):
        try:
            target = str(link.readlink())
            found = re.fullmatch(r"socket:\[(\d+)\]", target)
            if found and found[1] in inodes:
                process = link.parents[1]
                return f"{(process / 'comm').read_text(encoding='utf-8').strip()} (process {process.name})"
        except OSError:  # it ended, or is another user's
            continue
    return None


def _inodes(port: int, proc: Path) -> Iterator[str]:
    for name in ("tcp", "tcp6"):
        try:
            lines = (proc / "net" / name).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for cells in map(str.split, lines):
            if cells[3] == _LISTENS and int(cells[1].rpartition(":")[2], 16) == port:
                yield cells[9]
