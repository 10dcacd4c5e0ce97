"""Whether a value that is written out is one that its parameter takes."""

from __future__ import annotations

from collections.abc import Iterator

from bicep import syntax
from bicep.syntax import Expression
from bicep.walk import written

_TYPES: dict[str, type] = {"string": str, "int": int, "bool": bool, "array": list, "object": dict}


def unfit(line: int, parameter: syntax.Parameter, value: Expression | None) -> Iterator[tuple[int, str]]:
    """What a parameter refuses of a value, by its type and its decorators; what only evaluation tells is passed over.

    Args:
        line: Where the value is given.
        parameter: As it is declared.
        value: Its default, or what a module or a parameter file gives.
    """
    yield from _typed(line, parameter, value)
    for one in parameter.decorators:
        if one.name == "allowed":
            yield from _allowed(line, parameter.name, one.arguments[0], value)
        elif one.name in ("minValue", "maxValue"):
            yield from _limited(line, parameter.name, one, _number(value))
        elif one.name in ("minLength", "maxLength"):
            yield from _limited(line, f"the length of {parameter.name}", one, _length(value))


def _typed(line: int, parameter: syntax.Parameter, value: Expression | None) -> Iterator[tuple[int, str]]:
    if parameter.type not in _TYPES:
        yield line, f"there is no type {parameter.type!r}"
        return
    found: type | None = {syntax.Text: str, syntax.Array: list, syntax.Object: dict}.get(type(value))
    if isinstance(value, syntax.Literal):
        found = type(value.value)
    if found is not None and found is not _TYPES[parameter.type]:
        yield line, f"{parameter.name!r} is of type {parameter.type}, its value is not"


def _allowed(line: int, name: str, allowed: Expression, value: Expression | None) -> Iterator[tuple[int, str]]:
    values = [written(item) for item in allowed.items] if isinstance(allowed, syntax.Array) else []
    if isinstance(value, syntax.Text) and written(value) not in values:
        yield line, f"{name!r} is one of {', '.join(values)}"


def _limited(line: int, name: str, decorator: syntax.Call, size: int | None) -> Iterator[tuple[int, str]]:
    limit = _number(decorator.arguments[0])
    if size is None or limit is None:
        return
    if size < limit if decorator.name.startswith("min") else size > limit:
        yield line, f"{name} is {size}, @{decorator.name} is {limit}"


def _number(value: Expression | None) -> int | None:
    if isinstance(value, syntax.Operation) and value.sign == "-" and len(value.operands) == 1:
        number = _number(value.operands[0])
        return None if number is None else -number
    return value.value if isinstance(value, syntax.Literal) and type(value.value) is int else None


def _length(value: Expression | None) -> int | None:
    if isinstance(value, syntax.Array):
        return len(value.items)
    plain = isinstance(value, syntax.Text) and all(isinstance(part, str) for part in value.parts)
    return len(written(value)) if plain and value is not None else None
