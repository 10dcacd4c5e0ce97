"""Local data of a project or of one of its cities."""
# ruff: noqa: PLC0415 - sensors and processors are imported when they are used, so that help stays fast

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from submitter.commands.sensors._project import name_of
from submitter.errors import UsageError

if TYPE_CHECKING:
    from sensors.manager.engine import Engine
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
    from sensors.errors import EngineError
    from sensors.manager import removal, state
    from sensors.manager.engine import connected

    try:
        with connected() as engine:
            refuse_running(engine, places, [name_of(places)])
    except EngineError:
        if state.read(places).project is not None:
            raise  # containers of it may run
    wanted = [places.data, places.state, places.archive] if city is None else list(_of_city(places, city))
    return removal.plan(places, wanted)


def refuse_running(engine: "Engine", places: "Places", names: Iterable[str]) -> None:
    """Does nothing where no container of these projects runs, nor one that was started from the folder.

    Raises:
        RequestError: One does, that of the old script among them.
    """
    from sensors.manager import removal

    for name in names:
        removal.refuse_running(name, engine.containers(name))
    removal.refuse_running(str(places.root), [each.container for each in engine.started_from(places.root)])


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
