"""What `start` and `reset` have in common: everything from the images to healthy containers."""
# ruff: noqa: PLC0415 - sensors and processors are imported when they are used, so that help stays fast

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from submitter.commands.sensors._account import account_of
from submitter.commands.sensors._build import builder
from submitter.commands.sensors._local import refuse_running
from submitter.commands.sensors._project import changing, compose, project_of, refuse_of_another_folder, say
from submitter.commands.sensors.diagnostics import report
from submitter.errors import UsageError

if TYPE_CHECKING:
    from sensors.manager.engine import Engine
    from sensors.manager.lifecycle import Project
    from sensors.manager.removal import Removal
    from sensors.manager.settings import Loaded

SELDOM_S = 10.0
"""Between two lines on how many containers are healthy, where there is no terminal for a bar."""


@dataclass(frozen=True)
class Asked:
    """What the command line asks for beside the configuration.

    Attributes:
        command: `start` or `reset`.
        name: Of the project; None for the one it has.
        tag: Of the images, to build or to run; None for the time, or for that of the last build.
        by_content: The images are tagged by version and content.
        rebuild: Whether images are built.
        file: The Compose file; None for the usual one.
        removal: Local files to delete first.
        diagnostics: Whether they are run at the end.
    """

    command: str
    name: str | None = None
    tag: str | None = None
    by_content: bool = False
    rebuild: bool = True
    file: Path | None = None
    removal: "Removal | None" = None
    diagnostics: bool = True


def start_project(loaded: "Loaded", asked: Asked) -> None:
    """Every container of the project runs and is healthy.

    What can be refused is refused, and images are built, before anything that runs is touched.
    """
    from sensors.manager import folders, lifecycle, removal, state
    from sensors.manager.compose import Images
    from sensors.manager.engine import connected

    places = loaded.places
    composed = compose()
    with connected() as engine, changing(places, asked.command) as step:
        project = project_of(loaded, name=asked.name, file=asked.file)
        names = list(dict.fromkeys(name for name in (state.read(places).project, project.name) if name))
        for name in names:
            refuse_of_another_folder(engine, name, places)
        folders.check(places, project.fleet, project.owner)
        _prepare_cosmos(loaded.cosmos)
        tag = loaded.fleet.tag if asked.tag is None else asked.tag
        build = builder(loaded, project.name, tag=tag, by_content=asked.by_content) if asked.rebuild else None
        if build is None:
            _require_images(engine, project)
        if build is not None:
            step("build the images")
            project = replace(project, images=Images(**{each.image: each.name for each in build().images}))
        for name in names:
            step(f"stop the containers of {name}")
            lifecycle.down(name, composed, places)
        if asked.removal is not None:
            step("delete local data")
            refuse_running(engine, places, names)
            removal.remove(asked.removal)
        state.remember(places, project=project.name)
        step(f"write {project.file}")
        lifecycle.write_file(project)
        step("prepare the folders")
        folders.prepare(places, project.fleet, project.owner)
        step(f"start {len(project.services)} containers and wait until they are healthy")
        with _progress() as progress:
            lifecycle.up(project, composed, engine, clock=time.monotonic, sleep=time.sleep, progress=progress)
    _tell(project)
    if asked.diagnostics:
        report(loaded=loaded)


def _prepare_cosmos(variables: Mapping[str, str]) -> None:
    from processors.containers import making

    account = account_of(variables, "start")
    for name in making.ensure(account).created:
        say(f"created {name} in Cosmos DB")


def _require_images(engine: "Engine", project: "Project") -> None:
    """Where no registry is named there is nowhere to pull an image from."""
    names = (project.images.sensors, project.images.processors)
    missing = [name for name in names if engine.image(name) is None]
    if missing and not project.fleet.registry:
        raise UsageError(
            "start without a build",
            ", ".join(missing),
            why="there is no such image here, and no registry to pull it from",
            hint="`bacalhau-cosmos sensors build`, or leave out --no-rebuild",
        )


@contextmanager
def _progress() -> "Iterator[Callable[[int, int], None]]":
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("healthy", total=None)
        yield lambda well, of: bar.update(task, completed=well, total=of)


class _Lines:
    """A line now and then, and one when all are healthy."""

    def __init__(self) -> None:
        self._told_at = time.monotonic()

    def __call__(self, well: int, of: int) -> None:
        now = time.monotonic()
        if well == of or now - self._told_at >= SELDOM_S:
            self._told_at = now
            say(f"{well} of {of} containers healthy")


def _tell(project: "Project") -> None:
    cities = len(project.fleet.cities)
    sensors = len(project.fleet.sensors)
    say(f"{project.name}: {sensors} sensors in {cities} cities, each city with an uploader, all healthy")
    say("Next: bacalhau-cosmos sensors monitor | logs | query --all | stop")
