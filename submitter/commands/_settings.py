"""The options that every command with settings has, and the settings they make."""
# ruff: noqa: PLC0415 - processors is imported when it is used, so that help stays fast

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_origin

from submitter.errors import UsageError

if TYPE_CHECKING:
    from processors.settings import Loaded

_PREFIX = "cosmos_"


def load_settings(
    named: Mapping[str, Any], assigned: Sequence[str] | None, config: Path | None, *, required: tuple[str, ...] = ()
) -> "Loaded":
    """Settings of options that have a name, of `--set`, of the environment and of the file.

    Raises:
        UsageError: A `--set` is not `name=value`, repeats another option, or would show a secret.
        SettingsError: See `processors.settings.load`.
    """
    from processors.settings import load

    return load(flags(named, assigned), file=config, required=required)


def flags(named: Mapping[str, Any], assigned: Sequence[str] | None) -> dict[str, Any]:
    """Values of named options and of `--set`, by name; None means not given."""
    values = {name: value for name, value in named.items() if value is not None}
    for pair in assigned or ():
        name, value = _assignment(pair)
        if name in values:
            raise _refused(name, why="it is given twice", hint=f"give {name} once")
        values[name] = value
    return values


def _assignment(pair: str) -> tuple[str, Any]:
    from pydantic import SecretStr

    from processors.settings import Settings

    written, equals, text = pair.partition("=")
    name = written.strip().lower().replace("-", "_").removeprefix(_PREFIX)
    field = Settings.model_fields.get(name)
    if field is not None and field.annotation is SecretStr:
        raise _refused(
            name,
            why="it is a secret, and a command line is seen by other users and kept in the shell's history",
            hint=f"set COSMOS_{name.upper()} in the environment",
        )
    if not name or not equals:
        raise _refused(
            pair if not equals else "''", why="it is not NAME=VALUE", hint="for example --set page_rows=5000"
        )
    if field is None or get_origin(field.annotation) not in (dict, tuple):
        return name, text
    try:
        return name, json.loads(text)
    except (ValueError, RecursionError) as error:
        example = '{"temperature": "temp"}' if get_origin(field.annotation) is dict else '["latitude"]'
        raise _refused(
            name, why=f"{text!r} is not JSON: {error}", hint=f"for example --set '{name}={example}'"
        ) from error


def _refused(subject: str, *, why: str, hint: str) -> UsageError:
    return UsageError("take --set", subject, why=why, hint=hint)
