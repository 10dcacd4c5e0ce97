"""`bacalhau-cosmos sensors health`: whether simulated sensors still write."""
# ruff: noqa: PLC0415 - sensors is imported when it is used, so that help stays fast

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from submitter.commands.sensors._common import NodeFolder, duration_s
from submitter.output import plain

EXAMPLE = "Example: bacalhau-cosmos sensors health --within 1m"


def health(
    *,
    data: Annotated[Path, typer.Option(help="Folder of the cities, or of one sensor's database.")] = Path("data"),
    node_folder: NodeFolder = "",
    within: Annotated[
        str | None,
        typer.Option(
            help="How long ago the last write may be: 30s, 5m, 1h.",
            show_default="5m, or three readings where READINGS_PER_SECOND makes that more",
        ),
    ] = None,
) -> None:
    """Check that simulated sensors still write: exit code 0 when a database was written lately, else 1."""
    from sensors.health import check, patience_s
    from sensors.layout import below

    within_s = patience_s(os.environ) if within is None else duration_s(within, "--within")
    path, ago_s = check(below(node_folder, data), within_s=within_s, now_s=time.time())
    typer.echo(plain(f"{path} was written {ago_s:.0f} s ago"))
