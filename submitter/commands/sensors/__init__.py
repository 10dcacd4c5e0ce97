"""`bacalhau-cosmos sensors`: make sensors, and manage cities of them on Docker Compose."""

import typer

from submitter.commands._lazy import LazyGroup


class _Sensors(LazyGroup):
    package = "submitter.commands.sensors"
    modules = (
        "init",
        "compose",
        "start",
        "stop",
        "reset",
        "build",
        "logs",
        "diagnostics",
        "clean",
        "query",
        "monitor",
        "cleanup",
        "simulate",
        "station",
        "health",
        "version",
        "help",
    )


app = typer.Typer(cls=_Sensors, no_args_is_help=True, help="Make sensors, and manage cities of them on Docker Compose.")


@app.callback()
def sensors() -> None:
    """Make sensors, and manage cities of them on Docker Compose."""
