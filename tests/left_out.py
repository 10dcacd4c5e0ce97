"""Tests that need more than Python are left out where the machine lacks it: loudly, and never where required."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from network import checks
from network.errors import MissingError

REQUIRED = "NETWORK_TESTS"

_LEFT_OUT = pytest.StashKey[list[tuple[str, str]]]()
"""What was left out and why, and what to try."""

_TOLD = "left_out"
"""Under which a worker of pytest-xdist, which prints nothing itself, tells the process that does."""


def _require_root() -> None:
    if os.geteuid() != 0:
        raise MissingError("mount small disks and limit memory", "root", hint="run the tests as root, on Linux")


_NEEDS: dict[str, tuple[str, Callable[[], object]]] = {
    "network": ("on a real Bacalhau network", checks.require_machine),
    "root": ("with faults of disk and memory", _require_root),
}
"""Marker -> what the tests are, and what raises when the machine has not what they need."""


def pytest_configure(config: pytest.Config) -> None:
    required = os.environ.get(REQUIRED, "")
    if required not in ("", "required"):
        raise pytest.UsageError(f"{REQUIRED}={required!r}: it is `required` or not set")
    config.stash[_LEFT_OUT] = []
    if required and getattr(config.option, "numprocesses", None):
        # A worker has no way to end the run with this; and which tests there are is known to workers alone.
        for _, require in _NEEDS.values():
            _refusing(require)


def _refusing(require: Callable[[], object]) -> None:
    try:
        require()
    except MissingError as missing:
        raise pytest.UsageError(f"{missing}\nTry: {missing.hint}") from missing


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if "emulator" in getattr(item, "fixturenames", ()):
            item.add_marker("emulator")
    for marker, (kind, require) in _NEEDS.items():
        needing = [item for item in items if item.get_closest_marker(marker)]
        if not needing:
            continue
        if os.environ.get(REQUIRED):
            _refusing(require)
            continue
        try:
            require()
        except MissingError as missing:
            config.stash[_LEFT_OUT].append((f"{len(needing)} tests {kind} were left out: {missing}", missing.hint))
            for item in needing:
                item.add_marker(pytest.mark.skip(reason=str(missing)))


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[_TOLD] = session.config.stash[_LEFT_OUT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker has ended: each collects all tests, and so all say the same."""
    told = getattr(node, "workeroutput", {}).get(_TOLD)
    if told:
        node.config.stash[_LEFT_OUT] = [(what, hint) for what, hint in told]


def pytest_unconfigure(config: pytest.Config) -> None:
    """After everything else that is printed."""
    terminalreporter = config.pluginmanager.get_plugin("terminalreporter")
    found = config.stash.get(_LEFT_OUT, [])
    if terminalreporter is None or not found:
        return
    terminalreporter.section("LEFT OUT", sep="!", red=True, bold=True)
    for what, hint in found:
        terminalreporter.line(what)
        terminalreporter.line(f"Try: {hint}")
