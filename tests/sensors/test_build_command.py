"""`sensors build`, with a stand-in for `docker` that does as it is told."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sensors.manager import state
from sensors.manager.project import places_of
from submitter.cli import app
from tests.harness.images import ON_UNIX, Docker, stand_in

pytestmark = ON_UNIX

Run = Callable[..., Result]


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    fake = stand_in(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(fake.folder), prepend=os.pathsep)
    return fake


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    (folder / "config").mkdir(parents=True)
    (folder / "config" / "cities.txt").write_text("Amsterdam\n")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DOCKER_ORG", "team")
    monkeypatch.delenv("DOCKER_REGISTRY", raising=False)
    return folder


@pytest.fixture
def run(project: Path) -> Run:  # noqa: ARG001 - the working folder
    return lambda *words: CliRunner().invoke(app, ["sensors", "build", *words])


def test_both_names_are_printed_and_remembered(docker: Docker, run: Run, project: Path) -> None:
    done = run()
    assert done.exit_code == 0, done.output
    printed = json.loads(done.stdout)
    assert re.fullmatch(r"v20\d{12}", printed["tag"])
    names = {each["image"]: each["name"] for each in printed["images"]}
    assert names == {each: f"team/bacalhau-cosmos/{each}:{printed['tag']}" for each in ("processors", "sensors")}
    assert state.read(places_of(project)).images == names
    assert state.read(places_of(project)).doing is None
    assert "is built" in done.stderr
    labels = {word for words in docker.calls("build") for word in words if word.startswith("--build-arg=PROJECT=")}
    assert len(labels) == 1
    assert labels != {"--build-arg=PROJECT="}


@pytest.mark.usefixtures("docker")
def test_a_table_has_both_names_and_what_was_done(run: Run) -> None:
    lines = [line.split() for line in run("--tag", "v1", "--output", "table").stdout.splitlines()]
    assert lines[0] == ["image", "name", "news"]
    assert lines[1:] == [[each, f"team/bacalhau-cosmos/{each}:v1", "built"] for each in ("processors", "sensors")]


@pytest.mark.usefixtures("docker")
def test_no_tag_names_each_by_version_and_content(run: Run) -> None:
    printed = json.loads(run("--no-tag").stdout)
    assert printed["tag"] is None
    assert all(re.search(r":0\.\d+\.\d+-[0-9a-f]{12}$", each["name"]) for each in printed["images"])


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--tag", "v1", "--no-tag"], "they contradict each other"),
        (["--tag", "latest"], "this tag moves from build to build"),
        (["--tag", ""], "Docker takes letters"),
    ],
)
def test_tags_that_make_no_sense_are_refused_before_docker_is_called(
    docker: Docker, run: Run, project: Path, words: list[str], why: str
) -> None:
    done = run(*words)
    assert done.exit_code == 2
    assert why in done.stderr
    assert "Try: " in done.stderr
    assert (docker.folder / "calls").read_text() == ""
    assert not (project / ".sensors").exists()


def test_a_failed_build_shows_its_last_lines_and_the_next_command_says_so(docker: Docker, run: Run) -> None:
    docker.set(fails={"build": "Step 1\nE: no space left on device"})
    failed = run()
    assert failed.exit_code == 1
    assert failed.stdout == ""
    assert "Step 1\nE: no space left on device\nTry: " in failed.stderr
    docker.set(fails={})
    again = run()
    assert again.exit_code == 0
    assert "did not end: build the images" in again.stderr
