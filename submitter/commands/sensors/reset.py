"""`bacalhau-cosmos sensors reset`: everything anew but the data."""

from submitter.commands.sensors import _options as options
from submitter.commands.sensors._project import load
from submitter.commands.sensors._start import Asked, start_project

EXAMPLE = "Example: bacalhau-cosmos sensors reset --no-diagnostics"


def reset(
    *,
    no_diagnostics: options.NoDiagnostics = False,
    config: options.Config = None,
    sensor_config: options.SensorConfig = None,
    compose_config: options.ComposeConfig = None,
) -> None:
    """Stop all containers, build the images, write docker-compose.yml anew, start, and run diagnostics.

    Local data is kept and gone on with.
    """
    loaded = load(options.wanted(config=config, sensor_config=sensor_config, compose_config=compose_config))
    start_project(loaded, Asked("reset", diagnostics=not no_diagnostics))
