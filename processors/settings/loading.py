"""Settings from flags, the environment and a file, with where each came from."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource

from processors.errors import SettingsError
from processors.names import SETTINGS_FILE
from processors.settings.fields import PREFIX, Settings

FILE = Path(SETTINGS_FILE)

_SHOWN = 200
"""Characters of a wrong value that are repeated."""


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
        return [_message(error) for error in exc.errors()]
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
        return _message(error)
    top = str(error["loc"][0])
    # People paste connection strings where an endpoint belongs.
    secret = top == "endpoint" or Settings.model_fields[top].annotation is SecretStr
    value = "******" if secret else _shortened(repr(values.get(top)))
    note = "; lists and tables are JSON in the environment" if error["type"] in {"dict_type", "tuple_type"} else ""
    return f"{name} = {value} ({origins[top]}): {_message(error)}{note}"


def _message(error: Any) -> str:
    return str(error["msg"]).removeprefix("Value error, ")


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _missing(name: str) -> str:
    return f"{name}: missing; give --{name.replace('_', '-')} or set {PREFIX}{name.upper()}"
