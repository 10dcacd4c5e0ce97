"""Tests that take the machine for themselves are known by their places: two workers must not run them at once."""

from __future__ import annotations

from pathlib import Path

from tests.workers import MACHINE

ROOT = Path(__file__).parents[2]


def test_all_that_needs_the_network_is_in_one_worker() -> None:
    found = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tests").rglob("test_*.py")
        if f"mark.{'network'}" in path.read_text(encoding="utf-8")
    }
    assert found
    assert not {file for file in found if not file.startswith(MACHINE)}
