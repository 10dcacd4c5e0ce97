"""Where sensors write below a data folder. Imports little: a health check looks here twice a minute."""

from collections.abc import Iterator
from pathlib import Path

from sensors.errors import RequestError

FILE_NAME = "sensor_data.db"


def database_path(data: Path, city: str, sensor_id: str) -> Path:
    """Where a sensor's readings are: `data/<city>/<sensor>/sensor_data.db`, the city as written."""
    return data / city / sensor_id / FILE_NAME


def station_path(data: Path) -> Path:
    """Where the readings are of a sensor that has the data folder to itself: `data/sensor_data.db`."""
    return data / FILE_NAME


def databases(data: Path) -> Iterator[Path]:
    """Those that are there, of either place."""
    alone = station_path(data)
    if alone.is_file():
        yield alone
    yield from data.glob(f"*/*/{FILE_NAME}")


def below(node_folder: str, data: Path) -> Path:
    """The data folder, a relative one in the node's folder.

    Raises:
        RequestError: The node's folder is not below the working folder.
    """
    if Path(node_folder).anchor or ".." in Path(node_folder).parts:
        raise RequestError(
            "use the node's folder",
            node_folder,
            why="it is not below the working folder",
            hint="set COSMOS_NODE_FOLDER (--node-folder) to a name such as denver-1",
        )
    return Path(node_folder, data)
