"""YAML with the line of everything in it.

Plain words are read as YAML 1.2 reads them and editors show them: `NO`, `12:30` and dates are text. A key may stand
only once in its mapping.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import yaml

Location = tuple[int | str, ...]
"""Keys and positions from the top of a document down to a value."""

_TAG = "tag:yaml.org,2002:"


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML's own name; those of YAML 1.1 are left out


_Loader.add_implicit_resolver(f"{_TAG}null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver(f"{_TAG}bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
_Loader.add_implicit_resolver(f"{_TAG}int", re.compile(r"^[-+]?[0-9]+$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    f"{_TAG}float",
    re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$"),
    list("-+.0123456789"),
)

_SCALARS: Mapping[str, Callable[[str], object]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": {word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")}.__getitem__,
    "null": lambda _: None,
}


@dataclass(frozen=True)
class Problem:
    """Something wrong with a file.

    Attributes:
        line: From 1.
        location: Of the value; empty for the file as a whole.
        why: What is wrong with it.
    """

    line: int
    location: Location
    why: str

    def told(self, file: str) -> str:
        """`sensors.yaml:12: cities[2].latitude: ...`."""
        return ": ".join(part for part in (f"{file}:{self.line}", dotted(self.location), self.why) if part)


@dataclass(frozen=True)
class Document:
    """What a file holds.

    Attributes:
        value: Of dicts, lists, text, numbers, booleans and None.
        problems: Keys that stand twice and values of unknown types, which are left out of `value`.
    """

    value: object
    problems: tuple[Problem, ...] = ()
    root: yaml.Node | None = field(default=None, repr=False)

    def line_of(self, location: Location) -> int:
        """Of a value, or of what should hold it where it is absent."""
        node, line = self.root, 1
        for part in location:
            below = _below(node, part)
            if below is None:
                break
            line, node = below
        return line


def dotted(location: Location) -> str:
    """`cities[2].latitude`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return "".join(parts).removeprefix(".")


def parse(text: str) -> Document:
    """The document in a text; one that is no YAML has no value and one problem."""
    try:
        root = yaml.compose(text, Loader=_Loader)
        reading = _Reading()
        value = None if root is None else reading.value(root, ())
    except yaml.MarkedYAMLError as error:
        return Document(None, (Problem(_line_of(error), (), f"is no YAML: {error.problem or error.context}"),))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return Document(None, (Problem(line, (), "is no YAML: it has a character that no text has"),))
    except RecursionError:
        return Document(None, (Problem(1, (), "is nested too deeply"),))
    return Document(value, tuple(reading.problems), root)


def _line_of(error: yaml.MarkedYAMLError) -> int:
    mark = error.problem_mark or error.context_mark
    return mark.line + 1 if mark else 1


def _below(node: yaml.Node | None, part: int | str) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == part:
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        found = node.value[part]
        return found.start_mark.line + 1, found
    return None


class _Reading:
    """Values of nodes. An alias is the same node again, and gives the same value without looking into it again."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._values: dict[int, object] = {}
        self._open: set[int] = set()

    def value(self, node: yaml.Node, location: Location) -> object:
        if id(node) in self._open:
            self._refuse(node, location, "contains itself")
            return None
        if id(node) not in self._values:
            self._open.add(id(node))
            self._values[id(node)] = self._read(node, location)
            self._open.remove(id(node))
        return self._values[id(node)]

    def _read(self, node: yaml.Node, location: Location) -> object:
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, location)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*location, number)) for number, item in enumerate(node.value)]
        return self._scalar(node, location)

    def _mapping(self, node: yaml.MappingNode, location: Location) -> Mapping[str, object]:
        lines: dict[str, int] = {}
        read: dict[str, object] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._refuse(key, location, "a key is one word")
            elif key.value in lines:
                self._refuse(key, (*location, key.value), f"stands twice, first in line {lines[key.value]}")
            else:
                lines[key.value] = key.start_mark.line + 1
                read[key.value] = self.value(value, (*location, key.value))
        return read

    def _scalar(self, node: yaml.Node, location: Location) -> object:
        kind, text = node.tag.removeprefix(_TAG), node.value
        try:
            return _SCALARS[kind](text)
        except (KeyError, ValueError):
            self._refuse(node, location, f"is nothing that {node.tag} can be")
            return None

    def _refuse(self, node: yaml.Node, location: Location, why: str) -> None:
        self.problems.append(Problem(node.start_mark.line + 1, location, why))
