"""Names that Compose and registries take."""

from __future__ import annotations

import re

from sensors.config import PROJECT
from sensors.errors import RequestError


def checked(project: str) -> str:
    """The project's name.

    Raises:
        RequestError: Compose would not take it.
    """
    if not re.fullmatch(PROJECT, project):
        raise RequestError(
            "use the project's name",
            project,
            why="a name has lower-case letters, digits, `-` and `_`, and begins with a letter or digit",
            hint="for example --project-name cosmos-sensors",
        )
    return project
