"""`bacalhau-cosmos sensors help`: as `--help`, for fingers that know the old script."""

from typing import Annotated, Any

import typer

from submitter.errors import UsageError, nearest

EXAMPLE = "Example: bacalhau-cosmos sensors help start"


def help_(
    context: typer.Context,
    command: Annotated[str | None, typer.Argument(help="One command.", show_default="all")] = None,
) -> None:
    """Show all commands, or one with its options."""
    parent: Any = context.parent
    if command is None:
        typer.echo(parent.get_help())
        return
    found = parent.command.get_command(parent, command)
    if found is None:
        there = parent.command.list_commands(parent)
        raise UsageError(
            "show help", command, why=f"there is no such command{nearest(command, there)}", hint="leave it out for all"
        )
    typer.echo(found.get_help(found.make_context(command, [], parent=parent, resilient_parsing=True)))
