"""Tests on all cores (`pytest -n auto`): a worker has a file's tests, one has all that take the machine for themselves.

Without pytest-xdist, or without `-n`, nothing of this matters.
"""

from __future__ import annotations

from typing import Any

import pytest

MACHINE = (
    "tests/contract/test_specs.py",
    "tests/integration/",
    "tests/network/",
    "tests/sensors/test_docs_commands.py",
    "tests/throttling/",
)
"""A network with images and ports, and rates by the clock: one after another. They take longest, so they begin."""

LONG = ("tests/chaos/", "tests/offline/", "tests/fuzz/")
"""Begin next, lest one worker is still at them when all others have ended."""


def scope(nodeid: str) -> str:
    """What is not divided among workers."""
    return "the machine" if nodeid.startswith(MACHINE) else nodeid.partition("::")[0]


def _rank(item: pytest.Item) -> int:
    if item.nodeid.startswith(MACHINE):
        return 0
    return 1 if item.nodeid.startswith(LONG) else 2


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        items.sort(key=_rank)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 - where it is not installed, this is not called

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return scope(nodeid)

    config.option.loadscopereorder = False
    return ByFile(config, log)
