"""`bacalhau-cosmos sensors station`: one sensor, for a container of its own."""

from pathlib import Path
from typing import Annotated

import typer

from submitter.commands._station import run

EXAMPLE = (
    "Example: SENSOR_ID=AMS_SENSOR001 SENSOR_CITY=Amsterdam SENSOR_LATITUDE=52.37 SENSOR_LONGITUDE=4.9 "
    "SENSOR_UTC_OFFSET_H=1 SENSOR_MODEL=EnvMonitor-3000 SENSOR_MANUFACTURER=EnviroTech SENSOR_FIRMWARE=1.5.0 "
    "READINGS_PER_SECOND=1 ANOMALY_PROBABILITY=0.05 bacalhau-cosmos sensors station"
)


def station(
    *,
    data: Annotated[Path, typer.Option(help="Folder of the database: DATA/sensor_data.db.")] = Path("data"),
    sensor_id: Annotated[str, typer.Option(envvar="SENSOR_ID", help="In the rows.")] = "",
    city: Annotated[str, typer.Option(envvar="SENSOR_CITY", help="Location in the rows.")] = "",
    latitude: Annotated[str, typer.Option(envvar="SENSOR_LATITUDE", help="Degrees.")] = "",
    longitude: Annotated[str, typer.Option(envvar="SENSOR_LONGITUDE", help="Degrees.")] = "",
    utc_offset_h: Annotated[
        str, typer.Option(envvar="SENSOR_UTC_OFFSET_H", help="Hours of the place's standard time ahead of UTC.")
    ] = "",
    model: Annotated[str, typer.Option(envvar="SENSOR_MODEL", help="Name of the make.")] = "",
    manufacturer: Annotated[str, typer.Option(envvar="SENSOR_MANUFACTURER", help="Of the make.")] = "",
    firmware: Annotated[str, typer.Option(envvar="SENSOR_FIRMWARE", help="Version.")] = "",
    readings_per_second: Annotated[str, typer.Option(envvar="READINGS_PER_SECOND", help="Above 0, at most 1000.")] = "",
    anomaly_probability: Annotated[
        str,
        typer.Option(
            envvar="ANOMALY_PROBABILITY", help="Long-run share of readings that an anomaly disturbs, 0 up to 1."
        ),
    ] = "",
    seed: Annotated[
        str, typer.Option(envvar="SENSOR_SEED", help="Another seed makes other weather and other readings.")
    ] = "0",
) -> None:
    """Write the readings of one sensor as time passes, until SIGTERM or Ctrl-C.

    An existing database is continued, also one with fewer or more columns. All but --data is meant for the
    environment, as containers have it.
    """
    run(
        data,
        {
            "SENSOR_ID": sensor_id,
            "SENSOR_CITY": city,
            "SENSOR_LATITUDE": latitude,
            "SENSOR_LONGITUDE": longitude,
            "SENSOR_UTC_OFFSET_H": utc_offset_h,
            "SENSOR_MODEL": model,
            "SENSOR_MANUFACTURER": manufacturer,
            "SENSOR_FIRMWARE": firmware,
            "READINGS_PER_SECOND": readings_per_second,
            "ANOMALY_PROBABILITY": anomaly_probability,
            "SENSOR_SEED": seed,
        },
    )
