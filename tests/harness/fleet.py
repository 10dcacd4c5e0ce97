"""A real Bacalhau network, used as its users use it: through the command line."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from network import checks, nodes, record
from network.record import Record
from processors.containers import making
from processors.cosmos import Account
from tests.harness import databases, oracle
from tests.harness.databases import Row

ROOT = Path(__file__).parents[2]
COMMAND = Path(sys.executable).with_name("bacalhau-cosmos")
OWNER = 10001

ENDS_S = 240.0
"""A command or a state that takes longer has hung."""

_STEP_S = 0.1


@dataclass(frozen=True)
class Ended:
    """What a command left."""

    code: int
    output: str
    errors: str

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.output)
        return found


def until(condition: Callable[[], object], what: str) -> None:
    """Waits for it; fails when it has not come true after `ENDS_S`."""
    deadline = time.monotonic() + ENDS_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {ENDS_S:.0f} s: {what}"
        time.sleep(_STEP_S)


def environment(**more: str) -> dict[str, str]:
    """This process's environment without what configures us or Bacalhau, and more."""
    ours = ("COSMOS_", "BACALHAU_", "SUBMIT_", "AZURE_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, **more}


class Fleet:
    """A network that is up, with a Cosmos database of its own for each test."""

    def __init__(self, folder: Path, database: str):
        self.folder = folder
        self.database = database

    @property
    def record(self) -> Record:
        found = record.running(self.folder)
        assert found is not None
        return found

    @property
    def account(self) -> Account:
        return Account(self.record.cosmos_endpoint, "", self.database)

    def node(self, name: str) -> Path:
        return next(each.folder for each in self.record.nodes if each.name == name)

    def write(self, node: str, city: str, sensor: str, rows: Iterable[Row]) -> Path:
        """Appends to a sensor's database on a node, as a sensor there does."""
        path = self.node(node) / "data" / city / sensor / "sensor_data.db"
        if path.exists():
            databases.append(path, rows)
        else:
            databases.create(path, rows)
        self.own(self.node(node))
        return path

    def own(self, folder: Path) -> None:
        """Gives everything below to the user of the containers."""
        for path in (folder, *folder.rglob("*")):
            os.chown(path, OWNER, OWNER, follow_symlinks=False)

    def clear(self) -> None:
        """Nodes without data; a new Cosmos database."""
        for job in self.jobs():
            if job["State"]["StateType"] in {"Pending", "Queued", "Running"}:
                self.bacalhau("job", "stop", job["ID"])
        until(lambda: not self.containers(), "containers of stopped jobs to go")
        for each in self.record.nodes:
            for name in ("data", "state", "archive"):
                shutil.rmtree(each.folder / name, ignore_errors=True)
                (each.folder / name).mkdir()
            self.own(each.folder)
        self.database = f"test-{uuid.uuid4().hex[:12]}"
        making.create(self.account)

    def command(self, *arguments: str, code: int | None = 0, **more: str) -> Ended:
        """Runs `bacalhau-cosmos` to its end; fails when it leaves with another code."""
        done = subprocess.run(
            [COMMAND, *arguments],
            cwd=self.folder.parent,
            env=environment(**more),
            capture_output=True,
            text=True,
            timeout=ENDS_S,
            check=False,
        )
        ended = Ended(done.returncode, done.stdout, done.stderr)
        assert code is None or ended.code == code, ended
        return ended

    def submitting(self, *arguments: str) -> list[str]:
        """Arguments of a `submit` that uses this test's database."""
        own = [] if "inspect" in arguments or "simulate" in arguments else ["--set", f"database={self.database}"]
        return ["submit", "--network-folder", str(self.folder), *own, *arguments]

    def submit(self, *arguments: str, code: int | None = 0, **more: str) -> Ended:
        return self.command(*self.submitting(*arguments), "--output", "json", code=code, **more)

    @contextmanager
    def submitted(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """A `submit` that runs while the test goes on; killed at the end if it still does."""
        with subprocess.Popen(
            [COMMAND, *self.submitting(*arguments), "--output", "json"],
            cwd=self.folder.parent,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def bacalhau(self, *arguments: str, text: str | None = None, code: int | None = 0) -> str:
        """Runs Bacalhau's own command line against this network; its output."""
        own = {
            "BACALHAU_API_HOST": self.record.host,
            "BACALHAU_API_PORT": str(self.record.api_port),
            "BACALHAU_DIR": str(self.folder.parent / "cli"),
            "BACALHAU_DISABLEANALYTICS": "true",
            "BACALHAU_UPDATECONFIG_INTERVAL": "0",
        }
        done = subprocess.run(
            [checks.bacalhau(), *arguments],
            env=environment(**own),
            input=text,
            capture_output=True,
            text=True,
            timeout=ENDS_S,
            check=False,
        )
        assert code is None or done.returncode == code, done
        return done.stdout + done.stderr

    def jobs(self) -> list[dict[str, Any]]:
        lines = self.bacalhau("job", "list", "--output", "json", "--limit", "1000").splitlines()
        found: list[dict[str, Any]] = json.loads(next(line for line in lines if line.startswith("[")))
        return found

    def containers(self, node: str = "") -> list[str]:
        """Ids of running containers that are of jobs of this network: of all of its nodes, or of one."""
        show = '{{.ID}} {{.Label "bacalhau-executor"}} {{.Label "bacalhau-jobID"}}'
        listed = subprocess.run(["docker", "ps", "--format", show], capture_output=True, text=True, check=True)
        jobs = tuple(job["ID"] for job in self.jobs())
        lines = [line.split() for line in listed.stdout.splitlines() if line.endswith(jobs)]
        return [container for container, executor, _ in lines if executor.endswith(f"bacalhau-{node}" if node else "")]

    def kill(self, node: str, *, containers: bool) -> None:
        """The node's process dies at once, and its containers with it if asked for."""
        if containers:
            for container in self.containers(node):
                subprocess.run(["docker", "kill", container], check=True, capture_output=True)
        program = self.record.program(node)
        os.kill(program.pid, signal.SIGKILL)
        until(lambda: not program.alive, f"{node} to die")

    def bring_back(self, node: str, **changed: str) -> None:
        """Starts a node that was killed, with its environment changed if asked for."""
        now = self.record
        program = now.program(node)
        now = now.with_program(replace(program, environment={**program.environment, **changed}))
        nodes.start(now, node)

    def documents(self, container: str = "readings") -> dict[str, dict[str, Any]]:
        return oracle.documents(self.account, container)

    def stated(self) -> Counter[oracle.Fact]:
        """What the readings in Cosmos say."""
        return oracle.stated(self.documents().values())


def reports(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Node -> its report, of what `submit --output json` printed."""
    return {node["node"]: node["report"] for job in document["jobs"] for node in job["nodes"]}
