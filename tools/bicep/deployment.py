"""What a Bicep file and its modules would deploy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bicep import syntax
from bicep.errors import BicepError
from bicep.evaluate import Scope, Unknown, evaluate
from bicep.parse import parse
from bicep.syntax import Expression


@dataclass(frozen=True)
class Deployed:
    """A resource.

    Attributes:
        path: Of the file that declares it.
        declared: How.
        body: Its properties, evaluated.
    """

    path: Path
    declared: syntax.Resource
    body: Mapping[str, Any]

    @property
    def properties(self) -> Mapping[str, Any]:
        """What the body has by this name; none where only Azure knows it."""
        its = self.body.get("properties")
        return its if isinstance(its, Mapping) else {}

    def line_of(self, *keys: str) -> int:
        """Where a property is written, or the nearest one around it that is."""
        line, node = self.declared.line, self.declared.body
        for key in keys:
            while isinstance(node, syntax.Loop | syntax.Condition):
                node = node.body
            entries = {entry.key: entry for entry in node.entries} if isinstance(node, syntax.Object) else {}
            if key not in entries:
                return line
            line, node = entries[key].line, entries[key].value
        return line


def given(path: Path) -> dict[str, Any]:
    """The values of a parameter file.

    Raises:
        BicepError: It cannot be parsed or evaluated.
    """
    return {
        each.name: evaluate(each.default, Scope(path, {}))
        for each in parse(path).statements
        if isinstance(each, syntax.Parameter) and each.default is not None
    }


def deployed(path: Path, parameters: Mapping[str, Any]) -> Iterator[Deployed]:
    """The resources of a file and of its modules; what a condition leaves out is left out.

    Args:
        path: Of the file.
        parameters: Name -> value, for those that differ from their defaults.

    Raises:
        BicepError: A file cannot be parsed or evaluated.
    """
    file = parse(path)
    scope = _scope(path, file, parameters)
    for each in file.statements:
        if isinstance(each, syntax.Resource) and not each.existing:
            for body in _bodies(each, scope):
                yield Deployed(path, each, body)
        elif isinstance(each, syntax.Module):
            for body in _bodies(each, scope):
                yield from deployed(path.parent / each.path, body.get("params", {}))


def _bodies(each: syntax.Resource | syntax.Module, scope: Scope) -> Iterator[Any]:
    """One for a resource, several for a loop, none for what is left out."""
    value = evaluate(each.body, scope)
    if isinstance(value, Unknown):
        raise BicepError(each.line, f"what {each.name!r} deploys cannot be known without Azure: {value.text}")
    if value is not None:
        yield from value if isinstance(value, list) else [value]


def _scope(path: Path, file: syntax.File, parameters: Mapping[str, Any]) -> Scope:
    names: dict[str, Any] = {}
    for each in file.statements:
        if isinstance(each, syntax.Parameter):
            names[each.name] = parameters[each.name] if each.name in parameters else _default(each)
        elif isinstance(each, syntax.Variable):
            names[each.name] = _later(each.value)
        elif isinstance(each, syntax.Resource | syntax.Module):
            names[each.name] = Unknown(each.name)
    return Scope(path, names)


def _default(parameter: syntax.Parameter) -> Any:
    if parameter.default is None:
        raise BicepError(parameter.line, f"the parameter {parameter.name!r} is not given")
    return _later(parameter.default)


def _later(value: Expression) -> Callable[[Scope], Any]:
    return lambda scope: evaluate(value, scope)
