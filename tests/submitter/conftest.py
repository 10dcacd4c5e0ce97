"""The command line on a folder of its own, against a database of its own."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from processors.cosmos import Account
from submitter.cli import app

Cli = Callable[..., Result]
Write = Callable[..., Path]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, without settings of the machine's."""
    for name in [name for name in os.environ if name.upper().startswith("COSMOS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def connected(home: Path, account: Account, monkeypatch: pytest.MonkeyPatch) -> Account:  # noqa: ARG001 - it clears first
    """The settings name this account, with all its containers."""
    monkeypatch.setenv("COSMOS_ENDPOINT", account.endpoint)
    monkeypatch.setenv("COSMOS_DATABASE", account.database)
    return account


@pytest.fixture
def cli(home: Path) -> Cli:  # noqa: ARG001 - it is where the command runs
    """Runs the command line in this process."""
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


@pytest.fixture
def script() -> str:
    """The installed console script."""
    return str(Path(sys.executable).with_name("bacalhau-cosmos"))


@pytest.fixture
def write(home: Path) -> Write:
    """Writes a sensor's database; a row is a mapping of columns, its id and time are given."""

    def write(city: str, sensor: str, *rows: Mapping[str, Any]) -> Path:
        path = home / "data" / city / sensor / "sensor_data.db"
        path.parent.mkdir(parents=True)
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(
                "CREATE TABLE sensor_readings (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TEXT, "
                "sensor_id TEXT, temperature REAL, location TEXT)"
            )
            for second, row in enumerate(rows):
                values = {
                    "timestamp": f"2026-11-20T10:{second // 60:02}:{second % 60:02}Z",
                    "sensor_id": sensor,
                    "temperature": 20.0 + second / 8,
                    "location": "Wärme, 1",
                    **row,
                }
                names = ", ".join(values)
                marks = ", ".join("?" * len(values))
                connection.execute(f"INSERT INTO sensor_readings ({names}) VALUES ({marks})", list(values.values()))
        return path

    return write
