"""State folders of their own, the command line, and the images of this checkout."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from network import checks
from network.layout import Layout, layout_of
from submitter.cli import app
from tests.harness.engine import ENDS_S, ROOT, answers, build, docker, own, printed

Cli = Callable[..., Result]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A state folder that is not there yet."""
    return layout_of(tmp_path / "net work")


@pytest.fixture
def cli() -> Cli:
    """Runs `network ...` in this process."""
    return lambda *arguments: CliRunner().invoke(app, ["network", *map(str, arguments)])


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, so that an edit while the tests run does not make other images."""
    copied = tmp_path_factory.mktemp("checkout")
    for name in (".dockerignore", "LICENSE", "README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, copied)
    for name in ("infra", "jobs", "network", "processors", "sensors", "submitter", "tools"):
        shutil.copytree(ROOT / name, copied / name, ignore=shutil.ignore_patterns("__pycache__"))
    return copied


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("registry")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    config = {
        "version": "0.1",
        "storage": {"filesystem": {"rootdirectory": str(folder / "content")}},
        "http": {"addr": address},
    }
    (folder / "config.yml").write_text(json.dumps(config))
    command = [checks.require_machine().registry, "serve", folder / "config.yml"]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            deadline = time.monotonic() + ENDS_S
            while not answers(address):
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield address.replace("127.0.0.1", "localhost")
        finally:
            process.kill()
    shutil.rmtree(folder / "content", ignore_errors=True)


@pytest.fixture(scope="session")
def images(checkout: Path, registry: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """See `printed`; what was pulled or tagged for the tests is removed at their end."""
    folder = tmp_path_factory.mktemp("images")
    built = build(checkout, registry, folder)
    assert built.returncode == 0, built.stderr
    yield printed(built)
    for image in ("processors", "sensors"):
        names = docker("images", "--format", "{{.Repository}}:{{.Tag}}", f"{registry}/bacalhau-cosmos/{image}").stdout
        docker("rmi", *names.split())


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """A folder like a node's, with a subfolder for one of two nodes; all of it the containers' user's."""
    for name in ("data", "state", "archive"):
        (tmp_path / "denver-1" / name).mkdir(parents=True)
    own(tmp_path)
    return tmp_path
