"""A project: a folder with its configuration, its data, and what is known of what runs."""

from __future__ import annotations

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
    def environment(self) -> Path:
        """Variables for this project, secrets among them."""
        return self.root / ".env"


def places_of(root: Path, *, data: str = "data", state: str = "state", archive: str = "archive") -> Places:
    """The places of the project in a folder."""
    whole = root.absolute()
    return Places(whole, whole / data, whole / state, whole / archive)
