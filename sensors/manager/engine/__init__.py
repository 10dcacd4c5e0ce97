"""The Docker engine: what there is of a project, by the labels that it carries."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.models.containers import Container as Found

from sensors.errors import SensorsError
from sensors.images import names
from sensors.manager.engine import errors
from sensors.manager.engine.values import About, Container, Image, Placed, instant, told

_COMPOSE_LABEL = "com.docker.compose.project"
_FOLDER_LABEL = "com.docker.compose.project.working_dir"
_SOCKETS = ("http+docker://localhost", "http+docker://localnpipe")
"""What the library calls an engine that it reaches by a socket of this machine."""

ANSWER_S = 20
_AT_ONCE = 8

_NO_TAG = "<none>:<none>"
"""How engines before 25 tell of an image without a name."""


class Engine:
    """Reads and removes what carries a project's label. Made by `connected`."""

    def __init__(self, client: docker.DockerClient):
        self._client = client

    def containers(self, project: str) -> list[Container]:
        """Of a project, by service; also those that do not run."""
        with _explained("list containers", project):
            label = f"{names.PROJECT_LABEL}={project}"
            found = self._client.containers.list(all=True, ignore_removed=True, filters={"label": label})
            return sorted(map(told, found), key=lambda each: each.service)

    def labelled(self, project: str) -> Mapping[str, Sequence[str]]:
        """Names of all that carries a project's label: `containers`, `networks`, `volumes` and `images`."""
        with _explained("list what carries the label of", project):
            return {
                **{kind: _names(things) for kind, things in self._find(project).items()},
                "images": self._image_names(project),
            }

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
        label: dict[str, str | list[str] | bool] = {"label": f"{names.PROJECT_LABEL}={project}"}
        return {
            "containers": self._client.containers.list(all=True, ignore_removed=True, filters=label),
            "networks": self._client.networks.list(filters=label),
            "volumes": self._client.volumes.list(filters=label),
        }

    def about(self) -> About:
        """The engine itself."""
        with _explained("ask about itself", "the Docker engine"):
            info, version = self._client.info(), self._client.version()
        return About(
            version=version["Version"],
            api_version=version["ApiVersion"],
            platform=f"{version['Os']}/{version['Arch']}",
            driver=info["Driver"],
            cgroup=f"{info.get('CgroupVersion', '1')} ({info['CgroupDriver']})",
            root=info["DockerRootDir"],
            where=os.environ.get("DOCKER_HOST") or "this machine's own socket",
            here=self._client.api.base_url in _SOCKETS,
            at=datetime.fromisoformat(info["SystemTime"][:19] + "+00:00"),
        )

    def image(self, name: str) -> Image | None:
        """The image of that name; None where there is none."""
        with _explained("look at the image", name):
            try:
                told = self._client.images.get(name).attrs
            except ImageNotFound:
                return None
        return Image(instant(told["Created"]), f"{told['Os']}/{told['Architecture']}")

    def started_from(self, folder: Path) -> list[Placed]:
        """What Compose started from a folder, under whatever name, by service; also what does not run."""
        with _explained("list containers", str(folder)):
            label = f"{_FOLDER_LABEL}={folder}"
            found = self._client.containers.list(all=True, ignore_removed=True, filters={"label": label})
        placed = [
            Placed(told(each), each.labels.get(_COMPOSE_LABEL, ""), each.labels.get(names.PROJECT_LABEL))
            for each in found
        ]
        return sorted(placed, key=lambda each: (each.compose_project, each.container.service))

    def _image_names(self, project: str) -> list[str]:
        """Of a project's images: names that the manager gives, in order, then the ids of images without any name."""
        # By the plain call: the other asks for each image by itself, and fails when one goes meanwhile.
        found = self._client.api.images(filters={"label": f"{names.PROJECT_LABEL}={project}"})
        tags = {each["Id"]: [tag for tag in each["RepoTags"] or () if tag != _NO_TAG] for each in found}
        ours = sorted(tag for named in tags.values() for tag in named if names.is_ours(tag))
        return [*ours, *sorted(id_ for id_, named in tags.items() if not named)]

    def remove_images(self, project: str) -> list[str]:
        """Names of a project's images that were removed, the ids of those without a name last.

        An image loses the names that the manager gives and keeps any other. Layers that another project uses stay.

        Raises:
            SensorsError: Some are in use, by a container mostly; the others are removed.
        """
        removed, kept, why = [], [], []
        with _explained("remove images", project):
            for name in self._image_names(project):
                try:
                    self._client.images.remove(name)
                    removed.append(name)
                except ImageNotFound:  # it went with another, or another manager was here
                    continue
                except APIError as error:
                    if error.status_code != HTTPStatus.CONFLICT:
                        raise
                    kept.append(name)
                    why.append(str(error.explanation))
        if kept:
            raise SensorsError(
                "remove images",
                ", ".join(kept),
                why="; ".join(why),
                hint=f"`docker ps --all --filter ancestor={kept[0]}` shows what uses it; end and remove that first",
            )
        return removed

    def homes(self, project: str) -> set[Path]:
        """Folders that containers of a project were started from."""
        with _explained("list containers", project):
            label = f"{names.PROJECT_LABEL}={project}"
            found = self._client.containers.list(all=True, ignore_removed=True, filters={"label": label})
        return {Path(each.labels[_FOLDER_LABEL]) for each in found if _FOLDER_LABEL in each.labels}

    def last_lines(self, container: Container, lines: int) -> Sequence[str]:
        """The end of what a container said, stdout and stderr as they came."""
        with _explained("read the log", container.service):
            said: bytes = self._client.containers.get(container.id).logs(tail=lines)
        return said.decode(errors="replace").splitlines()


@contextmanager
def connected(environment: Mapping[str, str] | None = None, *, answer_s: int = ANSWER_S) -> Iterator[Engine]:
    """The engine that `DOCKER_HOST` or this machine's own socket leads to.

    Args:
        environment: Instead of this process's own.
        answer_s: How long it may take over an answer.

    Raises:
        EngineError: There is none, it does not answer, or it does not let us in.
    """
    variables = dict(os.environ if environment is None else environment)
    try:
        client = docker.from_env(timeout=answer_s, environment=variables)
        client.ping()
    except (DockerException, OSError, ValueError) as error:
        raise errors.unreached(error, variables, answer_s=answer_s) from error
    try:
        yield Engine(client)
    finally:
        client.close()


def _remove_container(container: Found) -> None:
    """Somebody else may remove it at this moment."""
    with suppress(NotFound):
        container.remove(force=True, v=True)


def _names(things: Sequence[Any]) -> list[str]:
    return sorted(str(each.name) for each in things)


@contextmanager
def _explained(doing: str, on_what: str) -> Iterator[None]:
    try:
        yield
    except (DockerException, OSError) as error:
        raise errors.refused(error, doing, on_what) from error
