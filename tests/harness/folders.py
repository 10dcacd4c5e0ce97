"""Where a node of one city has its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass
class Folders:
    """All of it is below `root`; a sensor has one database."""

    root: Path
    city: str = "denver"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def state(self) -> Path:
        return self.root / "state"

    @property
    def archive(self) -> Path:
        return self.root / "archive"

    @property
    def checkpoint(self) -> Path:
        return self.state / self.city / "checkpoint.db"

    def database(self, sensor: str = "s1") -> Path:
        return self.data / self.city / sensor / "sensor_data.db"
