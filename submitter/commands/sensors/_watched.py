"""What `sensors monitor` and `sensors query` look at: the only place that puts their sources together."""
# ruff: noqa: PLC0415 - sensors and processors are imported when they are used, so that help stays fast

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from submitter.commands.sensors._project import load, name_of, places_here, say

if TYPE_CHECKING:
    from processors.progress import Life
    from sensors.manager.engine.values import Container
    from sensors.manager.fleet import Fleet
    from sensors.manager.look.databases import Taken
    from sensors.manager.look.watch import Key, Pass, Seen
    from sensors.manager.project import Places

REPORT_LINES = 200
"""Of an uploader's log, from the end: a report and what is told of its errors."""


@dataclass(frozen=True)
class Here:
    """The project of the working folder; without a configuration it has no cities, and its databases are shown."""

    fleet: "Fleet"
    places: "Places"
    project: str
    cosmos: Mapping[str, str]


def here() -> Here:
    """What is configured; of a configuration that does not hold, the reason is said."""
    from sensors.errors import ConfigError
    from sensors.manager import state
    from sensors.manager.fleet import Fleet
    from sensors.manager.settings import Wanted
    from sensors.manager.settings.variables import cosmos_of

    try:
        loaded = load(Wanted())
    except ConfigError as error:
        say(f"Note: {error}; only what is found is shown")
        places = places_here()
        return Here(Fleet((), 0.0), places, name_of(places), cosmos_of(os.environ))
    project = state.read(loaded.places).project or loaded.project or name_of(loaded.places)
    return Here(loaded.fleet, loaded.places, project, loaded.cosmos)


def seen(project: Here, clock: Callable[[], datetime]) -> "tuple[Seen, Sequence[str]]":
    """One look at all of it, and what could not be looked at; it is of the moment when it was over."""
    from sensors.manager.look import watch
    from sensors.manager.look.databases import find, look

    containers, passes, unknown = _containers(project.project)
    found = find(project.places.data)
    folders = {each.folder: None for each in found} | {city.folder: None for city in project.fleet.cities}
    taken, unread = _taken(project.places, folders)
    looks = {
        (each.folder, each.sensor): (each.path, look(each.path, taken.get((each.folder, each.sensor), ()), clock()))
        for each in found
    }
    return watch.Seen(project.project, clock(), containers, looks, taken, passes), (*unknown, *unread)


def _containers(project: str) -> "tuple[list[Container] | None, dict[str, Pass], list[str]]":
    from sensors.errors import EngineError
    from sensors.manager.engine import connected
    from sensors.manager.look.watch import last_pass

    try:
        with connected() as engine:
            containers = engine.containers(project)
            passes = {
                each.service: found
                for each in containers
                if each.service.startswith("uploader-")
                and (found := last_pass(engine.last_lines(each, REPORT_LINES))) is not None
            }
    except EngineError as error:
        return None, {}, [f"status is not known: {error}"]
    return containers, passes, []


def _taken(places: "Places", folders: Iterable[str]) -> "tuple[dict[Key, Sequence[Taken]], list[str]]":
    """What uploaders took in, and why it is not known of some cities."""
    try:
        from processors.errors import ProcessorError
        from processors.progress import progress
    except ModuleNotFoundError as error:  # an install without the extra, or Windows, where no uploader runs
        return {}, [f"what was uploaded is not known: this install has no {error.name}"]
    taken: dict[Key, Sequence[Taken]] = {}
    unread = []
    for folder in folders:
        try:
            found = progress(places.state, places.archive, folder)
        except ProcessorError as error:
            unread.append(f"what was uploaded is not known: {error}")
        else:
            taken |= {(folder, sensor): [_life(life) for life in lives] for sensor, lives in found.items()}
    return taken, unread


def _life(life: "Life") -> "Taken":
    from sensors.manager.look.databases import Taken

    totals = life.totals
    return Taken(
        position=life.position,
        last=life.last,
        taken_at=life.taken_at,
        rejects=None if totals is None else totals.rejects,
        anomalies=None if totals is None else totals.anomalies,
        files=None if totals is None else totals.files,
        whole=life.whole,
    )
