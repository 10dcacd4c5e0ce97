"""What the old script left running: known by its folder, ended by `stop`, and never written under."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from processors.cosmos import Account
from tests.harness.engine import docker
from tests.harness.manager import Manager
from tests.harness.tiny_image import tiny_image

pytestmark = pytest.mark.network

PROJECT = f"cosmos-sensors-old-{os.getpid()}"
COMPOSE = "com.docker.compose"


@pytest.fixture
def old(tmp_path: Path, account: Account) -> Iterator[Manager]:
    """A folder with a container that Compose started from it, without our label."""
    manager = Manager(tmp_path)
    manager.configure(account.endpoint, account.database, ["Oslo"])
    database = tmp_path / "data" / "oslo" / "1" / "sensor_data.db"
    database.parent.mkdir(parents=True)
    database.write_bytes(b"in use")
    (tmp_path / ".current-project-name").write_text(f"{PROJECT}\n", encoding="utf-8")
    labels = {
        f"{COMPOSE}.project": PROJECT,
        f"{COMPOSE}.project.working_dir": str(tmp_path),
        f"{COMPOSE}.service": "sensor-oslo-1",
        f"{COMPOSE}.oneoff": "False",
        f"{COMPOSE}.container-number": "1",
        f"{COMPOSE}.config-hash": "0",
    }
    words = [word for label, value in labels.items() for word in ("--label", f"{label}={value}")]
    name = f"{PROJECT}-sensor-oslo-1"
    with tiny_image(f"{PROJECT}:v1") as image:
        started = docker("run", "--detach", "--name", name, *words, image, "/bin/sleep", "600")
        assert started.returncode == 0, started.stderr
        try:
            yield manager
        finally:
            subprocess.run(["docker", "rm", "--force", name], capture_output=True, check=False)


def test_what_the_old_script_runs_is_not_forgotten_and_its_data_not_deleted(old: Manager) -> None:
    refused = old.run("clean", "--local", "--yes", check=False)
    assert refused.returncode == 2
    assert "of its containers run" in refused.stderr
    cleaned = old.run("cleanup", "--yes")
    assert f"{PROJECT} has containers without our label" in cleaned.stderr
    assert (old.folder / ".current-project-name").is_file()
    old.run("stop", "--no-prompt")
    assert docker("ps", "--all", "--quiet", "--filter", f"label={COMPOSE}.project={PROJECT}").stdout == ""
    old.run("clean", "--local", "--yes")
    assert not (old.folder / "data" / "oslo").exists()
