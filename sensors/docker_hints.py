"""What to try, by the words of Docker or Compose, or by what stopped us on the way to them."""

from __future__ import annotations

import re
import sys
from pathlib import Path

LET_IN = (
    "`sudo usermod -aG docker $USER`, then log out and in again (`newgrp docker` for this shell alone); "
    "until then put `sudo` before the command"
)
FREE_SPACE = (
    "`df -h` and `docker system df` show what is full; `docker image prune` and `docker builder prune` free space"
)
BUSY = "the engine or the disk is busy: wait until `docker ps` answers at once, then run the same command again"

_NO_BUILDX = (
    "install buildx (`apt-get install docker-buildx` on Debian 13, else docker-buildx-plugin), or unset DOCKER_BUILDKIT"
)
_PORT = (
    "another program or container has the port: `docker ps` and `ss -ltnp` show which; end it, or choose another port"
)
_NO_IMAGE = (
    "`bacalhau-cosmos sensors build` in a checkout makes the images here; for those of a registry set DOCKER_REGISTRY, "
    "DOCKER_ORG and --tag to what is there, and `docker login` where it asks for that"
)

SYSTEMD = Path("/run/systemd/system")


def start_engine(platform: str = sys.platform, systemd: Path = SYSTEMD) -> str:
    """How an engine is started on this system."""
    if platform in ("darwin", "win32"):
        return "start Docker Desktop (https://docs.docker.com/desktop), and wait until `docker ps` answers"
    start = "sudo systemctl start docker" if systemd.is_dir() else "sudo service docker start"
    return (
        f"start it: `{start}`; or let `sudo make engine` in a checkout install and start one (Debian, Ubuntu); "
        "elsewhere https://docs.docker.com/engine/install"
    )


def fitting(said: str) -> str | None:
    """The hint for a failure that is known; None for any other."""
    for pattern, hint in _KNOWN:
        if re.search(pattern, said, re.IGNORECASE):
            return hint or start_engine()
    return None


_KNOWN = (
    (r"permission denied while trying to connect|docker\.sock: connect: permission denied", LET_IN),
    (r"cannot connect to the docker daemon|is the docker daemon running|docker\.sock: connect: no such file", None),
    (r"no space left on device|disk quota exceeded", FREE_SPACE),
    (r"buildx component is missing", _NO_BUILDX),
    (r"port is already allocated|address already in use|ports are not available", _PORT),
    (
        r"pull access denied|manifest unknown|manifest for .* not found|no such image",
        _NO_IMAGE,
    ),
    (r"context deadline exceeded|client\.timeout exceeded|i/o timeout|request canceled", BUSY),
)
"""In order: what stops everything goes before what it brings about. No hint: the engine has to be started."""
