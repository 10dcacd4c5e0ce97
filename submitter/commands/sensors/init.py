"""`bacalhau-cosmos sensors init`: a configuration to begin with."""
# ruff: noqa: PLC0415 - sensors is imported when it is used, so that help stays fast

from pathlib import Path
from typing import Annotated

import typer

EXAMPLE = "Example: bacalhau-cosmos sensors init"


def init(
    *,
    output: Annotated[Path, typer.Option(help="The file; its folder is the project's.")] = Path("sensors.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
) -> None:
    """Write an explained sensors.yaml with ten cities, and a .env to fill in where there is none."""
    from sensors.manager.settings.initial import write

    for path in write(output, force=force):
        typer.echo(f"wrote {path}", err=True)
