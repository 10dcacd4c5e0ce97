"""A Cosmos emulator for the session, and a database of its own for each test that asks."""

from __future__ import annotations

import gc
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from processors.containers import making
from processors.cosmos import Account
from tests.harness.emulator import serving
from tests.harness.strict import StrictCosmos

pytest_plugins = ["tests.left_out", "tests.workers"]

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="session", autouse=True)
def _nothing_leaks() -> Iterator[None]:
    """What is left at the end is collected while a leak is still an error: after it, a worker's is not heard."""
    yield
    gc.collect()


@pytest.fixture(scope="session")
def emulator() -> Iterator[str]:
    """Endpoint of an emulator that answers."""
    with serving() as endpoint:
        yield endpoint


@pytest.fixture
def account(emulator: str) -> Account:
    """A new database with all its containers, empty."""
    fresh = Account(emulator, "", f"test-{uuid.uuid4().hex[:12]}")
    making.create(fresh)
    return fresh


@pytest.fixture
def strict(account: Account) -> Iterator[StrictCosmos]:
    """A strict service before the emulator that records requests and fails as planned; `.account` leads to it."""
    with StrictCosmos(account) as strict:
        yield strict


@pytest.fixture(scope="session")
def golden() -> Callable[[str, str], None]:
    """Compares with a file of tests/golden; UPDATE_GOLDEN=1 writes it instead."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if os.environ.get("UPDATE_GOLDEN") == "1":
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), f"{path} is missing: UPDATE_GOLDEN=1 writes it"
        assert text == path.read_text(encoding="utf-8")

    return check
