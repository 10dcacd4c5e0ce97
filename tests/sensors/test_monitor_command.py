"""`sensors monitor` without an engine and without uploads; tests/submitter/test_sensors_look.py has the latter."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sensors.layout import FILE_NAME
from sensors.simulator import Faults, Plan, backfill, fleet_of
from submitter.commands.sensors import app
from tests.harness import databases
from tests.harness.databases import readings
from tests.harness.folders import Folders

ROOT = Path(__file__).parents[2]
ENDS_S = 120.0


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    """Two sensors planned for Denver, whose working folder this is; no engine answers."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")  # of a socket that is not there Docker's library leaks
    for name in ("NO_COLOR", "NO_COLORS", "MAX_CITIES", "COSMOS_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SENSORS_PER_CITY", "2")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "cities.txt").write_text("Denver\n")
    return Folders(tmp_path)


def write(node: Folders, *, rows: int = 40, sensor: str = "1", folder: str = "denver") -> Path:
    """A database as a sensor writes it, up to now."""
    (made,) = fleet_of("Denver", 1, 7, "")
    end = datetime.now(UTC)
    plan = Plan(end - timedelta(seconds=rows), end, 1.0, 0.0, Faults.parse(["bad_timestamp=2"]))
    path = backfill(node.root / "made", made, plan, recreate=True).path
    place = node.data / folder / sensor / FILE_NAME
    place.parent.mkdir(parents=True, exist_ok=True)
    return path.rename(place)


def monitor(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["monitor", *arguments])


def told() -> dict[str, Any]:
    result = monitor("--once", "--output", "json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_without_an_engine_status_is_not_known_and_one_line_says_why(project: Folders) -> None:
    write(project)
    result = monitor("--once")
    assert result.exit_code == 0
    notes = [line for line in result.stderr.splitlines() if "status is not known" in line]
    assert len(notes) == 1
    assert "Docker" in notes[0]
    assert "DEN_SENSOR001" in result.stdout
    assert "STOPPED" not in result.stdout
    (reason,) = told()["unknown"]
    assert "status is not known" in reason


def test_a_sensor_that_is_planned_and_not_there(project: Folders) -> None:
    sensors = told()["sensors"]
    assert [(each["sensorId"], each["database"]) for each in sensors] == [
        ("DEN_SENSOR001", None),
        ("DEN_SENSOR002", None),
    ]
    assert not project.data.exists()


def test_a_database_that_nobody_planned_is_marked(project: Folders) -> None:
    write(project, folder="oslo", sensor="x\x1b[2J")
    result = monitor("--once")
    assert "\x1b" not in result.output
    assert [(each["folder"], each["planned"]) for each in told()["sensors"]][-1] == ("oslo", False)
    assert "* is not in the configuration" in result.stderr


def test_a_database_that_cannot_be_read_does_not_hide_the_others(project: Folders) -> None:
    write(project).with_name("sensor_data.db").write_bytes(b"")
    write(project, sensor="2")
    result = monitor("--once")
    assert result.exit_code == 0
    assert "unreadable" in result.stdout
    assert "it is empty" in result.stderr
    assert told()["totals"]["rows"] == 40


def test_without_a_configuration_databases_are_shown(project: Folders) -> None:
    write(project)
    (project.root / "config" / "cities.txt").unlink()
    result = monitor("--once")
    assert result.exit_code == 0
    assert "denver" in result.stdout
    assert "configuration" in result.stderr


def test_a_look_writes_nothing(project: Folders) -> None:
    path = write(project)
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        with writer:
            databases.insert(writer, readings(5))
        before = {each: each.stat().st_mtime_ns for each in project.root.rglob("*") if not each.name.endswith("-shm")}
        told()
        after = {each: each.stat().st_mtime_ns for each in project.root.rglob("*") if not each.name.endswith("-shm")}
    assert after == before


def test_json_and_a_pipe_are_one_look(project: Folders) -> None:
    write(project)
    assert json.loads(monitor("--output", "json").stdout)["schemaVersion"] == 1
    assert monitor().stdout.count("DEN_SENSOR001") == 1


pty = pytest.importorskip("pty", reason="terminals of their own are Unix's") if os.name != "nt" else None


def on_a_terminal(arguments: list[str], **environment: str) -> tuple[str, int]:
    """What the command writes on a terminal, and its exit code; Ctrl-C once it has drawn a sensor."""
    assert pty is not None
    controller, terminal = pty.openpty()
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from submitter.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, "sensors", "monitor", *arguments],
        stdin=terminal,
        stdout=terminal,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "200", "LINES": "40", **environment},
    ) as process:
        os.close(terminal)
        hung = threading.Timer(ENDS_S, process.kill)
        hung.start()
        text, ended = b"", False
        try:
            while part := os.read(controller, 65_536):
                text += part
                if not ended and b"\x1b[?1049h" in text and b"DEN_SENSOR002" in text:
                    ended = True
                    process.send_signal(signal.SIGINT)
        except OSError:  # Linux's way to say that nobody has the terminal open any more
            pass
        finally:
            hung.cancel()
            os.close(controller)
    return text.decode(), process.returncode


def test_on_a_terminal_it_is_live_until_ctrl_c(project: Folders) -> None:
    write(project)
    text, code = on_a_terminal([])
    assert code == 0
    assert "Ctrl-C ends" in text
    assert "\x1b[?1049l" in text, "the terminal is left on the other screen"


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["--plain"], {}),
        (["--once"], {}),
        ([], {"NO_COLOR": "1"}),
        ([], {"NO_COLORS": "1"}),
        ([], {"TERM": "dumb"}),
    ],
)
def test_a_plain_table_has_no_colours_and_moves_no_cursor(
    project: Folders, arguments: list[str], environment: dict[str, str]
) -> None:
    write(project)
    text, code = on_a_terminal(arguments, **environment)
    assert code == 0
    assert "DEN_SENSOR001" in text
    assert "\x1b" not in text
