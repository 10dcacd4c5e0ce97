"""Whether what a file names is there: its own names, its modules' parameters and outputs, parents, files, functions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bicep import syntax
from bicep.errors import BicepError, Finding
from bicep.evaluate import FUNCTIONS, LOAD_JSON
from bicep.parse import parse
from bicep.syntax import Expression

VERSIONS = {
    "Microsoft.Authorization/roleAssignments": "2022-04-01",
    "Microsoft.Consumption/budgets": "2023-11-01",
    "Microsoft.DocumentDB/databaseAccounts": "2024-11-15",
    "Microsoft.DocumentDB/databaseAccounts/sqlDatabases": "2024-11-15",
    "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers": "2024-11-15",
    "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments": "2024-11-15",
    "Microsoft.DocumentDB/databaseAccounts/sqlRoleDefinitions": "2024-11-15",
    "Microsoft.Insights/actionGroups": "2023-01-01",
    "Microsoft.Insights/metricAlerts": "2018-03-01",
    "Microsoft.Network/privateDnsZones": "2020-06-01",
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks": "2020-06-01",
    "Microsoft.Network/privateEndpoints": "2023-11-01",
    "Microsoft.Network/privateEndpoints/privateDnsZoneGroups": "2023-11-01",
}
"""Types of resources and the API version that was looked up for each in Azure's template reference."""

_TYPES: dict[str, type] = {"string": str, "int": int, "bool": bool, "array": list, "object": dict}
_DECORATORS = frozenset({"allowed", "batchSize", "description", "maxLength", "maxValue", "minLength", "minValue"})


def findings(path: Path) -> Iterator[Finding]:
    """All that a file names and is not there.

    Raises:
        BicepError: It, or a file that it names, cannot be parsed.
    """
    file = parse(path)
    for line, text in _parameter_file(path, file) if file.using else _bicep(path, file):
        yield Finding(path, line, text)


def unused(path: Path) -> Iterator[Finding]:
    """Parameters and variables of a file that nothing in it uses.

    Raises:
        BicepError: It cannot be parsed.
    """
    file = parse(path)
    used = {node.name for each in file.statements for node in _nodes_of(each) if isinstance(node, syntax.Name)}
    for each in () if file.using else file.statements:
        if isinstance(each, syntax.Parameter | syntax.Variable) and each.name not in used:
            yield Finding(path, each.line, f"nothing uses {each.name!r}")


def _bicep(path: Path, file: syntax.File) -> Iterator[tuple[int, str]]:
    named: dict[str, syntax.Statement] = {}
    for each in file.statements:
        if not isinstance(each, syntax.Output):
            if each.name in named:
                yield each.line, f"{each.name!r} is declared twice"
            named[each.name] = each
    for each in file.statements:
        yield from _statement(path, each, named)
        for node in _nodes_of(each):
            yield from _uses(path, node, named)


def _statement(path: Path, each: syntax.Statement, named: dict[str, syntax.Statement]) -> Iterator[tuple[int, str]]:
    if isinstance(each, syntax.Parameter):
        for decorator in each.decorators:
            if decorator.name not in _DECORATORS:
                yield decorator.line, f"there is no decorator {decorator.name!r}"
        yield from _typed(each.line, each.name, each.type, each.default)
    elif isinstance(each, syntax.Resource):
        yield from _resource(each, named)
    elif isinstance(each, syntax.Module):
        yield from _module(path, each)


def _typed(line: int, name: str, kind: str, value: Expression | None) -> Iterator[tuple[int, str]]:
    """Whether a value that is written out has the type of its parameter."""
    if kind not in _TYPES:
        yield line, f"there is no type {kind!r}"
        return
    found: type | None = {syntax.Text: str, syntax.Array: list, syntax.Object: dict}.get(type(value))
    if isinstance(value, syntax.Literal):
        found = type(value.value)
    if found is not None and found is not _TYPES[kind]:
        yield line, f"{name!r} is of type {kind}, its value is not"


def _resource(each: syntax.Resource, named: dict[str, syntax.Statement]) -> Iterator[tuple[int, str]]:
    if VERSIONS.get(each.type) != each.version:
        known = VERSIONS.get(each.type, "none")
        yield each.line, f"{each.type}@{each.version} was never looked up; known version: {known}"
    parent = _entry(each.body, "parent")
    above = named.get(parent.name) if isinstance(parent, syntax.Name) else None
    outer = each.type.rpartition("/")[0]
    nested = outer.count("/") > 0
    if nested and not (isinstance(above, syntax.Resource) and above.type == outer):
        yield each.line, f"{each.name!r} needs a parent of type {outer}"
    if not nested and parent is not None:
        yield each.line, f"{each.name!r} is of a type that has no parent"


def _module(path: Path, each: syntax.Module) -> Iterator[tuple[int, str]]:
    target = path.parent / each.path
    if not target.is_file():
        yield each.line, f"there is no file {each.path!r}"
        return
    declared = {one.name: one for one in parse(target).statements if isinstance(one, syntax.Parameter)}
    params = _entry(each.body, "params")
    entries = {entry.key: entry for entry in params.entries} if isinstance(params, syntax.Object) else {}
    for name, entry in entries.items():
        if name not in declared:
            yield entry.line, f"{each.path} has no parameter {name!r}"
        else:
            yield from _typed(entry.line, name, declared[name].type, entry.value)
    for name, one in declared.items():
        if one.default is None and name not in entries:
            yield each.line, f"{each.path} needs the parameter {name!r}"


def _uses(path: Path, node: Expression, named: dict[str, syntax.Statement]) -> Iterator[tuple[int, str]]:
    if isinstance(node, syntax.Name):
        if node.name not in named:
            yield node.line, f"there is no {node.name!r}"
    elif isinstance(node, syntax.Call):
        if node.name not in FUNCTIONS:
            yield node.line, f"the function {node.name!r} is not known here"
        elif node.name == LOAD_JSON and not (path.parent / _written(node.arguments[0])).is_file():
            yield node.line, f"there is no file {_written(node.arguments[0])!r}"
    elif isinstance(node, syntax.Access) and isinstance(node.base, syntax.Access):
        module = named.get(node.base.base.name) if isinstance(node.base.base, syntax.Name) else None
        if isinstance(module, syntax.Module):
            yield from _output(path, module, node)


def _output(path: Path, module: syntax.Module, node: syntax.Access) -> Iterator[tuple[int, str]]:
    """`module.outputs.name`."""
    assert isinstance(node.base, syntax.Access)
    target = path.parent / module.path
    names = [each.name for each in parse(target).statements if isinstance(each, syntax.Output)]
    if _written(node.base.key) == "outputs" and _written(node.key) not in names:
        yield node.line, f"{module.path} has no output {_written(node.key)!r}"


def _parameter_file(path: Path, file: syntax.File) -> Iterator[tuple[int, str]]:
    target = path.parent / file.using
    if not target.is_file():
        yield 1, f"there is no file {file.using!r}"
        return
    declared = {each.name: each for each in parse(target).statements if isinstance(each, syntax.Parameter)}
    given: set[str] = set()
    for each in file.statements:
        if not isinstance(each, syntax.Parameter):
            yield each.line, "only parameters are understood here"
        elif each.name not in declared:
            yield each.line, f"{file.using} has no parameter {each.name!r}"
        else:
            yield from _given(each, declared[each.name], twice=each.name in given)
            given.add(each.name)
    for name, parameter in declared.items():
        if parameter.default is None and name not in given:
            yield 1, f"{file.using} needs the parameter {name!r}"


def _given(each: syntax.Parameter, parameter: syntax.Parameter, *, twice: bool) -> Iterator[tuple[int, str]]:
    if twice:
        yield each.line, f"{each.name!r} is given twice"
    yield from _typed(each.line, each.name, parameter.type, each.default)
    allowed = next((one.arguments[0] for one in parameter.decorators if one.name == "allowed"), None)
    if isinstance(allowed, syntax.Array) and isinstance(each.default, syntax.Text):
        values = [_written(item) for item in allowed.items]
        if _written(each.default) not in values:
            yield each.line, f"{each.name!r} is one of {', '.join(values)}"


def _entry(body: Expression, key: str) -> Expression | None:
    while isinstance(body, syntax.Loop | syntax.Condition):
        body = body.body
    if not isinstance(body, syntax.Object):
        raise BicepError(body.line, "expected an object")
    return next((entry.value for entry in body.entries if entry.key == key), None)


def _written(node: Expression) -> str:
    """A text without expressions in it, empty for anything else."""
    plain = isinstance(node, syntax.Text) and all(isinstance(part, str) for part in node.parts)
    return "".join(map(str, node.parts)) if plain and isinstance(node, syntax.Text) else ""


def _nodes_of(each: syntax.Statement) -> Iterator[Expression]:
    if isinstance(each, syntax.Parameter):
        for decorator in each.decorators:
            for argument in decorator.arguments:
                yield from _nodes(argument, frozenset())
        if each.default is not None:
            yield from _nodes(each.default, frozenset())
    elif isinstance(each, syntax.Resource | syntax.Module):
        yield from _nodes(each.body, frozenset())
    else:
        yield from _nodes(each.value, frozenset())


def _nodes(node: Expression, local: frozenset[str]) -> Iterator[Expression]:
    """An expression and all within it, but loop variables where they are known."""
    if isinstance(node, syntax.Name) and node.name in local:
        return
    yield node
    if isinstance(node, syntax.Loop):
        yield from _nodes(node.source, local)
        yield from _nodes(node.body, local | {node.item, node.index})
        return
    for inner in _inside(node):
        yield from _nodes(inner, local)


def _inside(node: Expression) -> tuple[Expression, ...]:
    match node:
        case syntax.Text(parts):
            found = tuple(part for part in parts if not isinstance(part, str))
        case syntax.Access(base, key):
            found = (base, key)
        case syntax.Call(_, arguments):
            found = arguments
        case syntax.Operation(_, operands):
            found = operands
        case syntax.Array(items):
            found = items
        case syntax.Object(entries):
            found = tuple(entry.value for entry in entries)
        case syntax.Condition(condition, body):
            found = (condition, body)
        case _:
            found = ()
    return found
