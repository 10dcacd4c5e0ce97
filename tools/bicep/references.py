"""Whether what a file names is there: its own names, its modules' parameters and outputs, parents, files, functions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bicep import syntax
from bicep.errors import Finding
from bicep.evaluate import FUNCTIONS, LOAD_JSON
from bicep.parse import parse
from bicep.syntax import Expression
from bicep.values import unfit
from bicep.walk import entry, nodes_of, written

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
    used = {node.name for each in file.statements for node in nodes_of(each) if isinstance(node, syntax.Name)}
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
        for node in nodes_of(each):
            yield from _uses(path, node, named)


def _statement(path: Path, each: syntax.Statement, named: dict[str, syntax.Statement]) -> Iterator[tuple[int, str]]:
    if isinstance(each, syntax.Parameter | syntax.Resource):
        for decorator in each.decorators:
            if decorator.name not in _DECORATORS:
                yield decorator.line, f"there is no decorator {decorator.name!r}"
    if isinstance(each, syntax.Parameter):
        yield from unfit(each.line, each, each.default)
    elif isinstance(each, syntax.Resource):
        yield from _resource(each, named)
    elif isinstance(each, syntax.Module):
        yield from _module(path, each)


def _resource(each: syntax.Resource, named: dict[str, syntax.Statement]) -> Iterator[tuple[int, str]]:
    if VERSIONS.get(each.type) != each.version:
        known = VERSIONS.get(each.type, "none")
        yield each.line, f"{each.type}@{each.version} was never looked up; known version: {known}"
    parent = entry(each.body, "parent")
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
    params = entry(each.body, "params")
    entries = {one.key: one for one in params.entries} if isinstance(params, syntax.Object) else {}
    for name, given in entries.items():
        if name not in declared:
            yield given.line, f"{each.path} has no parameter {name!r}"
        else:
            yield from unfit(given.line, declared[name], given.value)
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
        elif node.name == LOAD_JSON and not (path.parent / written(node.arguments[0])).is_file():
            yield node.line, f"there is no file {written(node.arguments[0])!r}"
    elif isinstance(node, syntax.Access) and isinstance(node.base, syntax.Access):
        module = named.get(node.base.base.name) if isinstance(node.base.base, syntax.Name) else None
        if isinstance(module, syntax.Module):
            yield from _output(path, module, node)


def _output(path: Path, module: syntax.Module, node: syntax.Access) -> Iterator[tuple[int, str]]:
    """`module.outputs.name`."""
    assert isinstance(node.base, syntax.Access)
    target = path.parent / module.path
    names = [each.name for each in parse(target).statements if isinstance(each, syntax.Output)]
    if written(node.base.key) == "outputs" and written(node.key) not in names:
        yield node.line, f"{module.path} has no output {written(node.key)!r}"


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
    yield from unfit(each.line, parameter, each.default)
