"""A spec of ours through Bacalhau's own Python SDK, which has an environment of its own: it holds packages back."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from submitter import spec
from tests.harness.fleet import Fleet, environment, until

ROOT = Path(__file__).parents[2]
LOCK = Path(__file__).parent / "sdk" / "requirements.lock"
UV = Path(sys.executable).with_name("uv")

INSTALL_S = 300.0

PUT = """
import json, sys
from bacalhau_apiclient.models.api_put_job_request import ApiPutJobRequest
from bacalhau_apiclient.models.job import Job
from bacalhau_sdk.jobs import Jobs

names = {written: name for name, written in Job.attribute_map.items()}
job = Job(**{names[key]: value for key, value in json.load(sys.stdin).items()})
jobs = Jobs()
put = jobs.put(ApiPutJobRequest(job=job))
print(put.job_id, jobs.get(put.job_id).job.state.state_type)
"""


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has the SDK."""
    if sys.version_info >= (3, 12):
        pytest.skip("bacalhau-sdk 1.4.2 installs on Python 3.11 and older")
    venv = tmp_path_factory.mktemp("sdk") / "venv"
    for command in (
        ["venv", "--quiet", "--python", sys.executable, venv],
        ["pip", "install", "--quiet", "--python", venv / "bin" / "python", "--require-hashes", "-r", LOCK],
    ):
        subprocess.run([UV, *command], check=True, timeout=INSTALL_S, capture_output=True)
    return venv / "bin" / "python"


@pytest.mark.network
def test_the_sdk_submits_our_spec_and_reads_its_state(fleet: Fleet, python: Path, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    values = {**fleet.record.images, "data": str(fleet.record.data)}
    job = spec.render(spec.find("inspect", ROOT / "jobs"), "denver", now, given={}, offered=values)
    own = {
        "BACALHAU_API_HOST": fleet.record.host,
        "BACALHAU_API_PORT": str(fleet.record.api_port),
        "BACALHAU_DIR": str(tmp_path),
    }
    done = subprocess.run(
        [python, "-c", PUT],
        env=environment(**own),
        input=json.dumps(json.loads(job.body)["Job"]),
        capture_output=True,
        text=True,
        check=False,
        timeout=INSTALL_S,
    )
    assert done.returncode == 0, done.stderr
    job_id, state = done.stdout.split()[-2:]
    assert state in {"Pending", "Queued", "Running", "Completed"}
    until(lambda: _state(fleet, job_id) not in {"Pending", "Queued", "Running"}, "the job to end")
    (found,) = [each for each in fleet.jobs() if each["ID"] == job_id]
    assert found["Name"] == job.name
    assert found["Labels"] == {"app": "bacalhau-cosmos", "city": "denver", "spec": "inspect"}


def _state(fleet: Fleet, job_id: str) -> str:
    return next(str(each["State"]["StateType"]) for each in fleet.jobs() if each["ID"] == job_id)
