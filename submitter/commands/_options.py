"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

from submitter.output import Output

City = Annotated[
    str | None, typer.Option("--city", help="Folder below the data folder, as written.", show_default="COSMOS_CITY")
]
Data = Annotated[
    Path | None,
    typer.Option("--data", help="Holds <city>/<sensor>/sensor_data.db; only read.", show_default="data"),
]
ArchiveToRead = Annotated[
    Path | None, typer.Option("--archive", help="Parquet archive; only read.", show_default="archive")
]
Endpoint = Annotated[
    str | None,
    typer.Option("--endpoint", help="Cosmos DB account or emulator, as a URL.", show_default="COSMOS_ENDPOINT"),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", help="Settings file (TOML).", show_default="bacalhau-cosmos.toml where there is one"),
]
Assigned = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="Any other setting; lists and tables as JSON. Repeat for several."
    ),
]
AsOutput = Annotated[
    Output | None, typer.Option("--output", help="How to print.", show_default="table on a terminal, else json")
]
