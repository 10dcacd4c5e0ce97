"""The command line: registers commands, tells errors, chooses the exit code."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from submitter import version as installed_version
from submitter.commands._lazy import LazyGroup
from submitter.errors import BROKEN_PIPE, INTERRUPTED, Explained, UsageError, tell

_EXTRAS = {"polars": "processors", "azure": "processors", "aiohttp": "processors", "numpy": "sensors"} | dict.fromkeys(
    ("docker", "dotenv", "filelock", "jinja2"), "manager"
)
"""Packages that an install may lack, and the extra that brings each."""

_AZURE = "azure.mgmt"
"""Of the namespace `azure`, what the extra of that name brings."""


class _Commands(LazyGroup):
    """Runs a command and, however it ends, leaves with the exit code of docs/operations.md."""

    def invoke(self, ctx: Any) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            _discard_stdout()
            raise typer.Exit(BROKEN_PIPE) from None
        except ModuleNotFoundError as error:
            raise _left(_missing_extra(error)) from error
        except Exception as error:
            if not isinstance(error, Explained):
                raise
            raise _left(error) from error
        return result


class _AllCommands(_Commands):
    package = "submitter.commands"
    modules = (
        "run",
        "plan",
        "submit",
        "query",
        "verify",
        "version",
        "anomalies",
        "cosmos",
        "config",
        "network",
        "sensors",
    )


app = typer.Typer(
    cls=_AllCommands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Sensor readings from SQLite at the edge to Azure Cosmos DB: nothing lost, nothing doubled.",
)


def main() -> None:
    """The console script."""
    app(prog_name="bacalhau-cosmos")


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"bacalhau-cosmos {installed_version()}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Sensor readings from SQLite at the edge to Azure Cosmos DB: nothing lost, nothing doubled."""


def _left(error: Explained) -> typer.Exit:
    tell(error)
    return typer.Exit(error.exit_code)


def _missing_extra(error: ModuleNotFoundError) -> UsageError:
    name = error.name or ""
    extra = "azure" if name.startswith(_AZURE) else _EXTRAS.get(name.partition(".")[0])
    if extra is None:
        raise error
    return UsageError(
        "run the command",
        str(error.name),
        why="this install has no such package",
        hint=f"pip install 'bacalhau-cosmos[{extra}]'",
    )


def _discard_stdout() -> None:
    """Lets the interpreter flush what is left to nowhere: the reader of the pipe has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
