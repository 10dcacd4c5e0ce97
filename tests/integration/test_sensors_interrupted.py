"""The sensor manager when something goes wrong on a real engine: killed in the middle, containers that are not well."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.engine import docker
from tests.harness.manager import WRAPPER, Manager, labelled, until

pytestmark = pytest.mark.network

SOON_S = 120.0


@pytest.fixture(scope="module")
def name() -> str:
    return f"test-interrupted-{os.getpid()}"


@pytest.fixture(scope="module")
def built(emulator: str, name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    """A project of one sensor, whose images are there."""
    manager = Manager(tmp_path_factory.mktemp("small"))
    manager.configure(emulator, name, ["Oslo", "Lima"])
    manager.variables |= {"SENSORS_PER_CITY": "1", "MAX_CITIES": "1", "UPLOAD_INTERVAL": "5"}
    (manager.folder / "sensors.yaml").write_text(
        f"schema_version: 1\nproject: {name}\ncities: [{{name: Oslo}}, {{name: Lima}}]\n", encoding="utf-8"
    )
    try:
        manager.run("build", "--tag", "v1")
        yield manager
    finally:
        manager.run("cleanup", "--project-name", name, "--yes")


def test_images_have_the_tag_that_was_asked_for_and_never_latest(built: Manager) -> None:
    shown = built.json("build", "--tag", "v2", "--output", "json")
    assert [each["name"] for each in shown["images"]] == [
        "bacalhau-cosmos/processors:v2",
        "bacalhau-cosmos/sensors:v2",
    ]
    by_content = built.json("build", "--no-tag", "--output", "json")["images"]
    assert not any(each["name"].endswith((":latest", ":v2")) for each in by_content)
    refused = built.run("build", "--tag", "latest", check=False)
    assert refused.returncode == 2
    assert "latest" in refused.stderr
    built.run("compose", "--uploader-tag", "v1")
    assert "bacalhau-cosmos/sensors:v1" in (built.folder / "docker-compose.yml").read_text(encoding="utf-8")


def test_a_start_that_was_killed_is_told_and_made_good(built: Manager, name: str) -> None:
    state = built.folder / ".sensors" / "state.json"

    def starting() -> bool:
        doing = json.loads(state.read_text(encoding="utf-8"))["doing"]
        return doing is not None and doing["step"].startswith("start 2 containers")

    command = [WRAPPER, "start", "--no-rebuild", "--no-diagnostics", "--project-name", name, "--max-cities", "1"]
    with subprocess.Popen(
        [*command, "--uploader-tag", "v1"],
        cwd=built.folder,
        env=built.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            until(starting, SOON_S, "containers being started")
            busy = built.run("stop", "--no-prompt", check=False)
            assert busy.returncode == 1
            assert f"`start` of process {process.pid}" in busy.stderr
        finally:
            os.killpg(process.pid, signal.SIGKILL)
    shown = built.run("monitor", "--once")
    assert "OSL_SENSOR001" in shown.stdout
    (built.folder / "elsewhere").mkdir()
    where = ("--output", "elsewhere/made.yml")
    done = built.run("start", "--no-rebuild", "--no-diagnostics", "--uploader-tag", "v1", *where)
    assert "did not end: start 2 containers" in done.stderr
    assert "makes it good" in done.stderr
    states = docker("inspect", "--format", "{{.State.Health.Status}}", *labelled(name)["containers"]).stdout.split()
    assert states == ["healthy", "healthy"]
    assert json.loads(state.read_text(encoding="utf-8"))["doing"] is None
    assert (built.folder / "data" / "oslo" / "1" / "sensor_data.db").is_file(), "wherever the Compose file is"


def test_a_copy_of_the_folder_does_not_touch_what_the_first_one_runs(built: Manager, name: str, tmp_path: Path) -> None:
    copy = Manager(Path(shutil.copytree(built.folder, tmp_path / "copy")), built.variables)
    for words in (("stop", "--no-prompt"), ("cleanup", "--yes"), ("start", "--no-rebuild", "--tag", "v1")):
        refused = copy.run(*words, check=False)
        assert refused.returncode == 2
        assert f"containers of this name were started from {built.folder}" in refused.stderr
    assert len(labelled(name)["containers"]) == 2


def test_local_data_stays_while_containers_run(built: Manager, name: str) -> None:
    """Also where the project's name was lost."""
    (built.folder / ".sensors" / "state.json").unlink()
    refused = built.run("clean", "--local", "--yes", check=False)
    assert refused.returncode == 2
    assert "of its containers run" in refused.stderr
    assert (built.folder / "data" / "oslo" / "1" / "sensor_data.db").is_file()
    assert len(labelled(name)["containers"]) == 2


def test_a_container_that_is_not_well_ends_start_with_its_last_lines(built: Manager, name: str) -> None:
    built.run("stop", "--no-prompt")
    (built.folder / "data" / "lima" / "1" / "sensor_data.db").mkdir(parents=True)
    failed = built.run("start", "--no-rebuild", "--max-cities", "2", "--tag", "v1", check=False)
    assert failed.returncode == 1
    assert "sensor-lima-1: " in failed.stderr
    assert "its last lines:\n  | Error: cannot write readings" in failed.stderr
    done = built.run("stop", "--no-prompt")
    assert "`start` of" in done.stderr
    assert not labelled(name)["containers"]


def test_images_that_are_not_there_are_told_before_anything_runs(built: Manager, name: str) -> None:
    refused = built.run("start", "--no-rebuild", "--tag", "v9", check=False)
    assert refused.returncode == 2
    assert "there is no such image here" in refused.stderr
    assert not labelled(name)["containers"]


def test_diagnostics_of_a_project_that_does_not_run(built: Manager) -> None:
    done = built.run("diagnostics", "--output", "table", check=False)
    assert "Next steps" in done.stdout
    assert "sensors start" in done.stdout
