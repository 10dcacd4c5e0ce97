"""Nothing set but what a test sets; a file of settings, and the problems it is told."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from processors.errors import SettingsError
from processors.settings import FILE, PREFIX, load

SECRET = "c2VjcmV0-do-not-show"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def put(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(PREFIX + name.upper(), value)

    return put


def file(text: str, path: Path = FILE) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def problems(flags: dict[str, Any] | None = None, **more: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        load(flags or {}, **more)
    assert caught.value.exit_code == 2
    assert SECRET not in str(caught.value) + repr(caught.value) + caught.value.hint
    return str(caught.value)
