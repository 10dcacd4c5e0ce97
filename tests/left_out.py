"""Tests that need a Docker engine are left out where there is none: loudly, and not at all where they are required."""

from __future__ import annotations

import os

import pytest

from network import checks
from network.errors import MissingError

REQUIRED = "NETWORK_TESTS"

_LEFT_OUT = pytest.StashKey[tuple[int, MissingError]]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    needing = [item for item in items if item.get_closest_marker("network")]
    if not needing:
        return
    required = os.environ.get(REQUIRED, "")
    if required not in ("", "required"):
        raise pytest.UsageError(f"{REQUIRED}={required!r}: it is `required` or not set")
    try:
        checks.require_machine()
    except MissingError as missing:
        if required:
            raise pytest.UsageError(f"{missing}\nTry: {missing.hint}") from missing
        config.stash[_LEFT_OUT] = len(needing), missing
        for item in needing:
            item.add_marker(pytest.mark.skip(reason=str(missing)))


def pytest_unconfigure(config: pytest.Config) -> None:
    """After everything else that is printed."""
    terminalreporter = config.pluginmanager.get_plugin("terminalreporter")
    if terminalreporter is not None and (found := config.stash.get(_LEFT_OUT, None)):
        number, missing = found
        terminalreporter.section("LEFT OUT", sep="!", red=True, bold=True)
        terminalreporter.line(f"{number} tests on a real Bacalhau network were left out: {missing}")
        terminalreporter.line(f"Try: {missing.hint}")
