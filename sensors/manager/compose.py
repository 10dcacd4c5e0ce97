"""The Compose file of a project, as text: the same for the same project."""

from __future__ import annotations

import ipaddress
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from urllib.parse import urlsplit

import jinja2

from sensors.images.context import IMAGES
from sensors.images.names import PROJECT_LABEL, repository_of
from sensors.manager.fleet import Fleet
from sensors.manager.project import Places

IMAGE_USER = 10001
"""User and group that the images are made for."""

HEALTH_S = 30
"""Between two looks at a container; the first one is so long after its start, too."""

PASSED_ON = (
    "COSMOS_ENDPOINT",
    "COSMOS_KEY",
    "COSMOS_DATABASE",
    "COSMOS_CONTAINER",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_TENANT_ID",
)
"""What uploaders get from the environment or `.env`: by name, so that no value is in the file."""


@dataclass(frozen=True)
class Images:
    """Names of the two images, each with its tag."""

    sensors: str
    processors: str


def images_of(fleet: Fleet, tag: str) -> Images:
    """`[registry/][organisation/]bacalhau-cosmos/...:tag`."""
    where = {"registry": fleet.registry, "organisation": fleet.organisation}
    return Images(**{image: f"{repository_of(image, **where)}:{tag}" for image in IMAGES})


@dataclass(frozen=True)
class Owner:
    """Whose the project's files are, and whom its containers run as."""

    user: int
    group: int

    def __str__(self) -> str:
        return f"{self.user}:{self.group}"


def owner_here() -> Owner:
    """This user, so that what containers write is this user's too; the images' own for root and on Windows."""
    if not hasattr(os, "getuid") or os.getuid() == 0:
        return Owner(IMAGE_USER, IMAGE_USER)
    return Owner(os.getuid(), os.getgid())


def is_loopback(endpoint: str) -> bool:
    """Whether the endpoint is this machine's: only a container in its network reaches it."""
    try:
        host = urlsplit(endpoint).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def render(
    fleet: Fleet, places: Places, *, project: str, images: Images, owner: Owner, endpoint: str, source: Path
) -> str:
    """The file's text.

    Args:
        fleet: What is to run.
        places: Where its data is; named relative to the project's folder.
        project: Name of the project.
        images: Names with tags.
        owner: Whom containers run as.
        endpoint: Of Cosmos DB, which decides the network of the uploaders; it is not written. May be empty.
        source: The configuration.
    """
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - YAML: every value goes through `quoted`
    )
    environment.filters |= {"quoted": _quoted, "seconds": lambda value: f"{value:.10g}s"}
    template = resources.files("sensors.manager").joinpath("docker-compose.yml.j2").read_text(encoding="utf-8")
    return environment.from_string(template).render(
        fleet=fleet,
        project=project,
        images=images,
        user=str(owner),
        host_network=is_loopback(endpoint),
        folders=_folders(places),
        passed_on=PASSED_ON,
        label=PROJECT_LABEL,
        health_s=HEALTH_S,
        source=_named(source, places),
    )


def _folders(places: Places) -> Mapping[str, str]:
    return {
        name: f"./{path.relative_to(places.root).as_posix()}"
        for name, path in (("data", places.data), ("state", places.state), ("archive", places.archive))
    }


def _named(source: Path, places: Places) -> str:
    whole = source.absolute()
    return whole.relative_to(places.root).as_posix() if whole.is_relative_to(places.root) else whole.name


def _quoted(value: object) -> str:
    """The value as a string of YAML that Compose takes as it is: JSON's strings are YAML's, and `$$` is its `$`."""
    text = f"{value:.10g}" if isinstance(value, float) else str(value)
    return json.dumps(text, ensure_ascii=False).replace("$", "$$")
