"""`bacalhau-cosmos sensors start`: a project from nothing to all containers healthy."""
# ruff: noqa: PLC0415 - sensors and processors are imported when they are used, so that help stays fast

from typing import TYPE_CHECKING, Annotated

import typer

from submitter.commands.sensors import _options as options
from submitter.commands.sensors._ask import confirmed
from submitter.commands.sensors._project import load, say
from submitter.commands.sensors._start import Asked, start_project
from submitter.errors import UsageError

if TYPE_CHECKING:
    from sensors.manager.removal import Removal
    from sensors.manager.settings import Loaded

EXAMPLE = "Example: bacalhau-cosmos sensors start --max-cities 3 --sensors-per-city 4"


def start(
    *,
    no_rebuild: Annotated[bool, typer.Option("--no-rebuild", help="Run the images that there are.")] = False,
    project_name: options.ProjectName = None,
    no_diagnostics: options.NoDiagnostics = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Delete local data, state and archive first; asks. Documents stay.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --fresh: only say what would be deleted.")] = False,
    tag: options.Tag = None,
    no_tag: options.NoTag = False,
    output: options.Output = None,
    config: options.Config = None,
    sensors_per_city: options.SensorsPerCity = None,
    max_cities: options.MaxCities = None,
    readings_per_second: options.ReadingsPerSecond = None,
    anomaly_probability: options.AnomalyProbability = None,
    upload_interval: options.UploadInterval = None,
    archive_format: options.ArchiveFormat = None,
    sensor_config: options.SensorConfig = None,
    compose_config: options.ComposeConfig = None,
    uploader_tag: options.UploaderTag = None,
) -> None:
    """Start every sensor and every uploader, and wait until all of them are healthy.

    Containers of before are removed, both images are built, docker-compose.yml is written, and diagnostics are run.
    Local data is kept and gone on with. The database and the containers of Cosmos DB are made where they are missing.
    """
    chosen = _tag(tag, uploader_tag, no_tag=no_tag, no_rebuild=no_rebuild)
    if (yes or dry_run) and not fresh:
        raise UsageError("start", "--yes or --dry-run", why="nothing is deleted without --fresh", hint="add --fresh")
    loaded = load(
        options.wanted(
            config=config,
            sensor_config=sensor_config,
            compose_config=compose_config,
            sensors_per_city=sensors_per_city,
            max_cities=max_cities,
            readings_per_second=readings_per_second,
            anomaly_probability=anomaly_probability,
            upload_interval=upload_interval,
            archive_format=archive_format,
            tag=chosen,
        )
    )
    removal = _fresh(loaded, yes=yes, dry_run=dry_run) if fresh else None
    if dry_run:
        return
    asked = Asked(
        "start",
        name=project_name,
        tag=chosen,
        by_content=no_tag,
        rebuild=not no_rebuild,
        file=output,
        removal=removal,
        diagnostics=not no_diagnostics,
    )
    start_project(loaded, asked)


def _tag(tag: str | None, uploader_tag: str | None, *, no_tag: bool, no_rebuild: bool) -> str | None:
    """The one tag of the images, whether they are built or only run."""
    given = {name: value for name, value in (("--tag", tag), ("--uploader-tag", uploader_tag)) if value is not None}
    if no_tag and (given or no_rebuild):
        others = ", ".join([*given, *(["--no-rebuild"] if no_rebuild else [])])
        raise UsageError("start", f"--no-tag with {others}", why="they contradict each other", hint="leave one out")
    if len(set(given.values())) > 1:
        raise UsageError(
            "start", "--tag and --uploader-tag", why="they differ, and what is built is what runs", hint="give one"
        )
    return next(iter(given.values()), None)


def _fresh(loaded: "Loaded", *, yes: bool, dry_run: bool) -> "Removal":
    """All local data, once it is confirmed that it goes."""
    from sensors.manager.removal import plan

    places = loaded.places
    removal = plan(places, [places.data, places.state, places.archive])
    say(f"{'would delete' if dry_run else 'to delete'}: {removal}")
    if not dry_run and not confirmed("Delete it?", yes=yes, doing="start afresh"):
        raise typer.Abort
    return removal
