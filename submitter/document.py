"""A YAML document as JSON knows it, built from the parser's events: what cannot be JSON is refused where it stands.

PyYAML's own constructor raises whatever Python does with a wrong `!!int`, and its documents are graphs: an alias that
names an alias is small in memory and without end as JSON.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

MAX_DEPTH = 100
MAX_BYTES = 4_000_000
"""More than any job may have (`spec.MAX_BODY_BYTES`), with what its YAML takes beside."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONSTRUCTOR = yaml.constructor.SafeConstructor()
_RESOLVER: Any = yaml.resolver.Resolver()
_TAG = "tag:yaml.org,2002:"
_STR, _MERGE = f"{_TAG}str", f"{_TAG}merge"
_SCALARS: dict[str, Callable[[Any], Any]] = {
    _STR: lambda node: node.value,
    f"{_TAG}null": lambda _: None,
    f"{_TAG}bool": _CONSTRUCTOR.construct_yaml_bool,
    f"{_TAG}int": _CONSTRUCTOR.construct_yaml_int,
    f"{_TAG}float": _CONSTRUCTOR.construct_yaml_float,
}

_COLLECTIONS: Mapping[type, str] = {list: "seq", dict: "map"}

Fill = Callable[[yaml.ScalarEvent], None]
"""Changes a scalar before it is read."""


class DocumentError(Exception):
    """It is no YAML, or no JSON can be made of it."""


@dataclass
class _Node:
    """A value that is being built.

    Attributes:
        value: List or dictionary, None for what takes the document itself.
        anchor: Name by which an alias may mean it.
        weight: Bytes that it takes as JSON, at least.
        key: Of the next value of a mapping; None when a key is to come.
        merged: Mappings that `<<` brings.
    """

    value: Any
    anchor: str | None = None
    weight: int = 2
    key: Any = None
    merged: list[dict[str, Any]] = field(default_factory=list)


def load(text: str, fill: Fill) -> Any:
    """The one document of a text, None when there is none.

    Args:
        text: YAML.
        fill: Is shown each scalar, keys too.

    Raises:
        DocumentError: It is no YAML, or no JSON: with the line.
    """
    builder = _Builder(fill)
    try:
        for event in _events(text):
            builder.take(event)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: characters that YAML does not know
        raise DocumentError(str(error)) from error
    return builder.document


def _events(text: str) -> Iterator[Any]:
    loader = _LOADER(text)
    try:
        while loader.check_event():
            yield loader.get_event()
    finally:
        loader.dispose()


class _Builder:
    """Has no recursion, and adds nothing up twice."""

    def __init__(self, fill: Fill):
        self.document: Any = None
        self._documents = 0
        self._fill = fill
        self._open: list[_Node] = []
        self._anchors: dict[str, _Node] = {}

    def take(self, event: Any) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise _refused(event, "a second document begins")
        elif isinstance(event, yaml.ScalarEvent):
            self._fill(event)
            self._put(event, _Node(_scalar(event, is_key=self._wants_key()), event.anchor, 2 + len(event.value)))
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise _refused(event, f"*{event.anchor} names nothing that is complete before it")
            self._put(event, self._anchors[event.anchor])
        elif isinstance(event, yaml.CollectionStartEvent):
            if len(self._open) == MAX_DEPTH:
                raise _refused(event, f"it is nested more than {MAX_DEPTH} deep")
            self._open.append(_Node(_collection(event), event.anchor))
        elif isinstance(event, yaml.CollectionEndEvent):
            node = self._open.pop()
            for each in node.merged:
                node.value = each | node.value
            self._put(event, node)

    def _wants_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1].value, dict) and self._open[-1].key is None

    def _put(self, event: Any, node: _Node) -> None:
        """The value belongs to what is open, as a key or as a value."""
        if node.anchor is not None:
            self._anchors[node.anchor] = node
        if not self._open:
            self.document = node.value
            return
        parent = self._open[-1]
        parent.weight += node.weight
        if parent.weight > MAX_BYTES:
            raise _refused(event, f"it takes more than {MAX_BYTES:,} bytes, its aliases written out")
        if isinstance(parent.value, list):
            parent.value.append(node.value)
        elif parent.key is None:
            self._put_key(event, parent, node.value)
        else:
            _put_value(event, parent, node.value)

    def _put_key(self, event: Any, parent: _Node, key: Any) -> None:
        if not isinstance(key, str):
            raise _refused(event, "a key is no text")
        if key in parent.value:
            raise _refused(event, f"the key {key[:80]!r} comes twice")
        parent.key = _Merge() if isinstance(event, yaml.ScalarEvent) and _tag(event) == _MERGE else key


class _Merge:
    """The key `<<`."""


def _put_value(event: Any, parent: _Node, value: Any) -> None:
    key, parent.key = parent.key, None
    if not isinstance(key, _Merge):
        parent.value[key] = value
        return
    for each in value if isinstance(value, list) else [value]:
        if not isinstance(each, dict):
            raise _refused(event, "<< brings something that is no mapping")
        parent.merged.append(each)


def _collection(event: Any) -> Any:
    kind: type = list if isinstance(event, yaml.SequenceStartEvent) else dict
    if event.tag not in {None, "!", f"{_TAG}{_COLLECTIONS[kind]}"}:
        raise _refused(event, f"nothing is known of the tag {event.tag}")
    return kind()


def _scalar(event: yaml.ScalarEvent, *, is_key: bool) -> Any:
    """The value; a key is what is written, whatever it looks like."""
    tag = _tag(event)
    if is_key and tag == _tag_of(event.value):
        return event.value
    if tag not in _SCALARS or tag not in {_STR, _tag_of(event.value)}:
        raise _refused(event, f"{event.value[:80]!r} is no {tag.removeprefix(_TAG)} of JSON; put texts in quotes")
    try:
        value = _SCALARS[tag](yaml.ScalarNode(tag, event.value))
    except (ValueError, OverflowError) as error:
        raise _refused(event, f"{event.value[:80]!r} is no number: {error}") from error
    if isinstance(value, float) and not math.isfinite(value):
        raise _refused(event, f"{event.value[:80]!r} is no number of JSON")
    return value


def _tag(event: yaml.ScalarEvent) -> str:
    if event.tag not in {None, "!"}:
        return str(event.tag)
    return _tag_of(event.value) if event.implicit[0] else _STR


def _tag_of(text: str) -> str:
    """What a text means that is not quoted."""
    return str(_RESOLVER.resolve(yaml.ScalarNode, text, (True, False)))


def _refused(event: Any, why: str) -> DocumentError:
    return DocumentError(f"line {event.start_mark.line + 1}: {why}")
