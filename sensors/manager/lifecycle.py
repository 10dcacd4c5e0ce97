"""What `start`, `stop` and `reset` do to a project, step by step."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sensors.errors import EngineError, SensorsError
from sensors.manager import compose, waiting
from sensors.manager.compose import Images, Owner
from sensors.manager.compose_cli import Compose
from sensors.manager.fleet import Fleet
from sensors.manager.project import Places
from sensors.manager.waiting import Seen


@dataclass(frozen=True)
class Project:
    """All that is known of a project before it starts.

    Attributes:
        name: Of the project, for Compose and on the label.
        places: Its folders.
        fleet: What it runs.
        cosmos: `COSMOS_*` as they were resolved, for the uploaders.
        source: The configuration.
        images: With their tag.
        owner: Whom containers run as.
        file: The Compose file.
    """

    name: str
    places: Places
    fleet: Fleet
    cosmos: Mapping[str, str]
    source: Path
    images: Images
    owner: Owner
    file: Path

    @property
    def services(self) -> list[str]:
        """Of sensors and uploaders."""
        return [sensor.service for sensor in self.fleet.sensors] + [city.uploader for city in self.fleet.cities]


def write_file(project: Project) -> None:
    """The Compose file is there, whole: a kill leaves the old one or the new one.

    Raises:
        SensorsError: It cannot be written.
    """
    text = compose.render(
        project.fleet,
        project.places,
        project=project.name,
        images=project.images,
        owner=project.owner,
        endpoint=project.cosmos.get("COSMOS_ENDPOINT", ""),
        source=project.source,
    )
    aside = project.file.with_name(f".{project.file.name}.new")
    try:
        aside.write_text(text, encoding="utf-8")
        aside.replace(project.file)
    except OSError as error:
        raise SensorsError(
            "write the Compose file",
            project.file,
            why=error.strerror or str(error),
            hint="write it elsewhere with --output, or free some space if the disk is full",
        ) from error


def up(
    project: Project,
    composed: Compose,
    engine: Seen,
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], object],
    progress: Callable[[int, int], None],
) -> None:
    """Every container of the project runs and is well; `progress` is told how many are, while Compose still works.

    Raises:
        EngineError: Compose failed.
        SensorsError: A container does not become well, see `waiting.wait_until_well`.
    """
    words = ["up", "--detach", "--no-build", "--remove-orphans"]
    environment = {**os.environ, **project.cosmos}
    root = project.places.root
    with composed.begun(words, project=project.name, file=project.file, cwd=root, environment=environment) as begun:
        while not begun.ended(waiting.LOOK_S):
            # An engine that is busy with Compose may be slow to answer: whether all is well is asked after it.
            with suppress(EngineError):
                there = engine.containers(project.name)
                progress(sum(1 for each in there if each.well), len(project.services))
        begun.check()
    waiting.wait_until_well(engine, project.name, project.services, clock=clock, sleep=sleep, progress=progress)


def down(name: str, composed: Compose, places: Places) -> None:
    """Nothing of the project runs: containers have ended in order and are gone, networks too.

    The Compose file is not asked, so it may have changed since, or be gone.

    Raises:
        EngineError: Compose failed.
    """
    words = ["down", "--remove-orphans"]
    composed.run(words, project=name, file=None, cwd=places.root, environment=os.environ)
