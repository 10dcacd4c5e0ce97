"""The manager's variables: what each is, what it may be, and where its value comes from."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from sensors import config
from sensors.manager.settings.checked import worded

_REFERENCE = re.compile(r"\$\{(\w+)(?::?-([^}]*))?\}")
_SHOWN = 60


@dataclass(frozen=True)
class Variable:
    """One variable.

    Attributes:
        name: In the environment and in `.env`.
        default: As text; empty where there is none.
        about: What it is, one sentence without its stop.
        type: What its text is read as.
        flag: The option that wins over it, without dashes before it; empty where there is none.
        private: Its value is never repeated.
    """

    name: str
    default: str
    about: str
    type: Any
    flag: str = ""
    private: bool = False


def _default(section: type[config.Section], name: str) -> str:
    return f"{section.model_fields[name].default:g}"


VARIABLES = (
    Variable("COSMOS_ENDPOINT", "", "Cosmos DB account or emulator, as a URL", str, private=True),
    Variable(
        "COSMOS_KEY", "", "Its key; empty for a managed identity or an emulator that asks none", str, private=True
    ),
    Variable("COSMOS_DATABASE", "SensorData", "Database of the account", config.Text, private=True),
    Variable("COSMOS_CONTAINER", "readings", "Container of the readings", config.Text, private=True),
    Variable(
        "SENSORS_PER_CITY",
        _default(config.Defaults, "sensors"),
        "Sensors of every city, also of those that have a number of their own in sensors.yaml",
        config.SensorCount,
        "sensors-per-city",
    ),
    Variable(
        "MAX_CITIES",
        _default(config.Config, "max_cities"),
        "So many cities from the top of the list are run",
        config.CityCount,
        "max-cities",
    ),
    Variable(
        "READINGS_PER_SECOND",
        _default(config.Defaults, "readings_per_second"),
        "Of every sensor",
        config.Rate,
        "readings-per-second",
    ),
    Variable(
        "ANOMALY_PROBABILITY",
        _default(config.Defaults, "anomaly_probability"),
        "Share of readings that an anomaly disturbs, of every sensor",
        config.Probability,
        "anomaly-probability",
    ),
    Variable(
        "UPLOAD_INTERVAL",
        _default(config.Config, "upload_interval"),
        "From one pass of an uploader to the next: 30 (seconds), 30s, 5m, 1h",
        config.Duration,
        "upload-interval",
    ),
    Variable("ARCHIVE_FORMAT", "Parquet", "Parquet is the only one", config.ArchiveFormat, "archive-format"),
    Variable(
        "DOCKER_REGISTRY", "", "Registry of the images, such as ghcr.io; empty for this machine's own", config.Registry
    ),
    Variable("DOCKER_ORG", "", "Organisation, which follows the registry in the images' names", config.Organisation),
)
COSMOS = tuple(each.name for each in VARIABLES if each.name.startswith("COSMOS_"))


def cosmos_of(environment: Mapping[str, str]) -> dict[str, str]:
    """The `COSMOS_*` variables by the environment alone, where there is no configuration."""
    return {each.name: environment.get(each.name) or each.default for each in VARIABLES if each.name in COSMOS}


TAG = Variable("tag", "", "Of the images", config.Tag, "tag")
"""Has a flag and a key of the file, and no variable."""


@dataclass(frozen=True)
class Given:
    """A value that wins over the file's.

    Attributes:
        value: As its type has it.
        origin: Words for where it came from: `--max-cities`, `MAX_CITIES`, `MAX_CITIES in .env`.
    """

    value: Any
    origin: str


def given(
    flags: Mapping[str, object], environment: Mapping[str, str], dotenv: Mapping[str, str]
) -> tuple[dict[str, Given], list[str]]:
    """What is set, by name of the variable, each from where it wins; and what is wrong with it.

    Args:
        flags: By name, as `Variable.flag` has it; None is not given.
        environment: Empty text is not given.
        dotenv: Variables of the file `.env`, without empty ones.
    """
    values: dict[str, Given] = {}
    problems: list[str] = []
    for variable in (*VARIABLES, TAG):
        layers = {
            f"--{variable.flag}": flags.get(variable.flag),
            variable.name: environment.get(variable.name) or None,
            f"{variable.name} in .env": dotenv.get(variable.name),
        }
        origin, value = next(((origin, value) for origin, value in layers.items() if value is not None), ("", None))
        if value is None:
            continue
        try:
            values[variable.name] = Given(_ADAPTERS[variable.name].validate_python(value), origin)
        except ValidationError as error:
            why = worded(error.errors()[0])
            problems.append(f"{origin}: {why}" if variable.private else f"{origin}: {_shown(value)} {why}")
    return values, problems


def expanded(text: str, environment: Mapping[str, str]) -> str:
    """The text with `${NAME}` and `${NAME:-default}` replaced, as shells and Compose do it."""
    return _REFERENCE.sub(lambda match: environment.get(match[1]) or match[2] or "", text)


def template() -> str:
    """A file `.env` with every variable explained: those to fill in, and the others as comments."""
    lines = [
        "# Variables of `bacalhau-cosmos sensors`, for a file `.env` beside sensors.yaml (`sensors init` makes both).",
        "# The environment wins over this file, and this file over sensors.yaml. Keep it to yourself: chmod 600 .env",
    ]
    for variable in VARIABLES:
        lines += ["", *textwrap.wrap(variable.about, 118, initial_indent="# ", subsequent_indent="# ")]
        to_fill_in = variable.private and not variable.default
        lines.append(f"{'' if to_fill_in else '#'}{variable.name}={variable.default}")
    return "\n".join(lines) + "\n"


_ADAPTERS = {each.name: TypeAdapter(each.type) for each in (*VARIABLES, TAG)}


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
