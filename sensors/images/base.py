"""The image that ours are built on: pulled, or where no registry is reached made from Debian's packages."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from sensors.errors import EngineError, SensorsError
from sensors.images import docker_cli as docker

LOCAL = "bacalhau-cosmos-base:bookworm"
CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"
UNNEEDED = ("var/cache/apt", "var/lib/apt/lists", "var/log", "usr/share/man", "usr/share/locale", "usr/share/info")


def default_base(dockerfile: Path) -> str:
    """The one that a Dockerfile names when it is told of no other."""
    named = re.search(r"^ARG BASE_IMAGE=(\S+)$", dockerfile.read_text(encoding="utf-8"), re.MULTILINE)
    assert named is not None, f"{dockerfile} has no ARG BASE_IMAGE with a default"
    return named[1]


def choose(asked: str | None, default: str, say: Callable[[str], None]) -> str:
    """An image that the engine has now: the one asked for; else the default, the local one, or a new local one.

    Raises:
        SensorsError: The one asked for cannot be pulled, or a local one cannot be made.
        EngineError: The default cannot be pulled, and what makes a local one is not here.
    """
    if asked:
        if not docker.image_id(asked) and (why := docker.pull(asked)):
            raise SensorsError(
                "pull the base image",
                asked,
                why=why,
                hint="name one that can be reached with BASE_IMAGE, or leave it out",
            )
        return asked
    for known in (default, LOCAL):
        if docker.image_id(known):
            return known
    if why := docker.pull(default):
        _make(default, why, say)
        return LOCAL
    return default


def _make(default: str, pull_failed: str, say: Callable[[str], None]) -> None:
    root_here = hasattr(os, "geteuid") and os.geteuid() == 0
    if not root_here or shutil.which("debootstrap") is None:
        raise EngineError(
            "pull the base image",
            default,
            why=pull_failed,
            hint="make the registry reachable, name an image with Python 3.11 or later in BASE_IMAGE, or as root on "
            "Debian `apt-get install debootstrap`: then it is made from Debian's packages",
        )
    say(f"{default} cannot be pulled; making {LOCAL} (about a minute)")
    # Below /var, as /tmp may be mounted without devices, which debootstrap makes.
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="bacalhau-cosmos-base-") as folder:
        packages = "--include=python3,python3-venv,ca-certificates"
        _run(["debootstrap", "--variant=minbase", packages, "bookworm", folder])
        root = Path(folder)
        for name in UNNEEDED:
            shutil.rmtree(root / name, ignore_errors=True)
            (root / name).mkdir(parents=True)
        if Path("/", CERTIFICATES).is_file():
            shutil.copyfile(Path("/", CERTIFICATES), root / CERTIFICATES)
        archive = root.with_suffix(".tar")
        try:
            _run(["tar", "--create", "--numeric-owner", "--directory", folder, "--file", str(archive), "."])
            _run(["docker", "import", str(archive), LOCAL])
        finally:
            archive.unlink(missing_ok=True)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise SensorsError(
            "make the base image",
            " ".join(command),
            why=docker.last_line(done.stdout) or f"exit code {done.returncode}",
            hint="a mirror of Debian has to be reachable; or name an image in BASE_IMAGE",
        )
