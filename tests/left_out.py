"""Tests that need more than Python are left out where the machine lacks it: loudly, and never where required."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from network import checks
from network.errors import MissingError

REQUIRED = "NETWORK_TESTS"

_LEFT_OUT = pytest.StashKey[list[tuple[int, str, MissingError]]]()


def _require_root() -> None:
    if os.geteuid() != 0:
        raise MissingError("mount small disks and limit memory", "root", hint="run the tests as root, on Linux")


_NEEDS: dict[str, tuple[str, Callable[[], object]]] = {
    "network": ("on a real Bacalhau network", checks.require_machine),
    "root": ("with faults of disk and memory", _require_root),
}
"""Marker -> what the tests are, and what raises when the machine has not what they need."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if "emulator" in getattr(item, "fixturenames", ()):
            item.add_marker("emulator")
    required = os.environ.get(REQUIRED, "")
    if required not in ("", "required"):
        raise pytest.UsageError(f"{REQUIRED}={required!r}: it is `required` or not set")
    config.stash[_LEFT_OUT] = []
    for marker, (kind, require) in _NEEDS.items():
        needing = [item for item in items if item.get_closest_marker(marker)]
        if not needing:
            continue
        try:
            require()
        except MissingError as missing:
            if required:
                raise pytest.UsageError(f"{missing}\nTry: {missing.hint}") from missing
            config.stash[_LEFT_OUT].append((len(needing), kind, missing))
            for item in needing:
                item.add_marker(pytest.mark.skip(reason=str(missing)))


def pytest_unconfigure(config: pytest.Config) -> None:
    """After everything else that is printed."""
    terminalreporter = config.pluginmanager.get_plugin("terminalreporter")
    found = config.stash.get(_LEFT_OUT, [])
    if terminalreporter is None or not found:
        return
    terminalreporter.section("LEFT OUT", sep="!", red=True, bold=True)
    for number, kind, missing in found:
        terminalreporter.line(f"{number} tests {kind} were left out: {missing}")
        terminalreporter.line(f"Try: {missing.hint}")
