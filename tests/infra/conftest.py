"""A copy of `infra/azure/` that a test may break."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bicep import outside
from bicep.check import check

ROOT = Path(__file__).parents[2]

Broken = Callable[[str, str, str], int]

CONTENT: dict[str, Any] = {"unparsed": {}, "passed": sorted(outside.EXPECTED), "failed": [], "skipped": []}
"""What pycep and checkov say of files that they find nothing in."""


def found(azure: Path, told: dict[str, Any] = CONTENT) -> list[str]:
    """All findings, with what pycep and checkov say."""
    return [finding.shown(azure) for finding in check(azure, lambda _: told)]


@pytest.fixture
def azure(tmp_path: Path) -> Path:
    """The folder in the copy, with what its files load beside it."""
    shutil.copytree(ROOT / "infra" / "azure", tmp_path / "infra" / "azure")
    (tmp_path / "processors" / "containers").mkdir(parents=True)
    shutil.copy(ROOT / "processors" / "containers" / "containers.json", tmp_path / "processors" / "containers")
    return tmp_path / "infra" / "azure"


@pytest.fixture
def broken(azure: Path) -> Broken:
    """Replaces a text, which is there once, in a file; the line that it is in."""

    def replace(file: str, old: str, new: str) -> int:
        path = azure / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} is in {file} {text.count(old)} times"
        path.write_text(text.replace(old, new), encoding="utf-8")
        return text.count("\n", 0, text.index(old)) + 1

    return replace
