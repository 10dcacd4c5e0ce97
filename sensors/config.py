"""The sensor manager's one file, `sensors.yaml`, as types: what each key is, its default and what it may be.

Null is absent. What concerns several keys at once is in `sensors.manager.settings.checked`, so that it is told together
with what is wrong with one.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from sensors.cities import city_named
from sensors.errors import RequestError
from sensors.sensor import MODELS

FILE_NAME = "sensors.yaml"

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}
_NO_FOLDER_NAME = frozenset('/\\:*?"<>|$')
_REGISTRY = r"^[A-Za-z0-9.-]+(:[0-9]+)?$"
_ORGANISATION = r"^[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$"
_TAG = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$"
PROJECT = r"^[a-z0-9][a-z0-9_-]*$"
PATTERNS = {
    _REGISTRY: "should be a host, and a port after a colon where it has one",
    _ORGANISATION: "should be of small letters and digits, with . _ - between them",
    _TAG: "should be of letters, digits, . _ and -, at most 128 of them",
    PROJECT: "should be of small letters, digits, _ and -, and begin with a letter or digit",
}
"""Pattern -> what it asks for, in words."""

_LIST = Field(strict=False, min_length=1)
"""YAML's lists are Python's; they become tuples, and only what is in them is strict."""


def _city_name(name: str) -> str:
    if found := "".join(sorted(_NO_FOLDER_NAME & set(name))):
        raise ValueError(f"becomes the name of a folder: without {' '.join(found)}")
    try:
        city_named(name)
    except RequestError as error:
        raise ValueError(error.why.removeprefix("it ")) from error
    return name


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        raise ValueError("is not an IANA time zone such as Europe/Berlin") from None
    return name


def _folder(name: str) -> str:
    parts = PurePosixPath(name).parts
    if not parts or ".." in parts or PureWindowsPath(name).anchor or "\\" in name or not name.isprintable():
        raise ValueError("is not a folder below the project's: no leading /, no .. and no \\")
    if parts[0] == ".sensors":
        raise ValueError("is the manager's own folder")
    return name


def _seconds(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = _DURATION.fullmatch(value.strip())
    if not match:
        raise ValueError("is not a duration such as 30s, 5m or 1h")
    return float(match[1]) * _UNIT_S[match[2]]


def _parquet(value: object) -> object:
    if isinstance(value, str) and value.lower() != "parquet":
        raise ValueError("is not written any more: the archive is Parquet")
    return value.lower() if isinstance(value, str) else value


def _tag(tag: str) -> str:
    if tag == "latest":
        raise ValueError("says nothing of what runs, and changes under it: name a build's own tag")
    return tag


Text = Annotated[str, Field(min_length=1, max_length=255)]
CityName = Annotated[str, Field(min_length=1, max_length=60), AfterValidator(_city_name)]
TimeZone = Annotated[str, AfterValidator(_zone)]
Folder = Annotated[str, AfterValidator(_folder)]
SensorCount = Annotated[int, Field(ge=1, le=999)]
CityCount = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0, le=1000)]
Probability = Annotated[float, Field(ge=0, lt=1)]
Duration = Annotated[
    float,
    BeforeValidator(_seconds),
    Field(gt=0, allow_inf_nan=False),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0},
                {"type": "string", "pattern": f"^{_DURATION.pattern}$"},
            ]
        }
    ),
]
ArchiveFormat = Annotated[
    Literal["parquet"],
    BeforeValidator(_parquet),
    WithJsonSchema({"type": "string", "pattern": "^" + "".join(f"[{c.upper()}{c}]" for c in "parquet") + "$"}),
]
Registry = Annotated[str, Field(pattern=_REGISTRY)]
Organisation = Annotated[str, Field(pattern=_ORGANISATION)]
Tag = Annotated[str, Field(pattern=_TAG), AfterValidator(_tag)]
ProjectName = Annotated[str, Field(pattern=PROJECT)]


class Section(BaseModel):
    """Keys and their values; a key that is not known is an error, and so is a value of another type."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        use_attribute_docstrings=False,
    )

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {name: value for name, value in values.items() if value is not None or name not in cls.model_fields}


class Model(Section):
    """A make of sensor."""

    name: Text = Field(description=f"Such as {MODELS[0].name}")
    manufacturer: Text | None = Field(None, description="Needed for a model that is not known")
    firmware: Annotated[tuple[Text, ...], _LIST] | None = Field(
        None, description="Versions, dealt to the model's sensors in turn; needed for a model that is not known"
    )


Models = Annotated[tuple[Model, ...], _LIST]


class Defaults(Section):
    """What cities have where they say nothing of their own."""

    sensors: SensorCount = Field(5, description="Sensors of each city")
    readings_per_second: Rate = Field(1.0, description="Of each sensor")
    anomaly_probability: Probability = Field(0.05, description="Share of readings that an anomaly disturbs")
    models: Models | None = Field(None, description="Dealt to a city's sensors in turn; absent: all known ones")


class City(Section):
    """A city; all but its name may be left out."""

    name: CityName = Field(description="As people write it; its folder is the name in lower case without spaces")
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = Field(
        None, description="Degrees; absent: of the known city, else made up from the name"
    )
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = Field(None, description="Degrees; as latitude")
    time_zone: TimeZone | None = Field(None, description="IANA name, such as Europe/Berlin; its standard time is used")
    sensors: SensorCount | None = Field(None, description="Sensors of this city")
    readings_per_second: Rate | None = Field(None, description="Of each sensor of this city")
    anomaly_probability: Probability | None = Field(None, description="Of each sensor of this city")
    models: Models | None = Field(None, description="Of this city's sensors")


class Images(Section):
    """Names of the images: `[registry/][organisation/]bacalhau-cosmos/...:tag`."""

    registry: Registry | None = Field(None, description="Such as ghcr.io; absent: images of this machine")
    organisation: Organisation | None = Field(None, description="What follows the registry")
    tag: Tag | None = Field(None, description="One build, never `latest`; absent: the last build on this machine")


class Cosmos(Section):
    """Where readings go; endpoint and key come from the environment or `.env` alone."""

    database: Text | None = Field(None, description="Where COSMOS_DATABASE is not set; absent: SensorData")
    container: Text | None = Field(None, description="Where COSMOS_CONTAINER is not set; absent: readings")


class Config(Section):
    """Cities of simulated sensors, each with an uploader to Azure Cosmos DB."""

    schema_version: Literal[1] = Field(description="Of this file's format")
    project: ProjectName | None = Field(None, description="Name of the Compose project; absent: made from the folder")
    data: Folder = Field("data", description="Databases, <city>/<n>/sensor_data.db")
    state: Folder = Field("state", description="Positions of the uploaders")
    archive: Folder = Field("archive", description="Parquet archive")
    defaults: Defaults = Field(default_factory=Defaults, description="What cities have where they say nothing")
    max_cities: CityCount = Field(5, description="So many cities from the top of the list are run")
    upload_interval: Duration = Field(30.0, description="From one pass of an uploader to the next: 30s, 5m, 1h")
    archive_format: ArchiveFormat = Field("parquet", description="Parquet is the only one")
    images: Images = Field(default_factory=Images, description="Which images are run")
    cosmos: Cosmos = Field(default_factory=Cosmos, description="Where readings go")
    cities: Annotated[tuple[City, ...], _LIST] = Field(description="In the order in which they are counted")
