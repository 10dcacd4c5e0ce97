"""Building and pushing images, without a Docker engine: `docker` is a stand-in that does as it is told."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from sensors.images.recipe import source
from tests.harness.images import Answer, Docker, Registry, stand_in

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "tools")
    for name in ("REGISTRY", "BASE_IMAGE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    return importlib.import_module("images")


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    fake = stand_in(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(fake.folder), prepend=os.pathsep)
    return fake


@pytest.fixture
def registry() -> Iterator[Registry]:
    with Registry(("127.0.0.1", 0), Answer) as server:
        server.digests, server.root, server.asked = {}, 200, []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def name_of(registry: Registry) -> str:
    return f"localhost:{registry.server_address[1]}"


def run(tool: ModuleType, tmp_path: Path, registry: str, *more: str) -> int:
    return int(tool.main(["--registry", registry, "--folder", str(tmp_path / "net"), *more]))


def test_images_are_built_once_and_pushed_under_both_tags(
    tool: ModuleType, tmp_path: Path, docker: Docker, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tool, tmp_path, name_of(registry)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0]: line.split()[1] for line in lines} == {
        value: f"{name_of(registry)}/bacalhau-cosmos/{image}@sha256:{'d' * 64}"
        for value, image in (("image", "processors"), ("sensor_image", "sensors"))
    }
    assert not (tmp_path / "net").exists()  # no network is up there whose images these could be
    pushed = [words[-1].rsplit(":", 1)[1] for words in docker.calls("push")]
    assert re.fullmatch(r"0\.\d+\.\d+-[0-9a-f]{12}", pushed[0])
    assert pushed[1] == pushed[0].split("-")[0]
    assert len(docker.calls("build")) == 2

    registry.digests = dict.fromkeys(pushed, "sha256:" + "e" * 64)
    assert run(tool, tmp_path, name_of(registry)) == 0
    assert len(docker.calls("build")) == 2
    assert len(docker.calls("push")) == 4
    assert all("@sha256:eee" in line and line.endswith("unchanged") for line in capsys.readouterr().out.splitlines())


def test_an_image_that_the_registry_lost_is_pushed_and_not_built(
    tool: ModuleType, tmp_path: Path, docker: Docker, registry: Registry
) -> None:
    assert run(tool, tmp_path, name_of(registry)) == 0
    assert run(tool, tmp_path, name_of(registry)) == 0
    assert len(docker.calls("build")) == 2
    assert len(docker.calls("push")) == 8


def test_the_moving_tag_is_moved_back_to_content_that_was_pushed_before(
    tool: ModuleType, tmp_path: Path, docker: Docker, registry: Registry
) -> None:
    assert run(tool, tmp_path, name_of(registry)) == 0
    tags = {words[-1].rsplit(":", 1)[1] for words in docker.calls("push")}
    registry.digests = {tag: "sha256:" + ("c" if "-" in tag else "f") * 64 for tag in tags}
    assert run(tool, tmp_path, name_of(registry)) == 0
    assert len(docker.calls("push")) == 8


def test_what_reaches_an_index_is_passed_on_and_no_value_is_on_a_command_line(
    tool: ModuleType, tmp_path: Path, docker: Docker, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:secret@index.example.com/simple")
    (tmp_path / "ca.pem").write_text("CERT")
    monkeypatch.setenv("PIP_CERT", str(tmp_path / "ca.pem"))
    assert run(tool, tmp_path, name_of(registry)) == 0
    words = docker.calls("build")[0]
    assert "--build-arg=PIP_INDEX_URL" in words
    assert "--build-arg=PIP_CERT=/src/ca-bundle.crt" in words
    assert "secret" not in (docker.folder / "calls").read_text()
    assert "ca-bundle.crt" in json.loads((docker.folder / "names").read_text())


def test_a_base_image_that_was_asked_for_is_used_or_the_reason_told(
    tool: ModuleType, tmp_path: Path, docker: Docker, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tool, tmp_path, name_of(registry), "--base-image", "mine:1") == 0
    assert "--build-arg=BASE_IMAGE=mine:1" in docker.calls("build")[0]
    assert docker.calls("pull") == [["pull", "--quiet", "mine:1"]]
    docker.set(fails={"pull": "manifest unknown"})
    assert run(tool, tmp_path, name_of(registry), "--base-image", "mine:2") == 1
    assert "cannot pull the base image: mine:2: manifest unknown\nTry: " in capsys.readouterr().err


def test_the_local_base_is_used_where_the_default_was_not_pulled_before(
    tool: ModuleType, tmp_path: Path, docker: Docker, registry: Registry
) -> None:
    docker.set(known=["bacalhau-cosmos-base:bookworm"])
    assert run(tool, tmp_path, name_of(registry)) == 0
    assert "--build-arg=BASE_IMAGE=bacalhau-cosmos-base:bookworm" in docker.calls("build")[0]
    assert "--build-arg=PIP_CERT=/etc/ssl/certs/ca-certificates.crt" in docker.calls("build")[0]
    assert docker.calls("pull") == []


def test_a_base_that_can_be_neither_pulled_nor_made_is_named_with_what_to_do(
    tool: ModuleType,
    tmp_path: Path,
    docker: Docker,
    registry: Registry,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    docker.set(known=[], fails={"pull": "no such host"})
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert run(tool, tmp_path, name_of(registry)) == 1
    said = capsys.readouterr().err
    assert "cannot pull the base image: python:3.11-slim-bookworm: no such host" in said
    assert "debootstrap" in said


def test_where_there_is_no_docker_it_says_how_to_get_it(
    tool: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run(tool, tmp_path, "localhost:1") == 1
    said = capsys.readouterr().err
    assert "no such program" in said
    assert "make engine" in said


@pytest.mark.parametrize(
    ("fails", "why"),
    [
        ({"version": "Cannot connect to the Docker daemon"}, "the Docker engine: Cannot connect to the Docker daemon"),
        ({"build": "Step 1\nStep 2\nE: no space left"}, "exit code 1:\nStep 1\nStep 2\nE: no space left\nTry: "),
        ({"push": "denied: requested access"}, "denied: requested access\nTry: `docker login localhost:"),
    ],
)
def test_what_docker_refuses_is_told(
    tool: ModuleType,
    tmp_path: Path,
    docker: Docker,
    registry: Registry,
    capsys: pytest.CaptureFixture[str],
    fails: dict[str, str],
    why: str,
) -> None:
    docker.set(fails=fails)
    assert run(tool, tmp_path, name_of(registry)) == 1
    assert why in capsys.readouterr().err
    assert not (tmp_path / "net" / "images.json").exists()


def test_only_the_last_lines_of_a_failed_build_are_told(
    tool: ModuleType, tmp_path: Path, docker: Docker, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    docker.set(fails={"build": "\n".join(f"line {number}" for number in range(100))})
    run(tool, tmp_path, name_of(registry))
    said = capsys.readouterr().err
    assert "line 79" not in said
    assert "line 80" in said


@pytest.mark.usefixtures("docker")
def test_a_registry_that_does_not_answer_is_told_before_anything_is_built(
    tool: ModuleType, tmp_path: Path, docker: Docker, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.root = 503
    assert run(tool, tmp_path, name_of(registry)) == 1
    assert "it answers /v2/ with 503" in capsys.readouterr().err
    assert run(tool, tmp_path, "localhost:1") == 1
    assert "cannot reach the registry: localhost:1: " in capsys.readouterr().err
    assert docker.calls("build") == []


@pytest.mark.usefixtures("docker")
def test_a_registry_that_wants_a_login_is_left_to_docker(tool: ModuleType, tmp_path: Path, registry: Registry) -> None:
    registry.root = 401
    assert run(tool, tmp_path, name_of(registry)) == 0


@pytest.mark.usefixtures("docker")
def test_a_team_of_a_registry_is_part_of_the_repository(tool: ModuleType, tmp_path: Path, registry: Registry) -> None:
    assert run(tool, tmp_path, f"{name_of(registry)}/team") == 0
    assert registry.asked[0].startswith("/v2/team/bacalhau-cosmos/processors/manifests/0.")


def test_the_source_has_no_login(tmp_path: Path) -> None:
    git = ["git", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "--quiet"], check=True)
    assert source(tmp_path) == ""
    subprocess.run([*git, "remote", "add", "origin", "https://me:token@example.com/a/b.git"], check=True)
    assert source(tmp_path) == "https://example.com/a/b.git"
    subprocess.run([*git, "remote", "set-url", "origin", "git@example.com:a/b.git"], check=True)
    assert source(tmp_path) == "git@example.com:a/b.git"
