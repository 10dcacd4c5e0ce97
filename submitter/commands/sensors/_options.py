"""The options of `compose`, `start` and `reset`, and what they ask for."""
# ruff: noqa: PLC0415 - sensors is imported when it is used, so that help stays fast

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sensors.manager.settings import Wanted

Config = Annotated[
    Path | None,
    typer.Option(help="Cities: sensors.yaml, or the old config.yaml or cities.txt.", show_default="what there is"),
]
SensorConfig = Annotated[
    Path | None, typer.Option(help="The old simulator's settings.", show_default="config/sensor-config.yaml")
]
ComposeConfig = Annotated[
    Path | None, typer.Option(help="The old uploader's settings, below config/.", show_default="config.yaml")
]
SensorsPerCity = Annotated[int | None, typer.Option(min=1, max=999, show_default="SENSORS_PER_CITY, 5")]
MaxCities = Annotated[int | None, typer.Option(min=1, help="The first so many cities.", show_default="MAX_CITIES, 5")]
ReadingsPerSecond = Annotated[float | None, typer.Option(help="Of each sensor.", show_default="READINGS_PER_SECOND, 1")]
AnomalyProbability = Annotated[
    float | None,
    typer.Option(help="Long-run share of readings that an anomaly disturbs.", show_default="ANOMALY_PROBABILITY, 0.05"),
]
UploadInterval = Annotated[
    str | None, typer.Option(help="Between two passes of an uploader: 30, 30s, 5m.", show_default="UPLOAD_INTERVAL, 30")
]
ArchiveFormat = Annotated[
    str | None, typer.Option(help="Parquet; there is no other.", show_default="ARCHIVE_FORMAT, Parquet")
]
UploaderTag = Annotated[
    str | None, typer.Option(help="Tag of the images to run.", show_default="that of the last build")
]
Output = Annotated[Path | None, typer.Option(help="The file to write.", show_default="docker-compose.yml")]
Tag = Annotated[str | None, typer.Option(help="Tag of the images to build.", show_default="the time, v20261123120000")]
NoTag = Annotated[bool, typer.Option("--no-tag", help="Tag the images by version and content instead.")]
ProjectName = Annotated[
    str | None, typer.Option(help="Name of the project.", show_default="as before, else made from the folder's path")
]
NoDiagnostics = Annotated[bool, typer.Option("--no-diagnostics", help="Leave out the diagnostics at the end.")]


def wanted(**given: Any) -> "Wanted":
    """What was given, by the names of `Wanted`."""
    from sensors.manager.settings import Wanted

    return Wanted(**given)
