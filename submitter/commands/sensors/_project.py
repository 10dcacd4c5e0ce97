"""The project of the working folder, as the commands of `sensors` know it."""
# ruff: noqa: PLC0415 - sensors is imported when it is used, so that help stays fast

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from submitter.commands._stop import interrupted_by_sigterm
from submitter.errors import UsageError
from submitter.output import plain

if TYPE_CHECKING:
    from sensors.manager.compose import Images
    from sensors.manager.compose_cli import Compose
    from sensors.manager.engine import Engine
    from sensors.manager.fleet import Fleet
    from sensors.manager.lifecycle import Project
    from sensors.manager.project import Places
    from sensors.manager.settings import Loaded, Wanted
    from sensors.manager.state import Known, Step

CHECKOUT = Path(__file__).resolve().parents[3]
"""Where this runs from: a checkout has the images' Dockerfiles and the programs that `make` built."""


def say(text: str) -> None:
    """To people, beside the data."""
    typer.echo(plain(text), err=True)


def load(wanted: "Wanted") -> "Loaded":
    """The configuration of the working folder; its notices are said."""
    from sensors.manager import settings

    loaded = settings.load(Path.cwd(), wanted, os.environ)
    for notice in loaded.notices:
        say(f"Note: {notice}")
    return loaded


def project_of(
    loaded: "Loaded", *, name: str | None = None, images: "Images | None" = None, file: Path | None = None
) -> "Project":
    """The project that the configuration describes, under the name that it has by now.

    Args:
        loaded: The configuration.
        name: Given on the command line.
        images: That were just built; None for those of the configuration's tag, else of the last build.
        file: The Compose file; None for `docker-compose.yml`.
    """
    from sensors.manager import state
    from sensors.manager.compose import owner_here
    from sensors.manager.lifecycle import Project

    known = state.read(loaded.places)
    return Project(
        name=chosen_name(loaded, name),
        places=loaded.places,
        fleet=loaded.fleet,
        cosmos=loaded.cosmos,
        source=loaded.source,
        images=images or _images(loaded.fleet, known),
        owner=owner_here(),
        file=(file or loaded.places.compose_file).absolute(),
    )


def chosen_name(loaded: "Loaded", name: str | None = None) -> str:
    """The name given on the command line, else of what runs, else of the configuration, else of the folder."""
    from sensors.manager import state
    from sensors.manager.names import checked
    from sensors.manager.project import default_name

    places = loaded.places
    return checked(name or state.read(places).project or loaded.project or default_name(places.root))


def _images(fleet: "Fleet", known: "Known") -> "Images":
    from sensors.manager.compose import Images, images_of
    from submitter import version

    if fleet.tag is not None:
        return images_of(fleet, fleet.tag)
    return Images(**known.images) if known.images else images_of(fleet, version())


def places_here() -> "Places":
    """The places of the working folder, for commands that need no configuration."""
    from sensors.manager.project import places_of

    return places_of(Path.cwd())


def name_of(places: "Places") -> str:
    """As `chosen_name`, also where the configuration does not hold: what runs can be stopped all the same."""
    from sensors.errors import ConfigError
    from sensors.manager import settings, state
    from sensors.manager.project import default_name

    if (known := state.read(places).project) is not None:
        return known
    try:
        return chosen_name(settings.load(places.root, settings.Wanted(), os.environ))
    except ConfigError:
        return default_name(places.root)


def refuse_of_another_folder(engine: "Engine", name: str, places: "Places") -> None:
    """Does nothing unless containers of that name were started from another folder, which is still there.

    Raises:
        UsageError: They were: this folder is a copy, or two folders were given one name.
    """
    others = sorted(home for home in engine.homes(name) if home != places.root and home.exists())
    if others:
        raise UsageError(
            "change the project",
            name,
            why=f"containers of this name were started from {others[0]}",
            hint="give this folder's project a name of its own: --project-name of `start`, or project: in sensors.yaml",
        )


def compose() -> "Compose":
    """Docker Compose, of this machine or of the checkout."""
    from sensors.manager.compose_cli import find

    return find(CHECKOUT, os.environ)


@contextmanager
def changing(places: "Places", command: str) -> "Iterator[Step]":
    """This command alone changes the project; says what an earlier one left undone, and each step of this one."""
    from sensors.manager import state

    with interrupted_by_sigterm(), state.changing(places, command, lambda: datetime.now(UTC)) as begin:
        left = state.read(places).doing
        if left is not None and left.is_made_good_by(command):
            say(f"Note: {left}; `{command}` begins anew and makes it good")
        elif left is not None:
            say(f"Note: {left}; `bacalhau-cosmos sensors {left.command}` again makes it good")

        def step(text: str) -> None:
            begin(text)
            say(f"{command}: {text}")

        yield step
