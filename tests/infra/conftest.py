"""A copy of `infra/azure/` that a test may break."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def azure(tmp_path: Path) -> Path:
    """The folder in the copy, with what its files load beside it."""
    shutil.copytree(ROOT / "infra" / "azure", tmp_path / "infra" / "azure")
    (tmp_path / "processors" / "containers").mkdir(parents=True)
    shutil.copy(ROOT / "processors" / "containers" / "containers.json", tmp_path / "processors" / "containers")
    return tmp_path / "infra" / "azure"


@pytest.fixture
def broken(azure: Path) -> Callable[[str, str, str], int]:
    """Replaces a text, which is there once, in a file; the line that it is in."""

    def replace(file: str, old: str, new: str) -> int:
        path = azure / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} is in {file} {text.count(old)} times"
        path.write_text(text.replace(old, new), encoding="utf-8")
        return text.count("\n", 0, text.index(old)) + 1

    return replace
