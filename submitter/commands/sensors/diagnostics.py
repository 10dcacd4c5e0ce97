"""`bacalhau-cosmos sensors diagnostics`: whether the machine and the project are well, and what to do if not."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from submitter.commands._options import AsOutput
from submitter.commands.sensors._diagnosed import bundled, diagnosed
from submitter.commands.sensors._project import say
from submitter.errors import FAILED
from submitter.output import chosen, plain, show_document

if TYPE_CHECKING:
    from sensors.manager.settings import Loaded

EXAMPLE = "Example: bacalhau-cosmos sensors diagnostics --bundle diagnostics.tar.gz"


def diagnostics(
    *,
    bundle: Annotated[
        Path | None,
        typer.Option(help="Also write this archive (.tar.gz or .zip) for a bug report, without secrets and data."),
    ] = None,
    output: AsOutput = None,
) -> None:
    """Check Docker, disks, settings, clocks, Cosmos DB, containers and databases, each with what to do.

    Nothing is changed, but for one document that is written to Cosmos DB's container `runs` and deleted. Exit code 0
    unless a check failed.
    """
    how = chosen(output)
    if bundle is None:
        well = report(how)
    else:
        well = bundled(bundle, lambda found: _show(how, *found))
        say(f"wrote {bundle}")
    if not well:
        raise typer.Exit(FAILED)


def report(how: str = "table", loaded: "Loaded | None" = None) -> bool:
    """Shows what is found in the working folder; whether nothing failed.

    Args:
        how: `table` or `json`.
        loaded: The configuration with the flags of a command; None for that of the folder.
    """
    return diagnosed(lambda found: _show(how, *found), loaded)


def _show(how: str, text: str, document: dict[str, object]) -> None:
    if how == "json":
        show_document(document)
    else:
        typer.echo("\n".join(map(plain, text.splitlines())))
