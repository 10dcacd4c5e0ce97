"""`bacalhau-cosmos sensors`: make sensors, and manage cities of them on Docker Compose."""

import typer

from submitter.commands.sensors import (
    build,
    clean,
    cleanup,
    compose,
    diagnostics,
    health,
    help,  # noqa: A004 - the old script's word
    init,
    logs,
    monitor,
    query,
    reset,
    simulate,
    start,
    stop,
    version,
)

app = typer.Typer(no_args_is_help=True, help="Make sensors, and manage cities of them on Docker Compose.")


@app.callback()
def sensors() -> None:
    """Make sensors, and manage cities of them on Docker Compose."""


app.command(epilog=init.EXAMPLE)(init.init)
app.command(epilog=compose.EXAMPLE)(compose.compose)
app.command(epilog=start.EXAMPLE)(start.start)
app.command(epilog=stop.EXAMPLE)(stop.stop)
app.command(epilog=reset.EXAMPLE)(reset.reset)
app.command(epilog=build.EXAMPLE)(build.build)
app.command(epilog=logs.EXAMPLE)(logs.logs)
app.command(epilog=diagnostics.EXAMPLE)(diagnostics.diagnostics)
app.command(epilog=clean.EXAMPLE)(clean.clean)
app.command(epilog=query.EXAMPLE)(query.query)
app.command(epilog=monitor.EXAMPLE)(monitor.monitor)
app.command(epilog=cleanup.EXAMPLE)(cleanup.cleanup)
app.command(epilog=simulate.EXAMPLE)(simulate.simulate)
app.command(epilog=health.EXAMPLE)(health.health)
app.command(epilog=version.EXAMPLE)(version.version)
app.command("help", epilog=help.EXAMPLE)(help.help_)
