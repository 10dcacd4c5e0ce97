"""Where the local network is."""

from pathlib import Path
from typing import Annotated

import typer

FOLDER = Path(".network")

# Not checked by the parser: one that only root may read is nothing to those who submit elsewhere.
Folder = Annotated[Path, typer.Option(readable=False, help="State folder of the network.")]
NetworkFolder = Annotated[Path, typer.Option(readable=False, help="State folder of a local network.")]
