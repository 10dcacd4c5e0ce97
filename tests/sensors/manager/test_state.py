"""What a project remembers, one command at a time, and what an interrupted one leaves behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sensors.errors import BusyError, SensorsError
from sensors.manager import state
from sensors.manager.project import Places, default_name, places_of
from sensors.manager.state import Known

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ROOT = Path(__file__).parents[3]

HOLDER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from sensors.manager import state
from sensors.manager.project import places_of
with state.changing(places_of(Path(sys.argv[1])), "start", lambda: datetime.now(UTC)) as step:
    step("build the images")
    print("ready", flush=True)
    sys.stdin.read()
"""


def noon() -> datetime:
    return NOON


def test_a_new_folder_remembers_nothing(places: Places) -> None:
    assert state.read(places) == Known()


def test_what_is_remembered_comes_back(places: Places) -> None:
    state.remember(places, project="weather")
    state.remember(places, images={"sensors": "a:v1", "processors": "b:v1"})
    assert state.read(places) == Known("weather", {"sensors": "a:v1", "processors": "b:v1"})


def test_forgetting_keeps_the_images(places: Places) -> None:
    state.remember(places, project="weather", images={"sensors": "a:v1", "processors": "b:v1"})
    places.old_project.write_text("weather\n", encoding="utf-8")
    state.forget(places)
    assert state.read(places) == Known(None, {"sensors": "a:v1", "processors": "b:v1"})
    assert not places.old_project.exists()


def test_a_project_of_the_old_script_is_known(places: Places) -> None:
    places.old_project.write_text("cosmos-sensors-20250101120000\n", encoding="utf-8")
    assert state.read(places).project == "cosmos-sensors-20250101120000"


def test_a_copied_folder_is_a_project_of_its_own_and_a_moved_one_is_the_same(tmp_path: Path) -> None:
    original = places_of(tmp_path / "original")
    original.root.mkdir()
    state.remember(original, project="weather", images={"sensors": "a:v1", "processors": "b:v1"})
    copied = places_of(Path(shutil.copytree(original.root, tmp_path / "copied")))
    assert state.read(copied) == Known(None, {"sensors": "a:v1", "processors": "b:v1"})
    moved = places_of(original.root.rename(tmp_path / "moved"))
    assert state.read(moved).project == "weather"


def test_a_command_that_ends_well_leaves_no_step(places: Places) -> None:
    with state.changing(places, "start", noon) as step:
        step("build the images")
        doing = state.read(places).doing
        assert doing is not None
        assert (doing.command, doing.step, doing.since, doing.pid) == ("start", "build the images", NOON, os.getpid())
    assert state.read(places).doing is None


def test_a_command_that_fails_leaves_its_last_step(places: Places) -> None:
    def failing() -> None:
        with state.changing(places, "start", noon) as step:
            step("write the file")
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        failing()
    doing = state.read(places).doing
    assert str(doing) == "`start` of 2026-11-23 12:00:00 UTC did not end: write the file"
    with state.changing(places, "stop", noon):
        pass
    assert state.read(places).doing is None


@pytest.mark.parametrize(
    ("command", "after", "stays"),
    [("clean", "build", True), ("clean", "clean", False), ("start", "build", True), ("start", "stop", False)],
)
def test_what_did_not_end_is_told_until_it_is_made_good(places: Places, command: str, after: str, stays: bool) -> None:
    def failing() -> None:
        with state.changing(places, command, noon) as step:
            step("half of it")
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        failing()
    with state.changing(places, after, noon) as step:
        step("all of it")
    doing = state.read(places).doing
    assert (doing is not None) is stays
    assert doing is None or doing.command == command


@pytest.mark.skipif(os.name == "nt", reason="folders there have no such bits")
def test_a_full_or_read_only_disk_is_told(places: Places) -> None:
    state.remember(places, project="weather")
    (places.own / "state.json.new").mkdir()
    with pytest.raises(SensorsError, match="cannot change the project"):
        state.remember(places, project="other")
    with pytest.raises(SensorsError, match="cannot change the project"):
        state.forget(places)


def test_a_command_that_is_refused_before_its_first_step_leaves_none(places: Places) -> None:
    with pytest.raises(ValueError, match="wrong"), state.changing(places, "start", noon):
        raise ValueError("wrong")
    assert state.read(places).doing is None


@pytest.mark.skipif(sys.platform == "win32", reason="a process there has no SIGKILL")
def test_a_second_command_is_told_who_is_at_work_and_a_killed_one_frees_the_project(places: Places) -> None:
    command = [sys.executable, "-c", HOLDER, str(places.root)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "ready\n"
        who = rf"`start` of process {holder.pid} \(build the images\)"
        with pytest.raises(BusyError, match=who) as refused, state.changing(places, "stop", noon):
            pass
        assert "wait" in refused.value.hint
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    left = state.read(places).doing
    assert left is not None
    assert (left.command, left.step) == ("start", "build the images")
    with state.changing(places, "stop", noon):
        pass


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schemaVersion": 2}', json.dumps({"schemaVersion": 1})])
def test_a_damaged_file_is_told_with_a_way_out(places: Places, text: str) -> None:
    places.own.mkdir()
    (places.own / "state.json").write_text(text, encoding="utf-8")
    with pytest.raises(SensorsError, match=r"state\.json") as refused:
        state.read(places)
    assert "--project-name" in refused.value.hint


def test_a_folder_that_cannot_be_written_is_told(places: Places) -> None:
    places.own.write_text("a file is in the way", encoding="utf-8")
    with pytest.raises(SensorsError, match="cannot change the project"), state.changing(places, "start", noon):
        pass


def test_folders_have_names_of_their_own(tmp_path: Path) -> None:
    one, two = default_name(tmp_path / "one"), default_name(tmp_path / "two")
    assert one != two
    assert one == default_name(tmp_path / "one")
