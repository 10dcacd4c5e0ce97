"""A database that another process has locked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from processors.errors import SourceError
from processors.model import BEFORE_FIRST
from tests.harness.writers import ROW, build, opened, traces


@pytest.mark.parametrize(
    "statements",
    [
        ("BEGIN EXCLUSIVE",),
        ("PRAGMA journal_mode=WAL", "PRAGMA locking_mode=EXCLUSIVE", ROW),
    ],
)
def test_a_locked_database_may_be_free_later(home: Path, writer: Any, statements: tuple[str, ...]) -> None:
    path = build(home / "s.db", 1, "DELETE")
    child = writer(path)
    child.run(*statements)
    before = traces(home)
    with pytest.raises(SourceError, match="locked") as caught, opened(path):
        pass
    assert caught.value.retryable
    assert traces(home) == before
    child.kill()
    with opened(path) as source:
        assert source.page(BEFORE_FIRST, 1)["id"].to_list() == [1]


def test_a_lock_that_is_let_go_in_time_is_waited_for(home: Path, writer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = build(home / "s.db", 1, "DELETE")
    child = writer(path)
    child.run("BEGIN EXCLUSIVE", ROW)
    monkeypatch.setattr("time.sleep", lambda _: child.run("COMMIT"))
    with opened(path, busy_s=60) as source:
        assert source.page(BEFORE_FIRST, 10)["id"].to_list() == [1, 2]
