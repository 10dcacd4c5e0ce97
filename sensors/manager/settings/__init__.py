"""What the manager works with: flag, environment, `.env`, file, default, in that order; checked whole, then frozen."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv.parser import parse_stream

from sensors.config import Config
from sensors.errors import ConfigError
from sensors.manager.fleet import Fleet
from sensors.manager.project import Places, places_of
from sensors.manager.settings import sources
from sensors.manager.settings.planned import planned
from sensors.manager.settings.variables import COSMOS, VARIABLES, Given, expanded, given


@dataclass(frozen=True)
class Wanted:
    """What was asked for on the command line; None where nothing was.

    Attributes:
        config: The file with the cities: ours, a list of names, or the old `config.yaml`.
        sensor_config: The old `sensor-config.yaml`.
        compose_config: The old `config.yaml`, by its name within `config/`.
        sensors_per_city: Of every city.
        max_cities: So many from the top of the list.
        readings_per_second: Of every sensor.
        anomaly_probability: Of every sensor.
        upload_interval: Such as `30`, `30s`, `5m`.
        archive_format: Parquet.
        tag: Of the images.
    """

    config: Path | None = None
    sensor_config: Path | None = None
    compose_config: Path | None = None
    sensors_per_city: int | None = None
    max_cities: int | None = None
    readings_per_second: float | None = None
    anomaly_probability: float | None = None
    upload_interval: str | None = None
    archive_format: str | None = None
    tag: str | None = None


@dataclass(frozen=True)
class Loaded:
    """A project, as it is configured.

    Attributes:
        fleet: What is to run.
        places: Where its data is.
        cosmos: `COSMOS_ENDPOINT`, `COSMOS_KEY`, `COSMOS_DATABASE` and `COSMOS_CONTAINER`, the first two empty where
            they are not set.
        project: Its name, where the file gives one.
        source: The file with the cities.
        notices: What is worth telling: files and keys that are not used, cities that are left out.
    """

    fleet: Fleet
    places: Places
    cosmos: Mapping[str, str] = field(repr=False)
    project: str | None
    source: Path
    notices: tuple[str, ...]


def load(root: Path, wanted: Wanted, environment: Mapping[str, str]) -> Loaded:
    """The configuration of the project in a folder.

    Args:
        root: The folder.
        wanted: Of the command line.
        environment: Variables; an empty one is not set.

    Raises:
        ConfigError: There is none, or it does not hold; with every problem there is.
    """
    dotenv, unread = _dotenv(root / ".env", environment)
    named = sources.Named(wanted.config, wanted.sensor_config, wanted.compose_config)
    found = sources.read(root, named, {**dotenv, **{name: value for name, value in environment.items() if value}})
    flags = {each.flag: getattr(wanted, each.flag.replace("-", "_")) for each in VARIABLES if each.flag}
    values, problems = given(flags | {"tag": wanted.tag}, environment, dotenv)
    problems = [*found.problems, *unread, *problems]
    if problems or found.config is None:
        raise ConfigError(
            "use the configuration",
            found.name,
            why="\n".join(["1 problem" if len(problems) == 1 else f"{len(problems)} problems", *problems]),
            hint="mend each where it says; `bacalhau-cosmos sensors init --output example.yaml` explains every key",
        )
    config = found.config
    return Loaded(
        fleet=planned(config, values),
        places=places_of(root, data=config.data, state=config.state, archive=config.archive),
        cosmos=_cosmos(config, values, found.cosmos),
        project=config.project,
        source=found.path,
        notices=(*found.notices, *_left_out(config, values, found.path), *_readable(root / ".env", dotenv)),
    )


def _dotenv(path: Path, environment: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Variables of the file, and lines that are none. No part of a line is repeated: it may be a key.

    Not by `dotenv_values`: that takes `${NAME}` from the process's environment, and logs the lines it cannot read.
    """
    values: dict[str, str] = {}
    problems: list[str] = []
    if path.exists():
        for line in parse_stream(io.StringIO(sources.text_of(path, path.name))):
            if line.error:
                text, first = line.original
                blank = text[: len(text) - len(text.lstrip())].count("\n")
                problems.append(f"{path.name}:{first + blank}: is no NAME=value")
            elif line.key and line.value:
                values[line.key] = expanded(line.value, {**values, **environment})
    return values, problems


def _cosmos(config: Config, values: Mapping[str, Given], old: Mapping[str, str]) -> dict[str, str]:
    ours = {"COSMOS_DATABASE": config.cosmos.database, "COSMOS_CONTAINER": config.cosmos.container}
    defaults = {each.name: each.default for each in VARIABLES}
    return {
        name: values[name].value if name in values else ours.get(name) or old.get(name) or defaults[name]
        for name in COSMOS
    }


def _left_out(config: Config, values: Mapping[str, Given], path: Path) -> Iterator[str]:
    limit = values.get("MAX_CITIES")
    if limit is None and "max_cities" in config.model_fields_set:
        limit = Given(config.max_cities, f"max_cities in {path.name}")
    if limit is None:
        limit = Given(config.max_cities, "MAX_CITIES's default")
    if limit.value < len(config.cities):
        yield f"{limit.value} of {len(config.cities)} cities, by {limit.origin}; the first are taken"


def _readable(path: Path, dotenv: Mapping[str, str]) -> Iterator[str]:
    """A word on a secret that others can read; Windows has no such bits."""
    if os.name == "posix" and dotenv.get("COSMOS_KEY") and path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        yield f"{path.name} holds COSMOS_KEY, and other users of this machine can read it: chmod 600 {path.name}"
