"""Images of projects on the engine of this machine: built, named, found by their label, and removed without a rest."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sensors.errors import SensorsError
from sensors.images.build import Built, build
from sensors.images.names import PROJECT_LABEL
from sensors.manager.compose_cli import find
from sensors.manager.engine import connected
from tests.harness.engine import ENDS_S, ROOT, docker

pytestmark = pytest.mark.network


def images(*words: str) -> set[str]:
    return set(docker("images", "--quiet", "--no-trunc", *words).stdout.split())


def labelled(project: str) -> set[str]:
    return images("--all", "--filter", f"label={PROJECT_LABEL}={project}")


def chain(ids: set[str]) -> set[str]:
    """The images, and all that lie below them."""
    found: set[str] = set()
    while ids := ids - found - {""}:
        found |= ids
        ids = set(docker("image", "inspect", "--format", "{{.Parent}}", *ids).stdout.split())
    return found


@pytest.fixture
def projects(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Two names that nobody else has; whatever carries them is removed at the end."""
    names = (f"{tmp_path.name}-{os.getpid()}-a", f"{tmp_path.name}-{os.getpid()}-b")
    yield names
    for name in names:
        if containers := docker("ps", "--all", "--quiet", "--filter", f"label={PROJECT_LABEL}={name}").stdout.split():
            docker("rm", "--force", *containers)
        with connected() as engine:
            engine.remove_images(name)


def make(checkout: Path, project: str, tag: str | None) -> Built:
    return build(
        checkout,
        project=project,
        tag=tag,
        registry="",
        organisation=project,
        environment=os.environ,
        say=lambda _: None,
    )


def test_projects_share_layers_and_each_is_removed_without_a_rest(checkout: Path, projects: tuple[str, str]) -> None:
    ours, theirs = projects
    first = make(checkout, ours, "v1")
    assert [each.news for each in first.images] == ["built", "built"]
    again = make(checkout, ours, "v2")
    assert [each.news for each in again.images] == ["unchanged", "unchanged"]
    other = make(checkout, theirs, None)
    docker("tag", first.images[1].name, f"{ours}/kept:v1")
    whole = chain(labelled(ours))
    assert len(labelled(ours)) == 4, "the classic builder leaves each image's first stage behind"

    try:
        with connected() as engine:
            removed = engine.remove_images(ours)
            assert engine.remove_images(ours) == []
        assert {each.name for each in (*first.images, *again.images)} <= set(removed)
        assert labelled(ours) == {first.images[1].id}, "a name that somebody else gave keeps the image"
        assert {each.id for each in other.images} <= images()
    finally:
        docker("rmi", f"{ours}/kept:v1")
    assert labelled(ours) == set()
    assert not whole & images("--filter", "dangling=true")
    run = docker("run", "--rm", "--network", "none", other.images[1].name, "--help")
    assert run.returncode == 0, run.stderr

    below = chain(labelled(theirs)) | whole
    with connected() as engine:
        engine.remove_images(theirs)
    assert not below & images("--filter", "dangling=true")
    assert {each.name for each in other.images}.isdisjoint(
        docker("images", "--format", "{{.Repository}}:{{.Tag}}").stdout.split()
    )


def test_an_image_that_a_container_uses_stays_and_is_told(checkout: Path, projects: tuple[str, str]) -> None:
    project, _ = projects
    processors, sensors = make(checkout, project, "v1").images
    docker("create", "--label", f"{PROJECT_LABEL}=", "--name", f"{project}-user", sensors.name)
    try:
        with connected() as engine, pytest.raises(SensorsError, match="is using its referenced image") as kept:
            engine.remove_images(project)
    finally:
        docker("rm", "--force", f"{project}-user")
    assert sensors.name in str(kept.value)
    assert processors.name not in str(kept.value)
    assert docker("image", "inspect", processors.name).returncode != 0


COMPOSE_FILE = """
services:
  says:
    image: {image}
    entrypoint: [python, -c, "print('hello from a service')"]
    network_mode: none
    labels: {{ {label}: {project} }}
"""


def test_compose_runs_a_project_and_tells_of_an_image_that_is_not_there(
    checkout: Path, projects: tuple[str, str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    project, _ = projects
    image = make(checkout, project, "v1").images[1].name
    compose = find(ROOT, os.environ)
    run = {"project": project, "cwd": tmp_path, "environment": os.environ}
    file = tmp_path / "docker-compose.yml"
    file.write_text(COMPOSE_FILE.format(image=image, label=PROJECT_LABEL, project=project), encoding="utf-8")
    try:
        compose.run(["up", "--detach", "--no-build"], file=file, **run)
        compose.run(["wait", "says"], file=file, **run)
        (service,) = map(json.loads, compose.run(["ps", "--all", "--format", "json"], file=None, **run).splitlines())
        assert (service["Service"], service["ExitCode"]) == ("says", 0)
        with connected() as engine:
            assert [each.service for each in engine.containers(project)] == ["says"]
        compose.follow(["logs"], **run)
        assert "hello from a service" in capfd.readouterr().out
        file.write_text(file.read_text(encoding="utf-8").replace(":v1", ":v0"), encoding="utf-8")
        with pytest.raises(SensorsError, match=r"cannot run `.*compose up`") as failed:
            compose.run(["up", "--detach", "--no-build", "--pull", "never"], file=file, **run)
        assert "sensors build" in failed.value.hint
    finally:
        subprocess.run(
            [*compose.command, "--project-name", project, "down"], check=True, capture_output=True, timeout=ENDS_S
        )
