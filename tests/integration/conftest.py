"""A network of two cities with two nodes each for the session, with the images of this checkout."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from network import record
from tests.harness.fleet import ENDS_S, ROOT, Fleet

BUILD_S = 900.0
CITIES = ("denver", "chicago")


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """The network, its images pushed."""
    fleet = Fleet(tmp_path_factory.mktemp("fleet") / ".network", "")
    cities = [word for city in CITIES for word in ("--city", city)]
    folder = ("--folder", str(fleet.folder))
    try:
        fleet.command("network", "up", *cities, "--nodes", "2", *folder)
        built = subprocess.run(
            [sys.executable, ROOT / "tools" / "images.py", *folder],
            capture_output=True,
            text=True,
            timeout=BUILD_S,
            check=False,
        )
        assert built.returncode == 0, built.stderr[-5000:]
        yield fleet
    finally:
        up_still = record.running(fleet.folder)
        subprocess.run([_command(), "network", "down", *folder], timeout=ENDS_S, check=True, capture_output=True)
        if up_still is not None:
            _forget_images(up_still.image_registry)


@pytest.fixture
def fleet(up: Fleet) -> Fleet:
    """The network without jobs, data and documents, and with all of its nodes."""
    for each in up.record.nodes:
        if not up.record.program(each.name).alive:
            up.bring_back(each.name)
    up.clear()
    return up


def _forget_images(registry: str) -> None:
    """Those of a registry that has ended; layers that others use stay."""
    show = ["docker", "images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", f"reference={registry}/*/*"]
    if names := subprocess.run(show, check=True, capture_output=True, text=True).stdout.split():
        subprocess.run(["docker", "rmi", "--force", *names], check=True, capture_output=True)


def _command() -> Path:
    return Path(sys.executable).with_name("bacalhau-cosmos")
