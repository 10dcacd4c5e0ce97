"""Containers that can do no more than their work: not root, no capabilities, nothing to write to but the node's folder.

`docker run` sets it in tests/network/test_real_images.py; here what that leaves of rights, and the same under Compose.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from processors.cosmos import Account
from tests.harness import oracle
from tests.harness.engine import ENDS_S, LOCKED, OWNER, ROOT, docker

pytestmark = pytest.mark.network

COMPOSE = ROOT / ".tools" / "bin" / "docker-compose"

SERVICES = """
x-locked: &locked
  read_only: true
  cap_drop: [ALL]
  security_opt: ["no-new-privileges:true"]
  network_mode: host
  volumes:
    - {type: bind, source: "${NODE}", target: /node}
services:
  sensors:
    <<: *locked
    image: "${SENSOR_IMAGE}"
    command: [simulate, --city, denver, --sensors, "1", --days, "0.01", --fault, text=2]
  ingest:
    <<: *locked
    image: "${IMAGE}"
    command: [ingest]
    depends_on: {sensors: {condition: service_completed_successfully}}
    environment: &settings
      COSMOS_ENDPOINT: "${ENDPOINT}"
      COSMOS_DATABASE: "${DATABASE}"
      COSMOS_CITY: denver
  verify:
    <<: *locked
    image: "${IMAGE}"
    command: [verify]
    depends_on: {ingest: {condition: service_completed_successfully}}
    environment: *settings
"""

RIGHTS = """
import json, os
told = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
def refused(path):
    try:
        open(path, "w").close()
    except OSError as error:
        return error.strerror
rights = {name: told[name].split()[0] for name in ("Uid", "Gid", "CapEff", "CapBnd", "CapPrm", "NoNewPrivs")}
places = ("/x", "/tmp/x", "/opt/venv/x", "/var/tmp/x", "/etc/x")
print(json.dumps({**rights, "refused": sorted({str(refused(path)) for path in places})}))
"""


@pytest.mark.parametrize("value", ["image", "sensor_image"])
def test_a_container_has_no_rights(images: dict[str, str], value: str) -> None:
    done = docker("run", "--rm", *LOCKED, "--entrypoint", "python", images[value], "-c", RIGHTS)
    assert done.returncode == 0, done.stderr
    none = "0" * 16
    assert json.loads(done.stdout) == {
        "Uid": str(OWNER),
        "Gid": str(OWNER),
        "NoNewPrivs": "1",
        "CapEff": none,
        "CapBnd": none,
        "CapPrm": none,
        "refused": ["Read-only file system"],
    }


@pytest.fixture
def compose(images: dict[str, str], node: Path, account: Account) -> Iterator[Callable[..., str]]:
    """Runs Compose on `SERVICES`; what it made is removed at the end."""
    if not COMPOSE.is_file():
        pytest.fail(f"{COMPOSE} is missing: run `python3 tools/setup.py network`", pytrace=False)
    environment = {
        **os.environ,
        "COMPOSE_PROJECT_NAME": f"locked-{os.getpid()}",
        "NODE": str(node),
        "IMAGE": images["image"],
        "SENSOR_IMAGE": images["sensor_image"],
        "ENDPOINT": account.endpoint,
        "DATABASE": account.database,
    }

    def run(*words: str) -> str:
        done = subprocess.run(
            [COMPOSE, "--file", "-", "--ansi", "never", *words],
            input=SERVICES,
            env=environment,
            capture_output=True,
            text=True,
            timeout=ENDS_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    try:
        yield run
    finally:
        run("down", "--volumes", "--timeout", "1")


def test_sensors_ingest_and_verify_under_compose(compose: Callable[..., str], node: Path, account: Account) -> None:
    compose("up", "--no-color", "--exit-code-from", "verify")
    said = compose("logs", "--no-log-prefix", "--no-color", "ingest", "verify")
    reports = {report["kind"]: report for report in map(json.loads, said.splitlines())}
    assert reports["ingest"]["outcome"] == reports["verify"]["outcome"] == "complete"
    (database,) = node.glob("data/denver/*/sensor_data.db")
    taken = reports["ingest"]["rowsRead"]
    assert taken == len(oracle.row_ids(database)) > 100
    assert taken == reports["ingest"]["documents"]["readings"] + reports["ingest"]["rejects"]
    assert len(oracle.documents(account, "readings")) == taken - reports["ingest"]["rejects"]
    made = [path for folder in ("state", "archive") for path in (node / folder).rglob("*")]
    assert {(path.stat().st_uid, path.stat().st_mode & 0o777) for path in made} == {(OWNER, 0o640), (OWNER, 0o750)}
