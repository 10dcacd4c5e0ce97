"""`bacalhau-cosmos sensors compose`: the Compose file."""

# ruff: noqa: PLC0415 - sensors is imported when it is used, so that help stays fast

import typer

from submitter.commands.sensors import _options as options
from submitter.commands.sensors._project import changing, load, project_of, say

EXAMPLE = "Example: bacalhau-cosmos sensors compose --sensors-per-city 10 --readings-per-second 2"


def compose(
    *,
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
    """Write docker-compose.yml: a service for each sensor, and an uploader for each city.

    It prints the file's path. Keys are not in it: they are passed by name from the environment or .env.
    """
    from sensors.manager import state
    from sensors.manager.lifecycle import write_file

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
            tag=uploader_tag,
        )
    )
    project = project_of(loaded, file=output)
    with changing(loaded.places, "compose") as step:
        step(f"write {project.file}")
        write_file(project)
    if loaded.fleet.tag is None and not state.read(loaded.places).images:
        say(f"Note: no image was built here yet; the file names {project.images.sensors}: `sensors build` makes one")
    cities = project.fleet.cities
    say(f"{len(project.fleet.sensors)} sensors in {len(cities)} cities, {len(project.services)} services")
    typer.echo(str(project.file))
