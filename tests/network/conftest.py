"""State folders of their own, and the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from network.layout import Layout, layout_of
from submitter.cli import app

Cli = Callable[..., Result]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A state folder that is not there yet."""
    return layout_of(tmp_path / "net work")


@pytest.fixture
def cli() -> Cli:
    """Runs `network ...` in this process."""
    return lambda *arguments: CliRunner().invoke(app, ["network", *map(str, arguments)])
