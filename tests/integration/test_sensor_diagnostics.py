"""Diagnostics of containers on a real engine: unhealthy, restarting, ended, of another name; and what they said."""

from __future__ import annotations

import json
import os
import tarfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import docker
import pytest
from docker.types import Healthcheck
from typer.testing import CliRunner

from sensors.images.names import PROJECT_LABEL
from sensors.manager.diagnostics.check import Check, Outcome
from sensors.manager.diagnostics.clock import clock
from sensors.manager.diagnostics.containers import containers
from sensors.manager.diagnostics.engine import engine as engine_check
from sensors.manager.diagnostics.engine import root_of
from sensors.manager.diagnostics.project import leftovers
from sensors.manager.engine import Engine, connected
from submitter.commands.sensors import app
from tests.harness.tiny_image import tiny_image

pytestmark = pytest.mark.network

NAME = f"diagnostics-test-{os.getpid()}"
IMAGE = f"{NAME}/tiny:v1"
SECRET = "hunter2-of-a-container+log/x=="
STATE_S = 60.0
SECOND_NS = 1_000_000_000


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    with tiny_image(IMAGE) as name:
        yield name


class Town:
    """Containers as Compose labels them."""

    def __init__(self, client: docker.DockerClient, image: str, folder: Path) -> None:
        self._client, self._image, self._folder = client, image, folder

    def run(
        self, service: str, script: str, *, project: str = NAME, labelled: bool = True, **more: object
    ) -> Callable[[], str]:
        """Starts one; what is given back tells its state, and its health where that is checked."""
        labels = {
            "com.docker.compose.service": service,
            "com.docker.compose.project": project,
            "com.docker.compose.project.working_dir": str(self._folder),
        }
        made = self._client.containers.run(
            self._image,
            ["/bin/sh", "-c", script],
            detach=True,
            labels=labels | ({PROJECT_LABEL: project} if labelled else {}),
            network_mode="none",
            name=f"{project}-{service}",
            **more,  # type: ignore[arg-type]
        )

        def state() -> str:
            made.reload()
            told = made.attrs["State"]
            return str(told.get("Health", {}).get("Status") or told["Status"])

        return state

    def clear(self) -> None:
        label = f"com.docker.compose.project.working_dir={self._folder}"
        for each in self._client.containers.list(all=True, filters={"label": label}):
            each.remove(force=True)


@pytest.fixture
def town(image: str, tmp_path: Path) -> Iterator[Town]:
    client = docker.from_env()
    made = Town(client, image, tmp_path)
    try:
        yield made
    finally:
        made.clear()
        client.close()


@pytest.fixture
def engine() -> Iterator[Engine]:
    with connected() as found:
        yield found


def until(state: Callable[[], str], wanted: str) -> None:
    deadline = time.monotonic() + STATE_S
    while (found := state()) != wanted:
        assert time.monotonic() < deadline, f"{found}, not {wanted}"
        time.sleep(0.05)


def told_of(engine: Engine, restarting: str) -> dict[str, Check]:
    """What is told, at a moment at which the container that always ends waits for its next start."""
    deadline = time.monotonic() + STATE_S
    while time.monotonic() < deadline:
        found = {each.name: each for each in containers(engine.containers(NAME), None, engine.last_lines)}
        if restarting in found:
            return found
    raise AssertionError(f"{restarting} was never seen between two starts")


def test_each_state_is_told_with_its_last_lines(town: Town, engine: Engine) -> None:
    check = Healthcheck(test=["CMD", "/bin/sh", "-c", "exit 1"], interval=SECOND_NS // 10, retries=1)
    unhealthy = town.run("sensor-a-1", "echo I am up; sleep 600", healthcheck=check)
    town.run("sensor-a-2", "echo no database >&2; exit 3", restart_policy={"Name": "always", "MaximumRetryCount": 0})
    ended = town.run("sensor-a-3", "echo done; exit 7")
    uploader = town.run("uploader-a", "i=0; while [ $i -lt 30 ]; do echo pass $i; i=$((i+1)); done; sleep 600")
    until(unhealthy, "unhealthy")
    until(ended, "exited")
    until(uploader, "running")
    found = told_of(engine, restarting="sensor-a-2")
    assert list(found) == ["sensors", "uploaders", "sensor-a-1", "sensor-a-2", "sensor-a-3", "uploader-a"]
    assert found["sensors"].found == "0 of 3 sensors well"
    assert (found["sensor-a-1"].outcome, found["sensor-a-1"].found) == (Outcome.FAILED, "running, unhealthy")
    assert found["sensor-a-1"].lines == ("I am up",)
    assert found["sensor-a-2"].outcome is Outcome.FAILED
    assert set(found["sensor-a-2"].lines) == {"no database"}
    assert (found["sensor-a-3"].found, found["sensor-a-3"].lines) == ("exited, exit code 7", ("done",))
    assert (found["uploader-a"].outcome, found["uploader-a"].lines) == (
        Outcome.OK,
        tuple(f"pass {number}" for number in range(20, 30)),
    )


def test_containers_of_another_name_in_this_folder_are_left_overs(town: Town, engine: Engine, tmp_path: Path) -> None:
    town.run("sensor-a-1", "sleep 600")
    town.run("uploader-a", "sleep 600", project=f"{NAME}-before")
    town.run("sensor-b-1", "sleep 600", project=f"{NAME}-script", labelled=False)
    town.run("database", "sleep 600", project=f"{NAME}-other", labelled=False)
    check = leftovers(engine.started_from(tmp_path), NAME)
    assert check.found == f"2 containers of {NAME}-before, {NAME}-script, started from this folder"
    assert engine.started_from(tmp_path.parent) == []


def test_the_engine_tells_of_itself(engine: Engine, image: str) -> None:
    about = engine.about()
    assert engine_check(about).outcome is Outcome.OK
    assert about.here
    assert root_of(about) == Path(about.root)
    assert clock("Docker's clock", about.at, datetime.now(UTC), coarse_s=1.0).outcome is Outcome.OK
    found = engine.image(image)
    assert found is not None
    assert found.platform == about.platform
    assert found.made_at is not None
    assert abs((found.made_at - datetime.now(UTC)).total_seconds()) < 3600
    assert engine.image(f"{IMAGE}-none") is None


def test_a_secret_that_a_container_said_is_nowhere(town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole command: on the screen, and in every byte of its archive."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("COSMOS_")]:
        monkeypatch.delenv(name)
    (tmp_path / "sensors.yaml").write_text(
        f"schema_version: 1\nproject: {NAME}\ncities: [{{name: A, sensors: 1}}]\n", encoding="utf-8"
    )
    (tmp_path / ".env").write_text(f"COSMOS_KEY='{SECRET}'\n", encoding="utf-8")
    key = "Q" * 40 + "z9+/" * 12 + "=="
    until(town.run("uploader-a", f"echo 'got {SECRET}' and {key}; sleep 600"), "running")
    until(town.run("sensor-a-1", f"echo 'AccountKey=short1;x sig=abcd&y {SECRET}' >&2; exit 1"), "exited")
    result = CliRunner().invoke(app, ["diagnostics", "--output", "json", "--bundle", "report.tar.gz"])
    rows = {row["name"]: row for row in json.loads(result.stdout)["checks"]}
    assert rows["uploader-a"]["lines"] == ["got ****** and ******"]
    with tarfile.open(tmp_path / "report.tar.gz") as tar:
        content = {entry.name: tar.extractfile(entry).read() for entry in tar}  # type: ignore[union-attr]
    log = content["bacalhau-cosmos-diagnostics/logs/sensor-a-1.txt"]
    assert log == b"AccountKey=******;x sig=******&y ******\n"
    for secret in (SECRET, key, "short1", "abcd"):
        assert secret not in result.output
        assert secret.encode() not in b"".join(content.values())
