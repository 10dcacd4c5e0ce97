"""The value of what is written, where it can be known without Azure."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bicep import syntax
from bicep.errors import BicepError
from bicep.syntax import Expression

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.floordiv,
    "%": operator.mod,
    "&&": lambda one, other: one and other,
    "||": lambda one, other: one or other,
    "=~": lambda one, other: one.lower() == other.lower(),
    "!~": lambda one, other: one.lower() != other.lower(),
}

OF_AZURE = frozenset({"guid", "resourceGroup", "subscription", "subscriptionResourceId", "uniqueString"})
"""Functions whose value only Azure knows."""

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "concat": lambda *parts: [item for part in parts for item in part],
    "contains": lambda whole, part: part in whole,
    "empty": lambda value: not value,
    "length": len,
}
LOAD_JSON = "loadJsonContent"
FUNCTIONS = OF_AZURE | _FUNCTIONS.keys() | {LOAD_JSON}
"""All that are understood."""


@dataclass(frozen=True)
class Unknown:
    """A value that only Azure knows; `text` is where it comes from."""

    text: str


class Scope:
    """Names and their values, in one file.

    Args:
        path: Of the file, which other files are relative to.
        values: Name -> value.
    """

    def __init__(self, path: Path, values: Mapping[str, Any]) -> None:
        self.path = path
        self._values = dict(values)

    def value(self, name: syntax.Name) -> Any:
        """The value of a name.

        Raises:
            BicepError: There is no such name.
        """
        if name.name not in self._values:
            raise BicepError(name.line, f"there is no {name.name!r}")
        value = self._values[name.name]
        return value(self) if callable(value) else value

    def with_(self, **values: Any) -> Scope:
        """The same with more names."""
        return Scope(self.path, {**self._values, **values})


def evaluate(node: Expression, scope: Scope) -> Any:
    """The value of an expression: JSON, with `Unknown` in it.

    Raises:
        BicepError: It cannot be evaluated.
    """
    try:
        return _EVALUATE[type(node)](node, scope)
    except (TypeError, KeyError, IndexError, AttributeError) as error:
        raise BicepError(node.line, f"cannot be evaluated: {type(error).__name__}: {error}") from error


def _text(node: syntax.Text, scope: Scope) -> Any:
    parts = [part if isinstance(part, str) else evaluate(part, scope) for part in node.parts]
    whole = "".join(map(_shown, parts))
    return Unknown(whole) if any(isinstance(part, Unknown) for part in parts) else whole


def _access(node: syntax.Access, scope: Scope) -> Any:
    base, key = evaluate(node.base, scope), evaluate(node.key, scope)
    if isinstance(base, Unknown) or isinstance(key, Unknown):
        return Unknown(f"{getattr(base, 'text', '?')}.{key}")
    return base[key]


def _shown(value: Any) -> str:
    return value.text if isinstance(value, Unknown) else str(value)


def _call(node: syntax.Call, scope: Scope) -> Any:
    arguments = [evaluate(argument, scope) for argument in node.arguments]
    if node.name == LOAD_JSON:
        return json.loads((scope.path.parent / arguments[0]).read_text(encoding="utf-8"))
    if node.name in OF_AZURE or any(isinstance(argument, Unknown) for argument in arguments):
        return Unknown(f"{node.name}({', '.join(map(_shown, arguments))})")
    if node.name not in _FUNCTIONS:
        raise BicepError(node.line, f"the function {node.name!r} is not understood here")
    return _FUNCTIONS[node.name](*arguments)


def _operation(node: syntax.Operation, scope: Scope) -> Any:
    first = evaluate(node.operands[0], scope)
    if isinstance(first, Unknown):
        return first
    if node.sign == "?":
        return evaluate(node.operands[1 if first else 2], scope)
    if len(node.operands) == 1:
        return not first if node.sign == "!" else -first
    if node.sign == "??":
        return evaluate(node.operands[1], scope) if first is None else first
    if (node.sign, bool(first)) in {("&&", False), ("||", True)}:
        return first
    second = evaluate(node.operands[1], scope)
    return second if isinstance(second, Unknown) else _OPERATORS[node.sign](first, second)


def _loop(node: syntax.Loop, scope: Scope) -> Any:
    source = evaluate(node.source, scope)
    if isinstance(source, Unknown):
        return source
    return [
        evaluate(node.body, scope.with_(**{node.item: item}, **({node.index: at} if node.index else {})))
        for at, item in enumerate(source)
    ]


def _condition(node: syntax.Condition, scope: Scope) -> Any:
    met = evaluate(node.condition, scope)
    return evaluate(node.body, scope) if met else None


_EVALUATE: dict[type, Callable[[Any, Scope], Any]] = {
    syntax.Literal: lambda node, _: node.value,
    syntax.Text: _text,
    syntax.Name: lambda node, scope: scope.value(node),
    syntax.Access: _access,
    syntax.Call: _call,
    syntax.Operation: _operation,
    syntax.Array: lambda node, scope: [evaluate(item, scope) for item in node.items],
    syntax.Object: lambda node, scope: {entry.key: evaluate(entry.value, scope) for entry in node.entries},
    syntax.Loop: _loop,
    syntax.Condition: _condition,
}
