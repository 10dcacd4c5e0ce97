"""All checks of a project, in the order in which one thing rests on another."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sensors.errors import EngineError, SensorsError
from sensors.manager.compose import Images, Owner
from sensors.manager.diagnostics import clock, containers, cosmos, databases, disk, endpoint, project, settings
from sensors.manager.diagnostics import engine as docker
from sensors.manager.diagnostics.check import Check, Part, Section, guarded, masked, sections, skipped
from sensors.manager.diagnostics.cosmos import Tried
from sensors.manager.diagnostics.disk import Disk, disk_of
from sensors.manager.diagnostics.endpoint import Answer
from sensors.manager.diagnostics.env_file import EnvFile
from sensors.manager.diagnostics.listener import listener
from sensors.manager.engine import Engine
from sensors.manager.engine.values import About
from sensors.manager.fleet import Fleet
from sensors.manager.project import Places

WITHIN_S = 120.0
"""For all checks together: the way to Cosmos has eight steps of at most 10 s, and Docker answers within 20 s."""


@dataclass(frozen=True)
class Subject:
    """What is looked at.

    Attributes:
        places: Of the project.
        project: Its name.
        configuration: What is to run, the name of the file that says so, and notices; or why it does not hold.
        cosmos: `COSMOS_*` as they were resolved, or as far as that went.
        images: That are to run; None where none was ever built or named.
        owner: Whom containers run as.
        environment: Of this process.
        env_file: The project's `.env`.
        known: Names of variables that begin with `COSMOS_` and are settings.
        secrets: Values that are not to be told.
    """

    places: Places
    project: str
    configuration: tuple[Fleet, str, Sequence[str]] | SensorsError
    cosmos: Mapping[str, str] = field(repr=False)
    images: Images | None
    owner: Owner
    environment: Mapping[str, str] = field(repr=False)
    env_file: EnvFile
    known: Collection[str]
    secrets: Collection[str] = field(repr=False)

    @property
    def fleet(self) -> Fleet | None:
        """What is to run; None where the configuration does not hold."""
        return None if isinstance(self.configuration, SensorsError) else self.configuration[0]

    @property
    def endpoint(self) -> str:
        """Of Cosmos DB; may be empty."""
        return self.cosmos.get("COSMOS_ENDPOINT", "")


@dataclass(frozen=True)
class Machine:
    """By what it is looked at.

    Attributes:
        engine: Docker's, or why it was not reached.
        compose: Version of Compose, and where it is; raises EngineError.
        ask: Who answers at an endpoint; raises SensorsError.
        cosmos: Tries every step to Cosmos DB.
        now: The present, with a zone.
        look: At the disk of a folder.
        listening: Name of the program that has a port of this machine.
    """

    engine: Engine | EngineError
    compose: Callable[[], str]
    ask: Callable[[str], Answer]
    cosmos: Callable[[], Sequence[Tried]]
    now: Callable[[], datetime]
    look: Callable[[Path], Disk] = disk_of
    listening: Callable[[int], str | None] = listener


def diagnose(
    subject: Subject, machine: Machine, mask: Callable[[str], str], within_s: float = WITHIN_S
) -> list[Section]:
    """Every section, its texts through `mask`; an error that is none of ours is raised."""
    return masked(sections(parts(subject, machine), within_s=within_s), mask)


def parts(subject: Subject, machine: Machine) -> list[Part]:
    """Each group of checks, causes before effects."""
    about, our_time = _about(machine)
    places = subject.places
    return [
        Part("Docker", lambda: _docker(machine, about)),
        Part("Disk", lambda: _disk(subject, machine, about)),
        Part("Settings", lambda: _settings(subject)),
        Part("Project", lambda: _project(subject, machine.engine)),
        Part("Images", lambda: _images(subject, machine, about)),
        Part("Endpoint and clocks", lambda: _endpoint(subject, machine, about, our_time)),
        Part("Cosmos DB", lambda: cosmos.cosmos(subject.endpoint, machine.cosmos)),
        Part("Containers", lambda: _containers(subject, machine.engine)),
        Part("Databases", lambda: databases.databases(places, subject.fleet, subject.owner, machine.now())),
    ]


def _about(machine: Machine) -> tuple[About | EngineError, datetime]:
    """What the engine tells of itself, and this machine's time then."""
    if isinstance(machine.engine, EngineError):
        return machine.engine, machine.now()
    try:
        return machine.engine.about(), machine.now()
    except EngineError as error:
        return error, machine.now()


def _docker(machine: Machine, about: About | EngineError) -> Iterator[Check]:
    yield docker.engine(about)
    yield docker.compose(machine.compose)


def _disk(subject: Subject, machine: Machine, about: About | EngineError) -> Iterator[Check]:
    places = subject.places
    folders = {"data": places.data, "state": places.state, "archive": places.archive}
    root = docker.root_of(about)
    yield from disk.disks(folders if root is None else folders | {"Docker": root}, machine.look)
    if root is None:
        why = docker.NO_ENGINE if isinstance(about, EngineError) else f"{about.root} cannot be seen from here"
        yield skipped("Docker", why)
    for name, folder in folders.items():
        yield guarded(f"{name} folder", lambda name=name, folder=folder: disk.writable(f"{name} folder", folder))  # type: ignore[misc]


def _settings(subject: Subject) -> Iterator[Check]:
    environment, env_file = subject.environment, subject.env_file
    yield from settings.configuration(subject.configuration)
    yield from settings.variables(environment, env_file, subject.cosmos)
    yield from settings.file_checks(subject.places.environment, env_file, subject.secrets)
    yield from settings.strays(environment, env_file, subject.known)


def _project(subject: Subject, engine: Engine | EngineError) -> Iterator[Check]:
    yield from project.remembered(subject.places, subject.project)
    if isinstance(engine, EngineError):
        yield skipped("leftovers", docker.NO_ENGINE)
        return
    root = subject.places.root
    folders = dict.fromkeys((root, root.resolve()))
    yield guarded(
        "leftovers",
        lambda: project.leftovers([each for one in folders for each in engine.started_from(one)], subject.project),
    )


def _images(subject: Subject, machine: Machine, about: About | EngineError) -> Iterator[Check]:
    if isinstance(machine.engine, EngineError):
        return iter([skipped("images", docker.NO_ENGINE)])
    return docker.images(subject.images, machine.engine.image, about, machine.now())


def _endpoint(subject: Subject, machine: Machine, about: About | EngineError, our_time: datetime) -> Iterator[Check]:
    answer: Answer | SensorsError | None = None
    if subject.endpoint:
        try:
            answer = machine.ask(subject.endpoint)
        except SensorsError as error:
            answer = error
    yield endpoint.port(subject.endpoint, answer, machine.listening)
    yield endpoint.endpoint_clock(subject.endpoint, answer)
    if isinstance(about, EngineError):
        yield skipped("Docker's clock", docker.NO_ENGINE)
    else:
        yield clock.clock("Docker's clock", about.at, our_time, coarse_s=1.0)


def _containers(subject: Subject, engine: Engine | EngineError) -> Iterator[Check]:
    if isinstance(engine, EngineError):
        return iter([skipped("containers", docker.NO_ENGINE)])
    return containers.containers(engine.containers(subject.project), subject.fleet, engine.last_lines)
