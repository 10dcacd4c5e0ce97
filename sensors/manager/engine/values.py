"""What the Docker engine tells, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from docker.models.containers import Container as Found


@dataclass(frozen=True)
class Container:
    """A container of a project.

    Attributes:
        id: Of the engine.
        service: Of Compose.
        state: `created`, `running`, `restarting`, `exited`, `paused`, `dead` or `removing`.
        health: `starting`, `healthy` or `unhealthy`; None without a health check.
        restarts: By its restart policy, since it was made.
        exit_code: Of its last end; None while it runs.
        started_at: Of its present or last life; None before the first.
        image: As it was named.
    """

    id: str
    service: str
    state: str
    health: str | None
    restarts: int
    exit_code: int | None
    started_at: datetime | None
    image: str

    @property
    def well(self) -> bool:
        """Whether it runs, and is healthy where that is checked."""
        return self.state == "running" and self.health in (None, "healthy")


@dataclass(frozen=True)
class About:
    """What an engine tells of itself.

    Attributes:
        version: Such as `27.3.1`.
        api_version: Such as `1.47`.
        platform: Of its containers, such as `linux/amd64`.
        driver: Of storage.
        cgroup: Version and driver.
        root: Folder of its images and containers, on its own machine.
        where: Its socket, or its address.
        here: Whether it was reached by a socket of this machine.
        at: Its clock.
    """

    version: str
    api_version: str
    platform: str
    driver: str
    cgroup: str
    root: str
    where: str
    here: bool
    at: datetime


@dataclass(frozen=True)
class Image:
    """An image of the engine.

    Attributes:
        made_at: When it was built; None where that is not known.
        platform: Such as `linux/amd64`.
    """

    made_at: datetime | None
    platform: str


@dataclass(frozen=True)
class Placed:
    """A container that was started from a folder.

    Attributes:
        container: As in its project.
        compose_project: Name by which Compose knows it.
        project: By our label; None where it has none, as those of the old script.
    """

    container: Container
    compose_project: str
    project: str | None


def told(found: Found) -> Container:
    """A container as the library found it."""
    state = found.attrs["State"]
    running = state["Status"] in ("running", "paused", "restarting")
    return Container(
        id=str(found.id),
        service=found.labels.get("com.docker.compose.service", str(found.name)),
        state=state["Status"],
        health=state.get("Health", {}).get("Status"),
        restarts=found.attrs["RestartCount"],
        exit_code=None if running else state["ExitCode"],
        started_at=instant(state["StartedAt"]),
        image=found.attrs["Config"]["Image"],
    )


def instant(text: str) -> datetime | None:
    """A time; Docker writes nanoseconds, and the year 1 for never, which is None."""
    at = datetime.fromisoformat(text[:19] + "+00:00")
    return None if at.year == 1 else at
