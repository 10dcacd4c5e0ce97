"""What a network needs of this machine; each thing that is missing says how to get it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from network.configuration import whole_environment
from network.errors import MissingError

BACALHAU = (1, 9)
ANSWER_S = 20.0

_BUILT = Path(__file__).resolve().parents[1] / ".tools" / "bin"
_STARTING = "start the network"
_BUILD_HINT = "run `make network` in a checkout, which builds it (Go 1.26.5 or later)"


@dataclass(frozen=True)
class Programs:
    """Paths of the programs that a network is made of."""

    bacalhau: Path
    cosmium: Path
    registry: Path


def require_machine() -> Programs:
    """The programs, once everything else that is needed was found too.

    Raises:
        MissingError: Something has to be installed or allowed first.
    """
    require_root()
    require_docker()
    return Programs(bacalhau(), _program("cosmium"), _program("registry"))


def require_root() -> None:
    """Do nothing for root.

    Raises:
        MissingError: The data folders could not be given to the user of the containers.
    """
    if os.geteuid() != 0:
        raise MissingError(
            _STARTING,
            f"user {os.geteuid()}",
            why="only root can give the data folders to the containers' user, 10001",
            hint="put `sudo` before the same command, with the whole path of bacalhau-cosmos",
        )


def require_docker() -> None:
    """Do nothing when a Docker engine answers.

    Raises:
        MissingError: There is no `docker` command, or no engine that answers it.
    """
    if shutil.which("docker") is None:
        raise MissingError(
            _STARTING,
            "docker",
            why="there is no such command",
            hint="on Debian or Ubuntu run `sudo make engine` in a checkout, which installs docker.io and iptables by "
            "apt-get and starts the engine; elsewhere install Docker Engine by your system's package manager",
        )
    try:
        done = subprocess.run(
            ["docker", "version", "--format", "{{.Server.Version}}"],
            capture_output=True,
            text=True,
            timeout=ANSWER_S,
            check=False,
        )
        why = "" if done.returncode == 0 else (done.stderr.strip() or "it gives no reason").splitlines()[-1]
    except subprocess.TimeoutExpired:
        why = f"no answer within {ANSWER_S:.0f} s"
    if why:
        denied = "permission denied" in why
        raise MissingError(
            _STARTING,
            "the Docker engine",
            why=why,
            hint="run `sudo usermod -aG docker $USER` and log in again"
            if denied
            else "run `sudo make engine` in a checkout, or `sudo systemctl start docker`, or set DOCKER_HOST",
        )


def bacalhau() -> Path:
    """A `bacalhau` on PATH whose version fits, else the one that the checkout built.

    Raises:
        MissingError: There is neither.
    """
    found = [Path(path) for path in [shutil.which("bacalhau")] if path]
    built = _BUILT / "bacalhau"
    refused = []
    for path in (*found, built):
        if not path.is_file():
            continue
        version = version_of(path)
        if version[: len(BACALHAU)] == BACALHAU:
            return path.absolute()
        refused.append(f"{path} is {'.'.join(map(str, version)) or 'no Bacalhau that tells its version'}")
    wanted = ".".join(map(str, BACALHAU))
    raise MissingError(
        _STARTING,
        "bacalhau",
        why="; ".join(refused) + f", version {wanted} is needed" if refused else f"none on PATH, none at {built}",
        hint=_BUILD_HINT,
    )


def version_of(program: Path) -> tuple[int, ...]:
    """Version of a Bacalhau; empty when it does not tell."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {"BACALHAU_DIR": folder, "BACALHAU_UPDATECONFIG_INTERVAL": "0", "BACALHAU_DISABLEANALYTICS": "true"}
        try:
            done = subprocess.run(
                [program, "version", "--client", "--output", "json"],
                env=whole_environment(settings),
                capture_output=True,
                text=True,
                timeout=ANSWER_S,
                check=False,
            )
            told = json.loads(done.stdout.splitlines()[-1])["clientVersion"]["GitVersion"]
            return tuple(int(part) for part in told.removeprefix("v").split("-")[0].split("."))
        except (OSError, subprocess.TimeoutExpired, ValueError, LookupError):
            return ()


def _program(name: str) -> Path:
    built = _BUILT / name
    path = built if built.is_file() else shutil.which(name)
    if path is None:
        raise MissingError(_STARTING, name, why=f"none on PATH, none at {built}", hint=_BUILD_HINT)
    return Path(path).absolute()
