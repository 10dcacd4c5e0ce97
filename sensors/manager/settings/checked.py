"""A configuration from what a file holds, or everything that is wrong with it, each with its line."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sensors import config
from sensors.manager.fleet import ascii_of, folder_of
from sensors.manager.settings.yaml_file import Location, Problem
from sensors.sensor import MODELS

SECRETS = {"endpoint": "COSMOS_ENDPOINT", "key": "COSMOS_KEY"}
"""Keys that old files had under `cosmos`, and the variables that took their place."""

_MOST_LETTERS = 50
"""Of a city in the names of services: they are names of hosts too, which end at 63 letters."""

_SHOWN = 60
_SECTIONS: Mapping[str, type[BaseModel]] = {
    "": config.Config,
    "defaults": config.Defaults,
    "images": config.Images,
    "cosmos": config.Cosmos,
    "cities": config.City,
    "models": config.Model,
}
_SHAPES = {
    "tuple_type": "should be a list: lines that begin with -",
    "model_type": "should have keys, such as `{key}:`",
    "too_short": "is empty",
    "string_too_short": "is empty",
    "missing": "missing",
}


def checked(value: object, line_of: Callable[[Location], int]) -> tuple[config.Config | None, list[Problem]]:
    """The configuration, None where it does not hold, and every problem.

    Args:
        value: Of dicts, lists, text and numbers.
        line_of: Where in the file a value is.
    """
    made = None
    found: list[tuple[Location, str]] = []
    try:
        made = config.Config.model_validate({} if value is None else value)
    except ValidationError as error:
        errors = error.errors()
        found += [(each["loc"], _why(each)) for each in errors if not _follows(each, errors)]
    found += _together(value)
    problems = [Problem(line_of(location), location, why) for location, why in found]
    return (None if problems else made), problems


def worded(error: ErrorDetails) -> str:
    """What pydantic found, as the end of a sentence on the value."""
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    if error["type"] == "string_pattern_mismatch":
        return config.PATTERNS[error["ctx"]["pattern"]]
    if error["type"] == "string_type" and isinstance(error["input"], int | float):
        return "should be text: put it in quotes"
    return error["msg"].removeprefix("Input ").replace("String ", "")


def nearest(name: str, there: Iterable[str]) -> str:
    """`, did you mean x` for the name most like the one given; empty when none is alike."""
    alike = difflib.get_close_matches(name, list(there), n=1, cutoff=0.6)
    return f", did you mean {alike[0]}" if alike else ""


def _why(error: ErrorDetails) -> str:
    location, kind = error["loc"], error["type"]
    if kind == "extra_forbidden":
        return _unknown(location)
    if kind in _SHAPES:
        section = _SECTIONS.get(_section(location), config.Config)
        return _SHAPES[kind].format(key=next(iter(section.model_fields)))
    # People paste connection strings, which hold the key, where something of Cosmos belongs.
    shown = not isinstance(error["input"], dict | list) and "cosmos" not in location
    value = repr(error["input"])
    value = value if len(value) <= _SHOWN else f"{value[:_SHOWN]}..."
    return f"{value} {worded(error)}" if shown else worded(error)


def _follows(error: ErrorDetails, errors: list[ErrorDetails]) -> bool:
    """Whether a list is short only of what is wrong in it, and told by itself."""
    depth = len(error["loc"])
    return error["type"] == "too_short" and any(
        len(each["loc"]) > depth and each["loc"][:depth] == error["loc"] for each in errors
    )


def _unknown(location: Location) -> str:
    section, name = _section(location[:-1]), str(location[-1])
    if section == "cosmos" and name in SECRETS:
        return f"does not belong in a file: set {SECRETS[name]} in the environment or in .env"
    return f"no such key{nearest(name, _SECTIONS[section].model_fields)}"


def _section(location: Location) -> str:
    return next((str(part) for part in reversed(location) if isinstance(part, str)), "")


def _together(value: object) -> Iterator[tuple[Location, str]]:
    """What is wrong with values together, whatever is wrong with each of them, too."""
    whole = value if isinstance(value, dict) else {}
    yield from _folders(whole)
    taken: dict[str, str] = {}
    for location, city in _entries(whole.get("cities"), ("cities",)):
        yield from _names(location, city.get("name"), taken)
        for given, other in (("latitude", "longitude"), ("longitude", "latitude")):
            if city.get(given) is not None and city.get(other) is None:
                yield location, f"{given} without {other}"
        yield from _models(city.get("models"), (*location, "models"))
    defaults = whole.get("defaults")
    if isinstance(defaults, dict):
        yield from _models(defaults.get("models"), ("defaults", "models"))


def _names(location: Location, name: object, taken: dict[str, str]) -> Iterator[tuple[Location, str]]:
    if not isinstance(name, str) or not name:
        return
    letters = ascii_of(folder_of(name)).lower()
    at = (*location, "name")
    if not letters:
        yield at, f"{name!r} has no Latin letter or digit, which names of services are made of"
    elif len(letters) > _MOST_LETTERS:
        yield at, f"{name!r} is too long for the names of services"
    elif letters in taken:
        yield at, f"{name!r} has the folder or services of {taken[letters]!r}: both are called {letters}"
    else:
        taken[letters] = name


def _models(models: object, at: Location) -> Iterator[tuple[Location, str]]:
    known = [model.name for model in MODELS]
    for location, model in _entries(models, at):
        name = model.get("name")
        lacking = [key for key in ("manufacturer", "firmware") if model.get(key) is None]
        if isinstance(name, str) and name not in known and lacking:
            why = f"{name!r} is none of {', '.join(known)}; another one needs {' and '.join(lacking)}"
            yield (*location, "name"), why


def _folders(whole: Mapping[str, Any]) -> Iterator[tuple[Location, str]]:
    given = {key: whole.get(key) or config.Config.model_fields[key].default for key in ("data", "state", "archive")}
    places = {key: PurePosixPath(name) for key, name in given.items() if isinstance(name, str)}
    for (one, first), (other, second) in itertools.combinations(places.items(), 2):
        if first.is_relative_to(second) or second.is_relative_to(first):
            yield (other if other in whole else one,), f"{one} and {other} share a folder, or one is in the other"


def _entries(value: object, at: Location) -> Iterator[tuple[Location, dict[str, Any]]]:
    if isinstance(value, list):
        yield from (((*at, number), item) for number, item in enumerate(value) if isinstance(item, dict))
