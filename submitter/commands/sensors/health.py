"""`bacalhau-cosmos sensors health`: whether simulated sensors still write."""
# ruff: noqa: PLC0415 - sensors is imported when it is used, so that help stays fast

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from submitter.commands.sensors._common import NodeFolder, duration_s, refuse_outside

EXAMPLE = "Example: bacalhau-cosmos sensors health --within 1m"


def health(
    *,
    data: Annotated[Path, typer.Option(help="Folder of the cities.")] = Path("data"),
    node_folder: NodeFolder = "",
    within: Annotated[str, typer.Option(help="How long ago the last write may be: 30s, 5m, 1h.")] = "5m",
) -> None:
    """Check that simulated sensors still write: exit code 0 when a database was written lately, else 1."""
    from sensors.health import check

    refuse_outside(node_folder)
    path, ago_s = check(Path(node_folder, data), within_s=duration_s(within, "--within"), now=datetime.now(UTC))
    typer.echo(f"{path} was written {ago_s:.0f} s ago")
