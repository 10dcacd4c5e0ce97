"""A project of the sensor manager, driven as people drive it: by `sensor-manager.sh`, in a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.harness.engine import ROOT, docker

WRAPPER = ROOT / "sensor-manager.sh"
COMMAND = ROOT / ".venv" / "bin" / "bacalhau-cosmos"
ENDS_S = 900.0

OURS = ("COSMOS_", "SENSORS_", "MAX_", "READINGS_", "ANOMALY_", "UPLOAD_", "ARCHIVE_", "DOCKER_REGISTRY", "DOCKER_ORG")
"""Beginnings of variables that a project is configured by: those of whoever runs the tests are kept out."""


@dataclass
class Manager:
    """The commands of one project.

    Attributes:
        folder: The project's.
        variables: Beside those of this process.
    """

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    def run(self, *words: str, check: bool = True, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """A command, to its end; one that fails fails the test, with what it said."""
        done = subprocess.run(
            [WRAPPER, *words],
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            input=stdin,
            timeout=ENDS_S,
            check=False,
        )
        assert not check or done.returncode == 0, f"{' '.join(words)} ended with {done.returncode}:\n{done.stderr}"
        return done

    def json(self, *words: str) -> Any:
        """What a command prints for scripts."""
        return json.loads(self.run(*words).stdout)

    def outside(self, command: Sequence[str | Path]) -> str:
        """What another command prints in the project's folder, with its variables."""
        return subprocess.run(
            command, cwd=self.folder, env=self.environment(), capture_output=True, text=True, timeout=ENDS_S, check=True
        ).stdout

    def environment(self) -> Mapping[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        return {**kept, **self.variables}

    def configure(self, endpoint: str, database: str, cities: Sequence[str]) -> None:
        """An old project's files: a list of cities, and a `.env`."""
        (self.folder / "config").mkdir(exist_ok=True)
        (self.folder / "config" / "cities.txt").write_text("".join(f"{city}\n" for city in cities), encoding="utf-8")
        dotenv = self.folder / ".env"
        dotenv.write_text(f"COSMOS_ENDPOINT={endpoint}\nCOSMOS_DATABASE={database}\n", encoding="utf-8")
        dotenv.chmod(0o600)


def labelled(project: str) -> dict[str, list[str]]:
    """What Docker itself has of a project."""
    label = ("--filter", f"label=bacalhau-cosmos.project={project}")
    listings = {
        "containers": ("ps", "--all", "--quiet", *label),
        "networks": ("network", "ls", "--quiet", *label),
        "volumes": ("volume", "ls", "--quiet", *label),
        "images": ("images", "--all", "--quiet", *label),
    }
    return {kind: docker(*words).stdout.split() for kind, words in listings.items()}


def until(holds: Callable[[], Any], within_s: float, what: str) -> Any:
    """What `holds` answers once it is true of anything."""
    deadline = time.monotonic() + within_s
    while not (found := holds()):
        assert time.monotonic() < deadline, f"not within {within_s:.0f} s: {what}"
        time.sleep(0.5)
    return found
