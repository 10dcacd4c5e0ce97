"""Settings: flag, environment, file, default, in that order; checked whole, then frozen.

No other file of this package reads the environment, but for a short cut of the health check and for `identity`, which
cleans what a library reads there. Every setting is `COSMOS_<NAME>` in the environment and `<name>` in the file; a name
that is not known is an error in both, with the closest one that is.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from processors.budget import parse as parse_budget
from processors.description import NEVER, ORDERED, roles
from processors.detect.limit import DEFAULT_LIMITS
from processors.detect.thresholds import DEFAULT_THRESHOLDS
from processors.discover import is_folder_name
from processors.durations import parse_duration_s, parse_ttl_s
from processors.endpoint import problem
from processors.errors import SettingsError
from processors.form import Descriptions, Send, Stage, is_step
from processors.names import SETTINGS_FILE
from processors.schema import COLUMNS, DESCRIPTIONS, MEASURE_NAMES
from processors.timestamps import is_zone

PREFIX = "COSMOS_"
FILE = Path(SETTINGS_FILE)

_PATH = re.compile(r"(/(\w+|\[\]))+", re.ASCII)
_SUBSCRIPTION = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LONGEST_TTL_S = 2**31 - 1

_SHOWN = 200
"""Characters of a wrong value that are repeated."""


def _endpoint(endpoint: str) -> str:
    if endpoint and (why := problem(endpoint)):
        raise ValueError(why)
    return endpoint


def _city(name: str) -> str:
    if name and not is_folder_name(name):
        raise ValueError("not the name of a folder")
    return name


def _zone(name: str) -> str:
    if not is_zone(name):
        raise ValueError("not an IANA time zone such as UTC or Europe/Berlin")
    return name


def _listed(names: Iterable[str]) -> str:
    """Names for a sentence of pydantic's, which takes no half of a character, as JSON can write one."""
    return ", ".join(names).encode(errors="backslashreplace").decode()


def _contract_names(columns: dict[str, str]) -> dict[str, str]:
    names = [field.source for field in COLUMNS]
    if unknown := sorted(columns.keys() - set(names)):
        raise ValueError(f"no such column of the contract: {_listed(unknown)}; there are {', '.join(names)}")
    return columns


def _private_fields(names: tuple[str, ...]) -> tuple[str, ...]:
    known = [field.name for field in DESCRIPTIONS]
    if unknown := sorted(set(names) - set(known)):
        raise ValueError(f"cannot be hidden: {_listed(unknown)}; these can: {', '.join(known)}")
    return names


def _limits(limits: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    if unknown := sorted(limits.keys() - DEFAULT_LIMITS.keys()):
        raise ValueError(f"no such measure: {_listed(unknown)}; there are {', '.join(DEFAULT_LIMITS)}")
    if empty := sorted(name for name, (low, high) in limits.items() if not low < high):
        raise ValueError(f"the lower limit is not below the upper one: {_listed(empty)}")
    return limits


def _bounds(bounds: dict[str, float]) -> dict[str, float]:
    if unknown := sorted(bounds.keys() - set(MEASURE_NAMES)):
        raise ValueError(f"no such measure: {_listed(unknown)}; there are {', '.join(MEASURE_NAMES)}")
    if wrong := sorted(name for name, bound in bounds.items() if not bound > 0):
        raise ValueError(f"not above 0: {_listed(wrong)}")
    return bounds


def _resolution(resolution: dict[str, float]) -> dict[str, float]:
    if unknown := sorted(resolution.keys() - set(MEASURE_NAMES)):
        raise ValueError(f"no such measure: {_listed(unknown)}; there are {', '.join(MEASURE_NAMES)}")
    if wrong := sorted(name for name, step in resolution.items() if not is_step(step)):
        raise ValueError(f"no step above 0 of nine digits at most, such as 0.01: {_listed(wrong)}")
    return resolution


def _thresholds(thresholds: dict[str, float]) -> dict[str, float]:
    if unknown := sorted(thresholds.keys() - DEFAULT_THRESHOLDS.keys()):
        raise ValueError(f"no such kind: {_listed(unknown)}; there are {', '.join(DEFAULT_THRESHOLDS)}")
    if wrong := sorted(kind for kind, score in thresholds.items() if not score > 0):
        raise ValueError(f"not above 0: {_listed(wrong)}")
    return thresholds


def _by_role(names: Collection[str]) -> None:
    if unknown := sorted(set(names) - set(roles())):
        raise ValueError(f"no such container: {_listed(unknown)}; there are {', '.join(roles())}")


def _indexed(indexed: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    _by_role(indexed)
    paths = [path for each in indexed.values() for path in each]
    if wrong := [path for path in paths if not _PATH.fullmatch(path)]:
        raise ValueError(f"not a path of properties such as /observedAt: {_listed(wrong)}")
    if twice := sorted({path for each in indexed.values() for path in each if each.count(path) > 1}):
        raise ValueError(f"given twice: {_listed(twice)}")
    missing = [path for role, paths in indexed.items() for path in ORDERED.get(role, ()) if path not in paths]
    if missing:
        raise ValueError(f"`query` orders by it, so it has to be indexed: {_listed(missing)}")
    return indexed


def _ttl(ttl_s: dict[str, int]) -> dict[str, int]:
    _by_role(ttl_s)
    if wrong := sorted(role for role, each in ttl_s.items() if each != NEVER and not 0 < each <= _LONGEST_TTL_S):
        raise ValueError(f"neither from 1 to {_LONGEST_TTL_S} seconds nor never: {_listed(wrong)}")
    return ttl_s


def _subscription(name: str) -> str:
    if name and not _SUBSCRIPTION.fullmatch(name):
        raise ValueError(
            "not an id such as 00000000-0000-0000-0000-000000000000, as `az account show --query id` prints it"
        )
    return name


def _budget(text: str) -> str:
    parse_budget(text)
    return text


def _written(value: object) -> object:
    """A number as text, for files write one without quotes."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _subfolder(name: str) -> str:
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts or "\0" in name:
        raise ValueError("not a folder below the working folder: no leading / and no ..")
    return name


def _text(secret: SecretStr) -> SecretStr:
    try:
        secret.get_secret_value().encode()
    except UnicodeEncodeError:
        raise ValueError("it has bytes that are no UTF-8 text") from None  # the cause would repeat it
    return secret


class Settings(BaseSettings):
    """What a run needs to know. The description of each field is its documentation."""

    model_config = SettingsConfigDict(
        frozen=True,
        env_prefix=PREFIX,
        extra="forbid",
        env_ignore_empty=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
    )

    endpoint: Annotated[str, AfterValidator(_endpoint)] = Field(
        "", description="Cosmos DB account or emulator, as a URL"
    )
    key: Annotated[SecretStr, AfterValidator(_text)] = Field(
        SecretStr(""), description="Account key; empty means DefaultAzureCredential"
    )
    database: str = Field("SensorData", min_length=1, max_length=255, description="Database of the account")
    container: str = Field("readings", min_length=1, max_length=255, description="Container of the readings")
    indexed: Annotated[dict[str, tuple[str, ...]], AfterValidator(_indexed)] = Field(
        default_factory=dict,
        description="Container -> all paths that it indexes, for those that differ (docs/azure.md)",
    )
    ttl: Annotated[dict[str, Annotated[int, BeforeValidator(parse_ttl_s)]], AfterValidator(_ttl)] = Field(
        default_factory=dict,
        description="Container -> when its documents expire (seconds, 12h, 90d, never), for those that differ",
    )
    city: Annotated[str, AfterValidator(_city)] = Field("", description="Folder below the data folder, as written")
    node_folder: Annotated[str, AfterValidator(_subfolder)] = Field(
        "", description="Folder that relative `data`, `state` and `archive` are in, for nodes that share a disk"
    )
    data: Path = Field(Path("data"), description="Holds `<city>/<sensor>/sensor_data.db`; never written to")
    state: Path = Field(Path("state"), description="Positions and what stages carry from run to run")
    archive: Path = Field(Path("archive"), description="Parquet archive")
    every: Annotated[float | None, BeforeValidator(parse_duration_s)] = Field(
        None, gt=0, description="Seconds from the start of a pass to the next (or 30s, 5m, 1h); absent: one pass"
    )
    start_delay: Annotated[float, BeforeValidator(parse_duration_s)] = Field(
        0.0, ge=0, description="With `every`: the first pass starts within so many seconds, when is drawn for each node"
    )
    stage: Stage = Field("sanitized", description="How far readings are refined before they leave the node")
    send: Send = Field(
        "all",
        description="Which readings leave: all, those that say something new (`changes`), or `anomalies` and what was "
        "around them",
    )
    dead_band: Annotated[dict[str, float], AfterValidator(_bounds)] = Field(
        default_factory=dict,
        description="With `send = changes`: measure -> how far it may be from its value in the reading that left last, "
        "in its unit",
    )
    swinging_door: Annotated[dict[str, float], AfterValidator(_bounds)] = Field(
        default_factory=dict,
        description="With `send = changes`: measure -> how far it may be from the straight line between the readings "
        "that left before and after, in its unit",
    )
    context_rows: int = Field(
        10,
        ge=0,
        le=1_000,
        description="With `send = anomalies`: readings of the sensor before and after an anomaly that leave with it",
    )
    bucket_rows: int = Field(1, ge=1, le=1_000, description="Readings of a document; 1: each has its own")
    bucket_seconds: Annotated[float | None, BeforeValidator(parse_duration_s)] = Field(
        None,
        ge=1,
        le=31_622_400,
        description="With `bucket_rows`: a document's readings are of the same so many seconds (or 1m, 1h)",
    )
    hold: Annotated[float, BeforeValidator(parse_duration_s)] = Field(
        300.0,
        ge=0,
        description="With `every`: seconds (or 30s, 5m) for which readings may wait for their bucket to be full; a run "
        "of one pass holds nothing back",
    )
    descriptions: Descriptions = Field(
        "each",
        description="What a sensor is: in `each` reading, or `once` for a sensor and month in a document that readings "
        "name (not with the stage `raw`)",
    )
    resolution: Annotated[dict[str, float], AfterValidator(_resolution)] = Field(
        default_factory=dict,
        description="Measure -> step that its values leave in from `schematized` on, such as 0.01; the archive has "
        "them as they were read",
    )
    table: str = Field("sensor_readings", min_length=1, description="Table of the readings")
    columns: Annotated[dict[str, str], AfterValidator(_contract_names)] = Field(
        default_factory=dict, description="Contract column -> column of the table, for those that differ"
    )
    source_time_zone: Annotated[str, AfterValidator(_zone)] = Field(
        "UTC", description="IANA zone of time stamps that have none, in rows that name none"
    )
    page_rows: int = Field(20_000, ge=1, le=100_000, description="Rows of a batch")
    ru_budget: Annotated[str, BeforeValidator(_written), AfterValidator(_budget)] = Field(
        "", description="Request units for a run (5000) or for an hour (5000/h); what is left over waits. Empty: no end"
    )
    skip_replays: bool = Field(
        False,
        description="Ask which documents of a batch are there, where a run was killed while it sent it, and send the "
        "others only. Takes the right to query: an identity that may only write cannot",
    )
    coordinate_decimals: int = Field(2, ge=0, le=8, description="Decimals of coordinates from `sanitized` on")
    drop_fields: Annotated[tuple[str, ...], AfterValidator(_private_fields)] = Field(
        (), description="Document fields that do not leave the node from `sanitized` on"
    )
    hash_fields: Annotated[tuple[str, ...], AfterValidator(_private_fields)] = Field(
        (), description="Document fields that leave as a keyed hash from `sanitized` on"
    )
    hash_key: Annotated[SecretStr, AfterValidator(_text)] = Field(SecretStr(""), description="Key of the hash")
    thresholds: Annotated[dict[str, float], AfterValidator(_thresholds)] = Field(
        default_factory=dict,
        description="Kind of anomaly -> score from which on it is one, for those that differ (docs/anomalies.md)",
    )
    limits: Annotated[dict[str, tuple[float, float]], AfterValidator(_limits)] = Field(
        default_factory=dict, description="Measure -> what its sensor can measure, for those that differ"
    )
    subscription: Annotated[str, AfterValidator(_subscription)] = Field(
        "", description="Azure subscription of the account"
    )
    resource_group: str = Field("", pattern=r"^[\w.()-]{0,90}$", description="Resource group of the account")
    scale_limit: int = Field(
        10_000,
        ge=1_000,
        description="RU/s above which `cosmos scale` sets no maximum; one physical partition has 10,000",
    )

    @model_validator(mode="after")
    def _one_bound_for_a_measure(self) -> Settings:
        if both := self.dead_band.keys() & self.swinging_door.keys():
            raise ValueError(f"both a dead_band and a swinging_door: {', '.join(sorted(both))}")
        bounds = {**self.dead_band, **self.swinging_door}
        if spent := sorted(name for name, step in self.resolution.items() if bounds.get(name, step) <= step / 2):
            raise ValueError(
                f"rounding takes half a step, which is all of the bound or more: {', '.join(spent)}; "
                "a dead_band or swinging_door needs more than half of the measure's resolution"
            )
        return self

    @model_validator(mode="after")
    def _raw_readings_say_all(self) -> Settings:
        if self.stage == "raw" and self.descriptions == "once":
            raise ValueError("descriptions = once needs another stage: raw readings say what was read, each by itself")
        return self

    @model_validator(mode="after")
    def _hash_needs_a_key(self) -> Settings:
        if self.hash_fields and not self.hash_key.get_secret_value():
            raise ValueError("hash_fields needs hash_key: a hash without a key can be reversed by trying")
        if both := set(self.hash_fields) & set(self.drop_fields):
            raise ValueError(f"both dropped and hashed: {', '.join(sorted(both))}")
        return self


@dataclass(frozen=True)
class Loaded:
    """Settings, and where each value came from.

    Attributes:
        settings: Checked and frozen.
        origins: Name -> `flag`, `environment`, the file's path, or `default`.
    """

    settings: Settings
    origins: Mapping[str, str]


def load(flags: Mapping[str, Any], *, file: Path | None = None, required: tuple[str, ...] = ()) -> Loaded:
    """Settings from flags, the environment and a file.

    Args:
        flags: Values by name; None means not given.
        file: To read; None means `bacalhau-cosmos.toml` where it exists.
        required: Names that must not be empty.

    Raises:
        SettingsError: With every problem there is, each with its name, value and where it came from.
    """
    problems: list[str] = []
    path = file or FILE
    layers = {
        "flag": {name: value for name, value in flags.items() if value is not None},
        "environment": _from_environment(problems),
        str(path): _from_file(path, problems, must_exist=file is not None),
    }
    values: dict[str, Any] = {}
    origins = dict.fromkeys(Settings.model_fields, "default")
    for origin, layer in reversed(layers.items()):
        problems += [_unknown(name, origin) for name in layer if name not in Settings.model_fields]
        values |= {name: value for name, value in layer.items() if name in Settings.model_fields}
        origins |= dict.fromkeys(layer.keys() & origins.keys(), origin)
    try:
        settings = _Checked(**values)
    except ValidationError as exc:
        problems += [_describe(error, values, origins) for error in exc.errors()]
        problems += _together(values, {error["loc"][0] for error in exc.errors() if error["loc"]})
    problems += [_missing(name) for name in required if not values.get(name, Settings.model_fields[name].default)]
    if problems:
        raise SettingsError(
            "use the settings",
            "; ".join(problems),
            hint="mend each of them where it says that it came from; docs/settings.md lists every setting",
        )
    return Loaded(_placed(settings), origins)


def _together(values: Mapping[str, Any], wrong: Collection[object]) -> list[str]:
    """What is wrong with values that are right by themselves, which pydantic tells only when all are."""
    try:
        if wrong:
            _Checked(**{name: value for name, value in values.items() if name not in wrong})
    except ValidationError as exc:
        return [str(error["msg"]) for error in exc.errors()]
    return []


def _placed(settings: Settings) -> Settings:
    """The settings with relative folders in the node's folder."""
    below = {name: Path(settings.node_folder, getattr(settings, name)) for name in ("data", "state", "archive")}
    return settings.model_copy(update=below)


class _Checked(Settings):
    """Settings from values alone: `load` has read the environment and the file, so as to know what came whence."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def _from_environment(problems: list[str]) -> dict[str, Any]:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    strays = sorted(name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known)
    problems += [_unknown(name, "environment") for name in strays]
    return dict(_Environment(Settings)())


class _Environment(EnvSettingsSource):
    """The environment; a list or table that is not JSON stays text, for its type to refuse."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        try:
            return super().decode_complex_value(field_name, field, value)
        except (ValueError, RecursionError):
            return value


def _from_file(path: Path, problems: list[str], *, must_exist: bool) -> dict[str, Any]:
    if not must_exist and not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        problems.append(f"{path}: there is no such file")
        return {}
    except (OSError, ValueError, RecursionError) as exc:  # ValueError: also of a number with too many digits
        problems.append(f"{path}: cannot be read as TOML: {exc}")
        return {}


def _unknown(name: str, origin: str) -> str:
    plain = name.upper().removeprefix(PREFIX).lower()
    close = difflib.get_close_matches(plain, Settings.model_fields, n=1)
    spelled = f"{PREFIX}{close[0].upper()}" if close and origin == "environment" else "".join(close)
    return f"{name} ({origin}): no such setting" + (f", did you mean {spelled}?" if close else "")


def _describe(error: Any, values: Mapping[str, Any], origins: Mapping[str, str]) -> str:
    name = ".".join(str(part) for part in error["loc"])
    if not name:
        return str(error["msg"])
    top = str(error["loc"][0])
    # People paste connection strings where an endpoint belongs.
    secret = top == "endpoint" or Settings.model_fields[top].annotation is SecretStr
    value = "******" if secret else _shortened(repr(values.get(top)))
    note = "; lists and tables are JSON in the environment" if error["type"] in {"dict_type", "tuple_type"} else ""
    return f"{name} = {value} ({origins[top]}): {error['msg']}{note}"


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _missing(name: str) -> str:
    return f"{name}: missing; give --{name.replace('_', '-')} or set {PREFIX}{name.upper()}"
