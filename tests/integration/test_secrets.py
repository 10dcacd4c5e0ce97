"""No key leaves its node: not in a job, a log, a report, nor on a command line."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.harness.databases import readings
from tests.harness.fleet import ENDS_S, Fleet, until

pytestmark = pytest.mark.network

SECRET = base64.b64encode(b"a key that nobody else may read").decode()


def test_the_key_is_nowhere_but_on_the_node(fleet: Fleet) -> None:
    fleet.kill("denver-1", containers=False)
    fleet.bring_back("denver-1", COSMOS_KEY=SECRET)
    try:
        fleet.write("denver-1", "Denver", "a", readings(20_000, sensors=("a",)))
        with fleet.submitted("--city", "denver", "--set", "page_rows=500") as process:
            until(lambda: fleet.containers("denver-1"), "the container to run")
            until(lambda: SECRET in _environment_of_processor(), "the processor to have the key")
            lines = _command_lines()
            output, errors = process.communicate(timeout=ENDS_S)
        job = next(job["ID"] for job in fleet.jobs() if job["ID"] in output)
        described = [
            fleet.bacalhau("job", word, job, code=None) for word in ("describe", "logs", "history", "executions")
        ]
        described.append(fleet.bacalhau("job", "describe", job, "--output", "json"))
        logs = [path.read_text(errors="replace") for path in (fleet.folder / "logs").iterdir()]
        for text in (output, errors, lines, *described, *logs):
            assert SECRET not in text
        assert len(fleet.documents()) == 20_000
    finally:
        fleet.kill("denver-1", containers=False)
        fleet.bring_back("denver-1", COSMOS_KEY="")


def _environment_of_processor() -> str:
    """All environments of processes that run our image's command, so that the test knows it looked at a real key."""
    found = ""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if b"processors\0ingest" in (path / "cmdline").read_bytes():
                found += (path / "environ").read_text(errors="replace")
        except OSError:
            continue
    return found


def _command_lines() -> str:
    found = ""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += path.read_text(errors="replace")
        except OSError:
            continue
    return found
