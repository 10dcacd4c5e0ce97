"""Finds a city's databases: every `<data>/<city>/<sensor>/sensor_data.db`."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from processors.errors import CityError
from processors.model import Database
from processors.names import slug_of

FILE_NAME = "sensor_data.db"

_MAX_NAME_BYTES = 255
"""Longest file name of Linux file systems (NAME_MAX)."""

_LISTED = 20


def databases(data: Path, city: str) -> list[Database]:
    """The city's databases, by name of their sensor's folder.

    A database that is there but cannot be opened is listed too: reading it says why, and the others are
    read all the same; so is one under another name. A folder that holds nothing named `*.db` is not a
    sensor's folder yet.

    Args:
        data: Folder with one folder for each city.
        city: Name of the city's folder, or its slug where it is the slug of one folder alone: a job knows a city
            by its node label. Databases have the city as its folder is written.

    Raises:
        CityError: The name cannot be a folder's, `data` or the city is not there or not the only one of its slug,
            or the city has no database.
    """
    _check_name(city)
    cities = _folders(data, "look for cities in", "set the data folder (--data) to the one that holds the cities")
    if city not in cities:
        city = _by_slug(data, city, [readable(name) for name in cities])
    folder = data / city
    sensors = _folders(folder, "look for sensors in", "let the processor read this folder")
    found = [
        Database(city, readable(sensor), folder / sensor / FILE_NAME)
        for sensor in sensors
        if _has_database(folder / sensor)
    ]
    if not found:
        raise CityError(
            "find databases of the city",
            city,
            why=f"nothing matches {folder / '*' / FILE_NAME} ({len(sensors)} sensor folders)",
            hint=f"put each at {folder / '<sensor>' / FILE_NAME}, and mount the folder, not the file",
            retryable=True,  # the sensors may not have written yet
        )
    return found


def _by_slug(data: Path, city: str, cities: list[str]) -> str:
    same = [name for name in cities if slug_of(name) == slug_of(city)]
    if len(same) == 1:
        return same[0]
    if same:
        why, hint = f"{', '.join(same)} are all written like it", "give the city exactly as its folder is named"
    else:
        why, hint = "there is no such folder", _suggest(city, cities)
    raise CityError("find the city", data / city, why=why, hint=hint)


def is_folder_name(name: str) -> bool:
    """Whether a folder can be called that: neither empty nor a path, and no longer than a file system takes."""
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        length = 0
    return name not in {"", ".", ".."} and "/" not in name and "\0" not in name and 0 < length <= _MAX_NAME_BYTES


def _check_name(city: str) -> None:
    if not is_folder_name(city):
        raise CityError(
            "use the city's name",
            repr(city[:80]),
            why="it is not the name of a folder",
            hint="give the city as its folder is named, such as denver",
        )


def readable(name: str) -> str:
    """A folder's name as text that can be written anywhere; bytes that are not UTF-8 are escaped."""
    return os.fsencode(name).decode(errors="backslashreplace")


def _folders(parent: Path, doing: str, hint: str) -> list[str]:
    try:
        with os.scandir(parent) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir())
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else None
        raise CityError(doing, parent, why=why or str(error), hint=hint) from error


def _suggest(city: str, cities: list[str]) -> str:
    if not cities:
        return "this data folder has no cities: set another one (--data), or let the sensors write first"
    return near(city, cities)


def near(city: str, cities: list[str]) -> str:
    """Which of the cities may have been meant, and what there is; at most `_LISTED` of them are named."""
    by_folded = {name.casefold(): name for name in reversed(cities)}
    close = difflib.get_close_matches(city.casefold(), by_folded, n=1)
    guess = f"did you mean {by_folded[close[0]]}? " if close else ""
    more = f" and {len(cities) - _LISTED} more" if len(cities) > _LISTED else ""
    return f"{guess}the cities there are: {', '.join(cities[:_LISTED])}{more}"


def _has_database(sensor: Path) -> bool:
    try:
        names = {entry.name for entry in sensor.iterdir()}
    except OSError:
        return True
    return any(name.endswith(".db") for name in names)
