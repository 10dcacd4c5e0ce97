"""`bacalhau-cosmos sensors version`: of everything that takes part."""
# ruff: noqa: PLC0415 - sensors is imported when it is used, so that help stays fast

import typer

from submitter import version as installed_version

EXAMPLE = "Example: bacalhau-cosmos sensors version"


def version() -> None:
    """Show the versions of the sensor manager, and of Docker and Compose where they answer."""
    from sensors.errors import EngineError
    from sensors.manager.engine import connected
    from submitter.commands.sensors._project import compose

    typer.echo(f"bacalhau-cosmos sensors {installed_version()}")
    try:
        with connected() as engine:
            typer.echo(f"Docker {engine.about().version}")
        typer.echo(f"Docker Compose {compose().version}")
    except EngineError as error:
        typer.echo(f"no more can be told: {error.why}", err=True)
