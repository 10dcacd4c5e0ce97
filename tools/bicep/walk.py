"""What is within statements and expressions."""

from __future__ import annotations

from collections.abc import Iterator

from bicep import syntax
from bicep.errors import BicepError
from bicep.syntax import Expression


def entry(body: Expression, key: str) -> Expression | None:
    """A property of a resource or module, within its loop or condition; None without it.

    Raises:
        BicepError: It has no properties.
    """
    while isinstance(body, syntax.Loop | syntax.Condition):
        body = body.body
    if not isinstance(body, syntax.Object):
        raise BicepError(body.line, "expected an object")
    return next((each.value for each in body.entries if each.key == key), None)


def written(node: Expression) -> str:
    """A text without expressions in it, empty for anything else."""
    plain = isinstance(node, syntax.Text) and all(isinstance(part, str) for part in node.parts)
    return "".join(map(str, node.parts)) if plain and isinstance(node, syntax.Text) else ""


def nodes_of(each: syntax.Statement) -> Iterator[Expression]:
    """All expressions of a statement, but loop variables where they are known."""
    if isinstance(each, syntax.Parameter | syntax.Resource):
        for decorator in each.decorators:
            for argument in decorator.arguments:
                yield from _nodes(argument, frozenset())
    if isinstance(each, syntax.Parameter):
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
            found = tuple(each.value for each in entries)
        case syntax.Condition(condition, body):
            found = (condition, body)
        case _:
            found = ()
    return found
