"""The Docker engine: what there is of a project, by the labels that it carries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import docker
from docker.errors import DockerException, ImageNotFound, NotFound
from docker.models.containers import Container as Found

from sensors.errors import EngineError

PROJECT_LABEL = "bacalhau-cosmos.project"
"""On containers, networks, volumes and images of a project; its value is the project's name."""

ANSWER_S = 20
_AT_ONCE = 8


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


class Engine:
    """Reads and removes what carries a project's label. Made by `connected`."""

    def __init__(self, client: docker.DockerClient):
        self._client = client

    def containers(self, project: str) -> list[Container]:
        """Of a project, by service; also those that do not run."""
        with _explained("list containers", project):
            found = self._client.containers.list(all=True, filters={"label": f"{PROJECT_LABEL}={project}"})
            return sorted(map(_told, found), key=lambda each: each.service)

    def version(self) -> str:
        """Of the engine."""
        with _explained("ask the version of", "the Docker engine"):
            return str(self._client.version()["Version"])

    def has_image(self, name: str) -> bool:
        """Whether the engine has an image of this name and tag."""
        with _explained("look for the image", name):
            try:
                self._client.images.get(name)
            except ImageNotFound:
                return False
            return True

    def labelled(self, project: str) -> Mapping[str, Sequence[str]]:
        """Names of all that carries a project's label: `containers`, `networks`, `volumes` and `images`."""
        with _explained("list what carries the label of", project):
            return {kind: _names(things) for kind, things in self._find(project).items()}

    def remove(self, project: str) -> Mapping[str, Sequence[str]]:
        """Ends and removes all that carries a project's label; the same names as of `labelled`.

        Raises:
            SensorsError: A container of somebody else uses one of the images; all else is removed.
        """
        with _explained("remove what carries the label of", project):
            found = self._find(project)
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                list(pool.map(_remove_container, found["containers"]))
            for thing in (*found["networks"], *found["volumes"]):
                thing.remove()
        return {**{kind: _names(things) for kind, things in found.items()}, "images": self.remove_images(project)}

    def _find(self, project: str) -> dict[str, list[Any]]:
        label: dict[str, str | list[str] | bool] = {"label": f"{PROJECT_LABEL}={project}"}
        return {
            "containers": self._client.containers.list(all=True, ignore_removed=True, filters=label),
            "networks": self._client.networks.list(filters=label),
            "volumes": self._client.volumes.list(filters=label),
            "images": self._client.images.list(filters=label),
        }

    def last_lines(self, container: Container, lines: int) -> Sequence[str]:
        """The end of what a container said, stdout and stderr as they came."""
        with _explained("read the log", container.service):
            said: bytes = self._client.containers.get(container.id).logs(tail=lines)
        return said.decode(errors="replace").splitlines()


@contextmanager
def connected() -> Iterator[Engine]:
    """The engine that `DOCKER_HOST` or this machine's own socket leads to.

    Raises:
        EngineError: There is none, it does not answer, or it does not let us in.
    """
    with _explained("reach the Docker engine", "the Docker engine"):
        client = docker.from_env(timeout=ANSWER_S)
        client.ping()
    try:
        yield Engine(client)
    finally:
        client.close()


def _remove_container(container: Found) -> None:
    """Somebody else may remove it at this moment."""
    with suppress(NotFound):
        container.remove(force=True, v=True)


def _names(things: Sequence[Any]) -> list[str]:
    """Of containers, networks and volumes; the tags of images, and the id of one that has none."""
    return sorted(str(name) for each in things for name in getattr(each, "tags", None) or [_name(each)])


def _name(thing: Any) -> str:
    return str(thing.id) if hasattr(thing, "tags") else str(thing.name)


def _told(found: Found) -> Container:
    state = found.attrs["State"]
    running = state["Status"] in ("running", "paused", "restarting")
    return Container(
        id=str(found.id),
        service=found.labels.get("com.docker.compose.service", str(found.name)),
        state=state["Status"],
        health=state.get("Health", {}).get("Status"),
        restarts=found.attrs["RestartCount"],
        exit_code=None if running else state["ExitCode"],
        started_at=_instant(state["StartedAt"]),
        image=found.attrs["Config"]["Image"],
    )


def _instant(text: str) -> datetime | None:
    """Docker writes nanoseconds, and the year 1 for never."""
    at = datetime.fromisoformat(text[:19] + "+00:00")
    return None if at.year == 1 else at


@contextmanager
def _explained(doing: str, on_what: str) -> Iterator[None]:
    try:
        yield
    except DockerException as error:
        raise EngineError(
            doing,
            on_what,
            why=str(error),
            hint="start Docker, or `sudo make engine` in a checkout",
        ) from error
