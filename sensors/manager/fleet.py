"""What is to run: cities and their sensors, with the names that everything else has for them.

The names are those of the shell script that this manager replaces: folders `data/<city>/<n>`, sensor ids such as
`AMS_SENSOR001`, services `sensor-<city>-<n>` and `uploader-<city>`.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

_REMOVED = str.maketrans("", "", " '\"\u2019.")


def folder_of(city: str) -> str:
    """A city's folder: its name in lower case without spaces, quotes and dots."""
    return city.translate(_REMOVED).lower()


def ascii_of(folder: str) -> str:
    """The folder's name as services take it: letters and digits of ASCII, `_` and `-`; empty when none is left."""
    plain = unicodedata.normalize("NFKD", folder).encode("ascii", "ignore").decode()
    return "".join(char for char in plain if char.isalnum() or char in "_-").strip("_-")


@dataclass(frozen=True)
class SensorPlan:
    """One sensor.

    Attributes:
        city: As people write it.
        folder: Of the city, below data, state and archive.
        number: From 1; the sensor's folder below the city's.
        latitude: Degrees.
        longitude: Degrees.
        utc_offset_h: Standard time of the place, all year round.
        model: Name of the make.
        manufacturer: Of the make.
        firmware: One version.
        readings_per_second: Above 0.
        anomaly_probability: Long-run share of readings that an anomaly disturbs, 0 to below 1.
    """

    city: str
    folder: str
    number: int
    latitude: float
    longitude: float
    utc_offset_h: float
    model: str
    manufacturer: str
    firmware: str
    readings_per_second: float
    anomaly_probability: float

    @property
    def sensor_id(self) -> str:
        """`AMS_SENSOR001`: the first letters of the city's folder, and the number."""
        return f"{ascii_of(self.folder)[:3].upper()}_SENSOR{self.number:03d}"

    @property
    def service(self) -> str:
        """Of Compose."""
        return f"sensor-{ascii_of(self.folder)}-{self.number}"


@dataclass(frozen=True)
class CityPlan:
    """One city: its sensors, and an uploader for all of them."""

    name: str
    folder: str
    sensors: tuple[SensorPlan, ...]

    @property
    def uploader(self) -> str:
        """Service of Compose that takes in the city's databases."""
        return f"uploader-{ascii_of(self.folder)}"


@dataclass(frozen=True)
class Fleet:
    """All that a project runs.

    Attributes:
        cities: In the order of the configuration, at most so many as were asked for.
        upload_interval_s: Seconds from one pass of an uploader to the next.
        registry: Beginning of the names of images, such as `ghcr.io`; may be empty.
        organisation: What follows it; may be empty.
        tag: Of the images; None where the last build's is to be taken.
    """

    cities: tuple[CityPlan, ...]
    upload_interval_s: float
    registry: str = ""
    organisation: str = ""
    tag: str | None = None

    @property
    def sensors(self) -> tuple[SensorPlan, ...]:
        """Of all cities, in order."""
        return tuple(sensor for city in self.cities for sensor in city.sensors)
