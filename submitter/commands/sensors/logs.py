"""`bacalhau-cosmos sensors logs`: what containers say."""
# ruff: noqa: PLC0415 - sensors is imported when it is used, so that help stays fast

import os
from typing import Annotated

import typer

from submitter.commands.sensors._project import compose, name_of, places_here
from submitter.errors import UsageError, nearest

EXAMPLE = "Example: bacalhau-cosmos sensors logs uploader-amsterdam --no-follow"


def logs(
    services: Annotated[list[str] | None, typer.Argument(metavar="[SERVICE]...", show_default="all")] = None,
    *,
    no_follow: Annotated[bool, typer.Option("--no-follow", help="End with what was said so far.")] = False,
) -> None:
    """Show what sensors and uploaders say, and go on until Ctrl-C."""
    from sensors.manager.engine import connected

    places = places_here()
    name = name_of(places)
    with connected() as engine:
        there = {each.service for each in engine.containers(name)}
    if not there:
        raise UsageError("show logs", name, why="no container of this project is there", hint="start it first")
    for service in services or ():
        if service not in there:
            raise UsageError(
                "show the log",
                service,
                why=f"the project has no such service{nearest(service, there)}",
                hint="`bacalhau-cosmos sensors monitor --once` lists them",
            )
    words = ["logs", *([] if no_follow else ["--follow"]), *(services or ())]
    compose().follow(words, project=name, cwd=places.root, environment=os.environ)
