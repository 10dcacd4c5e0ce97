"""`make compose`, with stand-ins for `docker` and `go`: Compose is built where Docker has none that is new enough."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GO = """#!{python} -IS
import sys
from pathlib import Path
words = sys.argv[1:]
if words == ["version"]:
    print("go version go{version} linux/amd64")
else:
    Path(words[words.index("-o") + 1]).write_text(words[-1])
"""
DOCKER = """#!{python} -IS
import sys
print({version!r})
sys.exit(0 if {version!r} else 125)
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    (folder / "tools").mkdir(parents=True)
    shutil.copy(ROOT / "tools" / "setup.py", folder / "tools")
    shutil.copytree(ROOT / "tools" / "docker-compose", folder / "tools" / "docker-compose")
    return folder


def make(checkout: Path, *, docker: str | None, go: str = "1.24.9") -> subprocess.CompletedProcess[str]:
    programs = checkout / "bin"
    programs.mkdir(exist_ok=True)
    (programs / "go").write_text(GO.format(python=sys.executable, version=go))
    if docker is not None:
        (programs / "docker").write_text(DOCKER.format(python=sys.executable, version=docker))
    for program in programs.iterdir():
        program.chmod(0o755)
    command = [sys.executable, checkout / "tools" / "setup.py", "compose"]
    environment = {**os.environ, "PATH": str(programs)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("docker", "told"), [(None, "there is no `docker compose`"), ("", "there is no"), ("2.19.1", "is version 2.19")]
)
def test_it_is_built_where_there_is_none_or_an_old_one_and_only_once(
    checkout: Path, docker: str | None, told: str
) -> None:
    done = make(checkout, docker=docker)
    built = checkout / ".tools" / "bin" / "docker-compose"
    assert done.returncode == 0, done.stderr
    assert told in done.stderr
    assert "building Docker Compose" in done.stderr
    assert built.read_text() == "github.com/docker/compose/v2/cmd"
    again = make(checkout, docker=docker)
    assert again.returncode == 0
    assert "building" not in again.stderr
    assert "docker-compose is there" in again.stderr
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize("version", ["2.20.0", "v2.40.3-desktop.1", "5.0.1"])
def test_none_is_built_where_docker_has_one(checkout: Path, version: str) -> None:
    done = make(checkout, docker=version)
    assert done.returncode == 0
    assert "so none is built" in done.stderr
    assert not (checkout / ".tools").exists()


def test_without_a_go_that_can_build_it_other_ways_are_told(checkout: Path) -> None:
    done = make(checkout, docker=None, go="1.19.8")
    assert done.returncode == 1
    assert "Go 1.24.9 or later" in done.stderr
    assert "apt-get install docker-compose-plugin" in done.stderr
