"""What `sensors diagnostics` looks at and by what: the one place that knows all of it."""
# ruff: noqa: PLC0415 - sensors and processors are imported when they are used, so that help stays fast

import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from submitter import version
from submitter.commands.sensors._project import compose

if TYPE_CHECKING:
    from sensors.errors import SensorsError
    from sensors.manager.compose import Images
    from sensors.manager.diagnostics.check import Section
    from sensors.manager.diagnostics.cosmos import Tried
    from sensors.manager.diagnostics.everything import Machine, Subject
    from sensors.manager.engine import Engine
    from sensors.manager.project import Places
    from sensors.manager.settings import Loaded

Show = Callable[[tuple[str, dict[str, Any]]], None]
"""Gets what was found as text and as a JSON object."""


def diagnosed(show: Show, loaded: "Loaded | None" = None) -> bool:
    """Looks at the project of the working folder and shows what is found; whether nothing failed."""
    from sensors.manager.diagnostics.mask import masking

    subject = subject_of(Path.cwd(), os.environ, loaded)
    with _machine(subject.cosmos) as machine:
        return _shown(subject, machine, masking(subject.secrets), show)[0]


def bundled(path: Path, show: Show) -> bool:
    """The same, and the archive for a bug report.

    Raises:
        RequestError: There is such a file, or its name says no archive; before anything is looked at.
    """
    from sensors.errors import EngineError
    from sensors.manager.diagnostics import bundle
    from sensors.manager.diagnostics.mask import masking

    bundle.check_name(path)
    subject = subject_of(Path.cwd(), os.environ)
    mask = masking(subject.secrets)
    with _machine(subject.cosmos) as machine:
        well, found = _shown(subject, machine, mask, show)
        engine = machine.engine

        def logs() -> Mapping[str, str]:
            try:
                if isinstance(engine, EngineError):
                    raise engine
                return bundle.logs_of(engine, engine.containers(subject.project))
            except EngineError as error:
                return {"none": f"{error}\n"}

        told = bundle.contents(
            found,
            places=subject.places,
            env_file=subject.env_file,
            versions=_versions(found),
            logs=logs,
            mask=mask,
        )
    bundle.write(path, told, datetime.now(UTC))
    return well


def subject_of(root: Path, environment: Mapping[str, str], given: "Loaded | None" = None) -> "Subject":
    """The project in a folder, as it was given, or as far as its configuration can be read."""
    from processors.settings import PREFIX, Settings
    from sensors.errors import SensorsError
    from sensors.manager import settings
    from sensors.manager.compose import owner_here
    from sensors.manager.diagnostics import env_file
    from sensors.manager.diagnostics.everything import Subject
    from sensors.manager.diagnostics.mask import secrets_of
    from sensors.manager.project import default_name, places_of

    loaded: Loaded | SensorsError
    try:
        loaded = given or settings.load(root, settings.Wanted(), environment)
    except SensorsError as error:
        loaded = error
    places = places_of(root) if isinstance(loaded, SensorsError) else loaded.places
    filed = env_file.read(places.environment)
    cosmos = _unresolved(environment, filed.values) if isinstance(loaded, SensorsError) else dict(loaded.cosmos)
    project, images = _remembered(places, loaded)
    return Subject(
        places=places,
        project=project or default_name(places.root),
        configuration=loaded
        if isinstance(loaded, SensorsError)
        else (loaded.fleet, _named(loaded.source, places.root), loaded.notices),
        cosmos=cosmos,
        images=images,
        owner=owner_here(),
        environment=environment,
        env_file=filed,
        known=frozenset(f"{PREFIX}{name.upper()}" for name in Settings.model_fields),
        secrets=secrets_of({**environment, "COSMOS_KEY": cosmos.get("COSMOS_KEY", "")}, filed.values),
    )


def _remembered(places: "Places", loaded: "Loaded | SensorsError") -> "tuple[str | None, Images | None]":
    """Name and images of what runs, or of what would; a memory that cannot be read is told by its own check."""
    from sensors.errors import SensorsError
    from sensors.manager import state
    from sensors.manager.compose import Images, images_of
    from sensors.manager.state import Known

    try:
        known = state.read(places)
    except SensorsError:
        known = Known()
    images = Images(**known.images) if known.images else None
    if isinstance(loaded, SensorsError):
        return known.project, images
    if loaded.fleet.tag is not None:
        images = images_of(loaded.fleet, loaded.fleet.tag)
    return known.project or loaded.project, images


def _unresolved(environment: Mapping[str, str], filed: Mapping[str, str]) -> dict[str, str]:
    from sensors.manager.compose import PASSED_ON

    return {name: value for name in PASSED_ON if (value := environment.get(name) or filed.get(name))}


def _named(source: Path, root: Path) -> str:
    whole = source.absolute()
    return whole.relative_to(root).as_posix() if whole.is_relative_to(root) else str(whole)


@contextmanager
def _machine(variables: Mapping[str, str]) -> "Iterator[Machine]":
    from sensors.errors import EngineError
    from sensors.manager.diagnostics.endpoint import ask
    from sensors.manager.diagnostics.everything import Machine
    from sensors.manager.engine import connected

    def now() -> datetime:
        return datetime.now(UTC)

    with ExitStack() as stack:
        try:
            engine: Engine | EngineError = stack.enter_context(connected())
        except EngineError as error:
            engine = error
        yield Machine(
            engine=engine,
            compose=_compose,
            ask=lambda endpoint: ask(endpoint, now),
            cosmos=lambda: _tried(variables),
            now=now,
        )


def _compose() -> str:
    found = compose()
    return f"{found.version} ({' '.join(found.command)})"


def _tried(variables: Mapping[str, str]) -> "Sequence[Tried]":
    from processors.check import check
    from processors.cosmos import Account
    from sensors.manager.diagnostics.cosmos import Tried

    account = Account(
        variables["COSMOS_ENDPOINT"],
        variables.get("COSMOS_KEY", ""),
        variables.get("COSMOS_DATABASE") or "SensorData",
        variables.get("COSMOS_CONTAINER") or "readings",
    )
    return [
        Tried(step.name, step.milliseconds)
        if step.error is None
        else Tried(step.name, step.milliseconds, str(step.error), step.error.hint)
        for step in check(account)
    ]


def _shown(
    subject: "Subject", machine: "Machine", mask: Callable[[str], str], show: Show
) -> "tuple[bool, list[Section]]":
    from sensors.manager.diagnostics.check import well
    from sensors.manager.diagnostics.everything import diagnose
    from sensors.manager.diagnostics.text import document, text

    found = diagnose(subject, machine, mask)
    show((text(found), document(found)))
    return well(found), found


def _versions(found: "Sequence[Section]") -> dict[str, str]:
    """Of what takes part; those of Docker and Compose as they were found."""
    checks = {check.name: check.found for section in found for check in section.checks if section.title == "Docker"}
    return {
        "bacalhau-cosmos": version(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "docker": checks["engine"],
        "compose": checks["compose"],
    }
