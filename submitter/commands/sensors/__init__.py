"""`bacalhau-cosmos sensors`: make sensors, and manage cities of them on Docker Compose."""

import typer

from submitter.commands.sensors import health, init, simulate

app = typer.Typer(no_args_is_help=True, help="Make and manage sensors.")


@app.callback()
def sensors() -> None:
    """Make and manage sensors."""


app.command(epilog=simulate.EXAMPLE)(simulate.simulate)
app.command(epilog=health.EXAMPLE)(health.health)
app.command(epilog=init.EXAMPLE)(init.init)
