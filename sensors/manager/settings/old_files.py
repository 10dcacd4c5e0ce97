"""The files of the shell script and of the first Python port, read as what ours has in their place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from sensors.config import City, Config, Probability, Rate
from sensors.manager.settings.checked import worded
from sensors.manager.settings.variables import expanded
from sensors.manager.settings.yaml_file import Document, Location, Problem, dotted

_COSMOS = {
    "endpoint": "COSMOS_ENDPOINT",
    "key": "COSMOS_KEY",
    "database_name": "COSMOS_DATABASE",
    "container_name": "COSMOS_CONTAINER",
}
_RATES: Mapping[str, tuple[TypeAdapter[float], tuple[tuple[str, str], ...]]] = {
    "readings_per_second": (
        TypeAdapter(Rate),
        (("readings", "readings_per_second"), ("simulation", "readings_per_second")),
    ),
    "anomaly_probability": (
        TypeAdapter(Probability),
        (("readings", "anomaly_probability"), ("anomalies", "probability")),
    ),
}
"""Key of `defaults` -> its places in the old file."""


@dataclass(frozen=True)
class Cities:
    """Cities of an old file, as ours would list them.

    Attributes:
        entries: For `cities` of sensors.yaml.
        lines: Of each entry.
    """

    entries: list[dict[str, Any]]
    lines: list[int]

    def line_of(self, location: Location) -> int:
        """Of a city; the file's first line for all else."""
        number = location[1] if location[:1] == ("cities",) and len(location) > 1 else None
        return self.lines[number] if isinstance(number, int) else 1


@dataclass(frozen=True)
class Read:
    """What an old YAML file says that is used here.

    Attributes:
        values: By name: of variables, as text, or of keys of `defaults`, checked. Not in its `repr`: keys are among
            them.
        unused: Keys that mean nothing here.
        problems: What is wrong with the file.
    """

    values: Mapping[str, Any] = field(repr=False)
    unused: tuple[str, ...]
    problems: tuple[Problem, ...] = ()


def is_old(value: object) -> bool:
    """Whether this is the old `config.yaml`: it has sections, and no word that only our file has."""
    ours = Config.model_fields.keys() - {"cosmos", "cities"}
    return isinstance(value, dict) and bool(value) and not value.keys() & ours


def listed(text: str) -> Cities:
    """Cities of `cities.txt`: one a line; blank lines and those that begin with # are none."""
    numbered = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    kept = [(number, line) for number, line in numbered if line and not line.startswith("#")]
    return Cities([{"name": line} for _, line in kept], [number for number, _ in kept])


def cities_of(document: Document) -> Cities:
    """Cities of the old `config.yaml`, each a name or a section with one; what ours has no key for is left out."""
    top = document.value if isinstance(document.value, dict) else {}
    found = top.get("cities")
    entries = found if isinstance(found, list) else []
    return Cities(
        [_entry(entry) for entry in entries],
        [document.line_of(("cities", number)) for number in range(len(entries))],
    )


def _entry(entry: object) -> dict[str, Any]:
    if not isinstance(entry, dict):
        return {"name": entry}
    return {key: value for key, value in entry.items() if key in City.model_fields}


def uploader(document: Document, environment: Mapping[str, str]) -> Read:
    """`COSMOS_*` of the old `config.yaml`; `${NAME}` in it is of the environment."""
    values: dict[str, str] = {}
    problems = list(document.problems)
    cosmos = _section(document.value, "cosmos")
    for key, variable in _COSMOS.items():
        value = cosmos.get(key)
        if isinstance(value, str):
            values[variable] = expanded(value, environment)
        elif value is not None:
            location = ("cosmos", key)
            problems.append(Problem(document.line_of(location), location, "should be text: put it in quotes"))
    unused = tuple(_others(document.value, {("cosmos", key) for key in _COSMOS} | {("cities",)}))
    return Read(values, unused, tuple(problems))


def simulator(document: Document) -> Read:
    """`readings_per_second` and `anomaly_probability` of the old `sensor-config.yaml`, in which both had two places."""
    values: dict[str, Any] = {}
    problems = list(document.problems)
    used: set[Location] = {("anomalies", "enabled")}
    for name, (kind, places) in _RATES.items():
        used |= set(places)
        for section, key in places:
            value = _section(document.value, section).get(key)
            if value is None or name in values:
                continue
            try:
                values[name] = kind.validate_python(value, strict=True)
            except ValidationError as error:
                why = f"{value!r} {worded(error.errors()[0])}"
                problems.append(Problem(document.line_of((section, key)), (section, key), why))
    if _section(document.value, "anomalies").get("enabled") is False:
        values["anomaly_probability"] = 0.0
    return Read(values, tuple(_others(document.value, used)), tuple(problems))


def _section(value: object, name: str) -> Mapping[str, Any]:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _others(value: object, used: set[Location]) -> Iterator[str]:
    """Keys that are not used: whole sections where nothing in them is, else what is left of them."""
    for name, section in (value if isinstance(value, dict) else {}).items():
        if (name,) in used:
            continue
        within = {place[1] for place in used if place[0] == name}
        if not isinstance(section, dict) or not within & section.keys():
            yield name
        else:
            yield from (dotted((name, key)) for key in section if key not in within)
