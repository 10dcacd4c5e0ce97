"""Both images for the manager, without a Docker engine: `docker` is a stand-in that does as it is told."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from sensors.errors import EngineError, RequestError, SensorsError
from sensors.images.build import Built, build, find_checkout
from sensors.images.context import IMAGES
from sensors.images.names import PROJECT_LABEL
from tests.harness.images import Docker, stand_in

ROOT = Path(__file__).parents[3]
Build = Callable[..., Built]


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    fake = stand_in(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(fake.folder), prepend=os.pathsep)
    return fake


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def built(said: list[str]) -> Build:
    """Builds for project `p`, with `v1` unless told otherwise."""

    def built(
        tag: str | None = "v1",
        *,
        project: str = "p",
        registry: str = "",
        organisation: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> Built:
        whole = {"PATH": os.environ["PATH"], **(environment or {})}
        return build(
            ROOT,
            project=project,
            tag=tag,
            registry=registry,
            organisation=organisation,
            environment=whole,
            say=said.append,
        )

    return built


def test_both_images_have_the_tag_and_the_projects_label_and_nothing_is_pushed(docker: Docker, built: Build) -> None:
    made = built(registry="ghcr.io", organisation="team")
    names = [f"ghcr.io/team/bacalhau-cosmos/{image}:v1" for image in ("processors", "sensors")]
    assert [each.name for each in made.images] == names
    assert made.tag == "v1"
    assert [words[words.index("--tag") + 1] for words in docker.calls("build")] == names
    assert all("--build-arg=PROJECT=p" in words for words in docker.calls("build"))
    assert docker.calls("push") == []


def test_without_a_tag_the_content_names_each_and_is_built_once(docker: Docker, built: Build, said: list[str]) -> None:
    first = built(None)
    assert all(re.fullmatch(r".+:0\.\d+\.\d+-[0-9a-f]{12}", each.name) for each in first.images)
    assert [each.news for each in first.images] == ["built", "built"]
    said.clear()
    again = built(None)
    assert [each.name for each in again.images] == [each.name for each in first.images]
    assert [each.news for each in again.images] == ["there", "there"]
    assert len(docker.calls("build")) == 2
    assert all("is there" in line for line in said)
    assert {each.name for each in built(None, project="other").images}.isdisjoint(each.name for each in first.images)


def test_an_image_that_was_there_under_another_tag_is_told_as_unchanged(
    docker: Docker, built: Build, said: list[str]
) -> None:
    assert [each.news for each in built("v1").images] == ["built", "built"]
    assert [each.news for each in built("v2").images] == ["unchanged", "unchanged"]
    assert "bacalhau-cosmos/sensors:v2 is an image that was there: nothing has changed since it was built" in said
    (last, *_) = reversed(docker.calls("images"))
    assert f"label={PROJECT_LABEL}=p" in last


def test_steps_that_are_run_are_told_and_cached_ones_are_not(docker: Docker, built: Build, said: list[str]) -> None:
    docker.set(
        says=[
            "Step 1/3 : FROM base",
            "Step 2/3 : RUN made   before",
            " ---> Using cache",
            "Step 3/3 : RUN pip install " + "x" * 200,
            " ---> Running in 0123",
            "#7 [build 4/9] RUN of BuildKit",
        ]
    )
    built()
    steps = [line for line in said if "RUN" in line and line.startswith("sensors ")]
    assert steps == [f"sensors 3/3 : RUN pip install {'x' * 75}...", "sensors build 4/9 : RUN of BuildKit"]


@pytest.mark.parametrize(
    ("fails", "hint"),
    [
        ("E: no space left on device", "docker system df"),
        ("ERROR: BuildKit is enabled but the buildx component is missing or broken.", "unset DOCKER_BUILDKIT"),
        ("Could not find a version", "PIP_INDEX_URL"),
    ],
)
def test_a_failed_build_shows_its_last_lines_and_what_to_try(
    docker: Docker, built: Build, fails: str, hint: str
) -> None:
    docker.set(fails={"build": "\n".join([*(f"line {number}" for number in range(100)), fails])})
    with pytest.raises(SensorsError) as failed:
        built()
    assert f"line 99\n{fails}" in str(failed.value)
    assert "line 80\n" not in str(failed.value)
    assert hint in failed.value.hint


@pytest.mark.parametrize("wrong", [{"tag": "latest"}, {"tag": ""}, {"organisation": "Team"}])
def test_what_can_be_refused_is_refused_before_docker_is_called(
    docker: Docker, built: Build, wrong: dict[str, str]
) -> None:
    with pytest.raises(RequestError):
        built(**wrong)
    assert (docker.folder / "calls").read_text() == ""


def test_an_engine_that_does_not_answer_is_told_before_anything_is_built(docker: Docker, built: Build) -> None:
    docker.set(fails={"version": "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?"})
    with pytest.raises(EngineError, match="Cannot connect") as failed:
        built()
    assert "start" in failed.value.hint
    assert docker.calls("build") == []


def test_a_base_image_of_ones_own_and_certificates_come_from_the_environment(
    docker: Docker, built: Build, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_text("CERT")
    built(environment={"BASE_IMAGE": "mine:1", "SSL_CERT_FILE": str(tmp_path / "ca.pem")})
    words = docker.calls("build")[0]
    assert "--build-arg=BASE_IMAGE=mine:1" in words
    assert "--build-arg=PIP_CERT=/src/ca-bundle.crt" in words


def test_the_checkout_is_found_beside_the_package() -> None:
    assert find_checkout() == ROOT


def test_an_installed_package_says_that_images_are_built_in_a_checkout(tmp_path: Path) -> None:
    installed = tmp_path / "site-packages"
    for image in IMAGES:
        shutil.copytree(ROOT / image, installed / image, ignore=shutil.ignore_patterns("Dockerfile", "__pycache__"))
    with pytest.raises(RequestError, match="images are built in a checkout") as refused:
        find_checkout(installed / "sensors" / "images" / "build.py")
    assert "clone the repository" in refused.value.hint


@pytest.mark.parametrize("image", IMAGES)
def test_every_stage_of_a_dockerfile_ends_with_the_projects_label(image: str) -> None:
    """The classic builder leaves each stage behind as an image, which is found by its label alone."""
    text = (ROOT / image / "Dockerfile").read_text(encoding="utf-8")
    _, *stages = re.split(r"^FROM .*$", text, flags=re.MULTILINE)
    assert len(stages) == 2
    for stage in stages:
        last = re.split(r"(?<!\\)\n(?=[A-Z])", stage.strip())[-1]
        assert last.startswith("LABEL ")
        assert f'{PROJECT_LABEL}="${{PROJECT}}"' in last
