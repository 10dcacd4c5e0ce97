"""The images, built by the engine of this machine, pushed to a registry of the tests, and run as a user runs them."""

from __future__ import annotations

import json
import os
import re
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from processors.cosmos import Account
from tests.harness import databases
from tests.harness.engine import ENDS_S, LOCKED, OWNER, build, docker, mounted, own, printed

pytestmark = pytest.mark.network

MOST_BYTES = 260_000_000


def inspected(image: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = json.loads(docker("image", "inspect", image).stdout)
    return found[0]


def test_a_processor_takes_a_city_to_cosmos_with_nothing_but_its_folder(
    images: dict[str, str], node: Path, account: Account
) -> None:
    databases.create(node / "denver-1/data/denver/one/sensor_data.db", databases.readings(10))
    own(node)
    settings = {"ENDPOINT": account.endpoint, "DATABASE": account.database, "CITY": "denver"}
    environment = [word for name, value in settings.items() for word in ("--env", f"COSMOS_{name}={value}")]
    done = docker("run", "--rm", *LOCKED, *mounted(node), *environment, images["image"], "ingest")
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    report = json.loads(line)
    assert (report["kind"], report["outcome"], report["rowsRead"]) == ("ingest", "complete", 10)
    archived = list((node / "denver-1/archive").rglob("*.parquet"))
    assert archived
    assert {path.stat().st_uid for path in archived} == {OWNER}


def test_simulated_sensors_write_below_the_folder_of_their_node_and_are_well(
    images: dict[str, str], node: Path
) -> None:
    name = f"sensors-{os.getpid()}"
    simulate = ["simulate", "--city", "denver", "--sensors", "2", "--live", "--anomaly-probability", "0"]
    try:
        started = docker("run", "--detach", "--name", name, *LOCKED, *mounted(node), images["sensor_image"], *simulate)
        assert started.returncode == 0, started.stderr
        deadline = time.monotonic() + ENDS_S
        while not (said := docker("logs", name).stdout):
            assert time.monotonic() < deadline, docker("logs", name).stderr
            time.sleep(0.1)
        assert json.loads(said)["kind"] == "simulate"
        assert docker("exec", name, "bacalhau-cosmos", "sensors", "health").returncode == 0
        assert docker("exec", name, "python", "-m", "sensors.health").returncode == 0
        assert docker("stop", "--time", "20", name).returncode == 0
        assert docker("inspect", "--format", "{{.State.ExitCode}}", name).stdout.strip() == "0"
        lines = docker("logs", name).stdout.splitlines()
        assert json.loads(lines[-1])["rows"] >= json.loads(lines[0])["rows"] == 2
    finally:
        docker("rm", "--force", name)
    assert len(list(node.glob("denver-1/data/denver/*/sensor_data.db"))) == 2
    stale = docker("run", "--rm", *mounted(node), images["sensor_image"], "health", "--within", "1ms")
    assert stale.returncode == 1
    assert "Try: " in stale.stderr


def test_a_sensor_of_its_own_is_small_and_ends_when_it_is_asked_to(images: dict[str, str], node: Path) -> None:
    name = f"station-{os.getpid()}"
    identity = {
        "SENSOR_ID": "AMS_SENSOR001",
        "SENSOR_CITY": "Amsterdam",
        "SENSOR_LATITUDE": "52.37",
        "SENSOR_LONGITUDE": "4.9",
        "SENSOR_UTC_OFFSET_H": "1",
        "SENSOR_MODEL": "EnvMonitor-3000",
        "SENSOR_MANUFACTURER": "EnviroTech",
        "SENSOR_FIRMWARE": "1.5.0",
        "READINGS_PER_SECOND": "1",
        "ANOMALY_PROBABILITY": "0",
    }
    environment = [word for pair in identity.items() for word in ("--env", "=".join(pair))]
    data = node / "denver-1/data"
    own = ["--volume", f"{data}:/node/data"]
    try:
        started = docker(
            "run", "--detach", "--name", name, *LOCKED, *own, *environment, images["sensor_image"], "station"
        )
        assert started.returncode == 0, started.stderr
        deadline = time.monotonic() + ENDS_S
        while "writes" not in (said := docker("logs", name).stderr):
            assert time.monotonic() < deadline, said
            time.sleep(0.1)
        (highest,) = re.findall(r"VmHWM:\s+(\d+) kB", docker("exec", name, "cat", "/proc/1/status").stdout)
        assert int(highest) < 40_000
        assert docker("exec", name, "python", "-m", "sensors.health").returncode == 0
        assert docker("stop", "--time", "20", name).returncode == 0
        assert docker("inspect", "--format", "{{.State.ExitCode}}", name).stdout.strip() == "0"
    finally:
        docker("rm", "--force", name)
    assert [path.name for path in data.iterdir()] == ["sensor_data.db"]


@pytest.mark.parametrize(
    ("value", "image", "entrypoint", "health"),
    [
        ("image", "processors", ["python", "-m", "processors"], ["python", "-m", "processors", "health"]),
        ("sensor_image", "sensors", ["bacalhau-cosmos", "sensors"], ["python", "-m", "sensors.health"]),
    ],
)
def test_an_image_says_what_it_is_and_how_it_is_run(
    images: dict[str, str], value: str, image: str, entrypoint: list[str], health: list[str]
) -> None:
    config = inspected(images[value])["Config"]
    assert config["User"] == f"{OWNER}:{OWNER}"
    assert config["WorkingDir"] == "/node"
    assert config["Entrypoint"] == entrypoint
    assert config["Healthcheck"]["Test"] == ["CMD", *health]
    labels = {name.removeprefix("org.opencontainers.image."): text for name, text in config["Labels"].items()}
    assert labels["title"] == f"bacalhau-cosmos {image}"
    assert labels["version"] == version("bacalhau-cosmos")
    assert "source" in labels


@pytest.mark.parametrize("value", ["image", "sensor_image"])
def test_an_image_adds_little_to_its_base(images: dict[str, str], value: str) -> None:
    sizes = docker("history", "--no-trunc", "--human=false", "--format", "{{.Size}}\t{{.CreatedBy}}", images[value])
    added = 0
    for size, step in (line.split("\t") for line in sizes.stdout.splitlines()):
        added += int(size)
        if "PYTHONSAFEPATH" in step:
            break
    else:
        pytest.fail("the first step of the image was not found")
    assert 1_000_000 < added < MOST_BYTES


@pytest.mark.parametrize("value", ["image", "sensor_image"])
def test_an_image_holds_what_it_runs_and_not_what_built_it(images: dict[str, str], value: str) -> None:
    look = (
        "import os, pathlib, sys;"
        "site = pathlib.Path(sys.prefix, 'lib', 'python%d.%d' % sys.version_info[:2], 'site-packages');"
        "names = {path.name.split('-')[0] for path in site.iterdir()};"
        "print(sorted(names & {'pip', 'uv', 'setuptools', 'hatchling', 'pytest'}),"
        "[str(path) for path in site.rglob('tests') if path.is_dir()],"
        "(site / 'processors/__pycache__').is_dir(), os.getuid(), [name for name in os.environ if 'PIP' in name])"
    )
    done = docker("run", "--rm", "--entrypoint", "python", images[value], "-c", look)
    assert done.stdout.split() == ["[]", "[]", "True", str(OWNER), "[]"], done.stderr


def test_a_folder_of_the_node_that_is_named_like_a_module_is_not_imported(images: dict[str, str], node: Path) -> None:
    (node / "processors.py").write_text("raise SystemExit('imported from the node')")
    done = docker("run", "--rm", *mounted(node), images["image"], "--help")
    assert done.returncode == 0, done.stderr
    assert "ingest" in done.stdout


def test_a_new_volume_is_the_users(images: dict[str, str]) -> None:
    command = ["--volume", "/node", "--entrypoint", "python", images["image"], "-c", "open('/node/x', 'w')"]
    done = docker("run", "--rm", *command)
    assert done.returncode == 0, done.stderr


def test_what_did_not_change_is_not_built_again(
    images: dict[str, str], checkout: Path, registry: str, tmp_path: Path
) -> None:
    again = build(checkout, registry, tmp_path)
    assert again.returncode == 0, again.stderr
    assert [line.endswith("  unchanged") for line in again.stdout.splitlines()] == [True, True], again.stdout
    assert printed(again) == images
    assert not list(tmp_path.iterdir())
