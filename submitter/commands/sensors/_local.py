"""Local data of a project or of one of its cities."""
# ruff: noqa: PLC0415 - sensors and processors are imported when they are used, so that help stays fast

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from submitter.errors import UsageError

if TYPE_CHECKING:
    from sensors.manager.project import Places
    from sensors.manager.removal import Removal


def local_data(places: "Places", city: str | None) -> "Removal":
    """Data, state and archive of a city by its folder, or of all; what is there may go.

    Raises:
        UsageError: The name is no folder's.
        EngineError: Whether containers run cannot be seen.
        RequestError: Containers of the project run, or something of it lies outside the project.
        SensorsError: It cannot be looked at.
    """
    from sensors.manager import removal, state
    from sensors.manager.engine import connected

    project = state.read(places).project
    if project is not None:
        with connected() as engine:
            removal.refuse_running(project, engine.containers)
    wanted = [places.data, places.state, places.archive] if city is None else list(_of_city(places, city))
    return removal.plan(places, wanted)


def _of_city(places: "Places", city: str) -> Iterator[Path]:
    from processors import heartbeat
    from processors.archive.places import of_city
    from processors.discover import is_folder_name

    if not is_folder_name(city):
        raise UsageError("clean", city, why="it is not the name of a folder", hint="give a city such as amsterdam")
    yield places.data / city
    yield places.state / city
    yield heartbeat.of_city(places.state, city)
    yield from of_city(places.archive, city)
