"""The first files of a project: an explained configuration, its schema for editors, and room for secrets."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

from sensors.errors import RequestError, SensorsError
from sensors.manager.project import places_of
from sensors.manager.settings.variables import template

SCHEMA = "sensors.schema.json"
_SECRET = 0o600


def write(output: Path, *, force: bool) -> list[Path]:
    """What was written: the configuration, its schema, and `.env` where the folder had none.

    Args:
        output: The configuration; the folder that it is in is the project's.
        force: Replace a configuration that is there.

    Raises:
        RequestError: There is one already.
        SensorsError: A file cannot be written.
    """
    if os.path.lexists(output) and not force:
        raise RequestError(
            "write the configuration",
            output,
            why="it is there already",
            hint="edit it; --force replaces it by the example, --output writes the example elsewhere",
        )
    places = places_of(output.parent)
    schema = output.parent / places.own.name / SCHEMA
    secrets = output.parent / places.environment.name
    written = [output, schema]
    try:
        schema.parent.mkdir(exist_ok=True)
        schema.write_text(_packaged(SCHEMA), encoding="utf-8")
        if not os.path.lexists(secrets):
            _create(secrets, template(), mode=_SECRET)
            written.append(secrets)
        link = f"# yaml-language-server: $schema={schema.parent.name}/{schema.name}\n"
        _create(output, link + _packaged("example.yaml"), replace=force)
    except OSError as error:
        raise SensorsError(
            "write the configuration",
            error.filename or output,
            why=error.strerror or str(error),
            hint="make the folder, or let this user write in it",
        ) from error
    return written


def _packaged(name: str) -> str:
    return resources.files("sensors").joinpath(name).read_text(encoding="utf-8")


def _create(path: Path, text: str, *, replace: bool = False, mode: int = 0o666) -> None:
    """A file with the mode from its first moment on, so that no one can open it before it is closed to them."""
    how = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if replace else os.O_EXCL)
    with open(os.open(path, how, mode), "w", encoding="utf-8") as file:  # noqa: PTH123 - Path.open takes no mode
        file.write(text)
