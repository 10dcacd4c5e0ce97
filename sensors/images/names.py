"""What images are called: `[registry/][organisation/]bacalhau-cosmos/<image>:<tag>`."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from sensors.errors import RequestError

NAMESPACE = "bacalhau-cosmos"

PROJECT_LABEL = "bacalhau-cosmos.project"
"""On all of a project in Docker; its value is the project's name. The Dockerfiles have it, too."""

_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
"""https://docs.docker.com/reference/cli/docker/image/tag"""

_WORD = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_WORD}(?:/{_WORD})*")
_REGISTRY = re.compile(rf"[A-Za-z0-9.-]+(?::\d+)?(?:/{_WORD})*")


def repository_of(image: str, *, registry: str = "", organisation: str = "") -> str:
    """The name without a tag.

    Raises:
        RequestError: Docker takes no such registry or organisation.
    """
    prefix = [part.strip("/") for part in (registry, organisation)]
    for variable, part, allowed, example in zip(
        ("DOCKER_REGISTRY", "DOCKER_ORG"), prefix, (_REGISTRY, _PATH), ("ghcr.io", "my-team"), strict=True
    ):
        if part and not allowed.fullmatch(part):
            raise RequestError(
                "name the images",
                f"{variable}={part}",
                why="Docker takes no such name",
                hint=f"set it to a name such as {example}; only a registry's address has capital letters and a port",
            )
    return "/".join(part for part in (*prefix, NAMESPACE, image) if part)


def is_ours(name: str) -> bool:
    """Whether a name, with or without its tag, is one that `repository_of` gives."""
    return re.search(rf"(?:^|/){NAMESPACE}/[^/:]+(?::[^/]+)?$", name) is not None


def check_tag(tag: str) -> str:
    """The tag.

    Raises:
        RequestError: It is `latest`, or Docker takes no such tag.
    """
    if tag.lower() == "latest":
        raise RequestError(
            "tag the images",
            tag,
            why="this tag moves from build to build, so nobody can tell what runs, or go back to what ran before",
            hint="leave --tag out for the time of the build, or name a version, such as --tag v1.2",
        )
    if not _TAG.fullmatch(tag):
        raise RequestError(
            "tag the images",
            tag or "an empty tag",
            why="Docker takes letters, digits, `_`, `.` and `-`, at most 128, and neither `.` nor `-` first",
            hint="such as --tag v1.2",
        )
    return tag


def time_tag(now: datetime) -> str:
    """`v20261120093000`: the time in UTC, to the second."""
    return f"v{now.astimezone(UTC):%Y%m%d%H%M%S}"
