"""A project: a folder with its configuration, its data, and what is known of what runs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Places:
    """Where a project has what.

    Attributes:
        root: The project's folder, absolute; all others are below it.
        data: Databases, `<city>/<n>/sensor_data.db`.
        state: Positions of the uploaders.
        archive: Parquet.
    """

    root: Path
    data: Path
    state: Path
    archive: Path

    @property
    def own(self) -> Path:
        """What the manager keeps for itself."""
        return self.root / ".sensors"

    @property
    def old_project(self) -> Path:
        """Where the shell script kept the name of what runs."""
        return self.root / ".current-project-name"

    @property
    def compose_file(self) -> Path:
        """As Compose finds it by itself."""
        return self.root / "docker-compose.yml"

    @property
    def environment(self) -> Path:
        """Variables for this project, secrets among them."""
        return self.root / ".env"


def places_of(root: Path, *, data: str = "data", state: str = "state", archive: str = "archive") -> Places:
    """The places of the project in a folder."""
    whole = root.absolute()
    return Places(whole, whole / data, whole / state, whole / archive)


def default_name(root: Path) -> str:
    """Name of the project in a folder where none was given: the same each time, and no other folder's."""
    return f"cosmos-sensors-{hashlib.sha256(str(root.absolute()).encode()).hexdigest()[:6]}"
