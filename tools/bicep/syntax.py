"""What Bicep files are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Literal:
    """A number, `true`, `false` or `null`."""

    value: int | bool | None
    line: int


@dataclass(frozen=True)
class Text:
    """A text; its parts are plain, or expressions to be put in."""

    parts: tuple[str | Expression, ...]
    line: int


@dataclass(frozen=True)
class Name:
    """A parameter, variable, resource, module or loop variable."""

    name: str
    line: int


@dataclass(frozen=True)
class Access:
    """`base.name`, or `base[key]`."""

    base: Expression
    key: Expression
    line: int


@dataclass(frozen=True)
class Call:
    """A function with its arguments."""

    name: str
    arguments: tuple[Expression, ...]
    line: int


@dataclass(frozen=True)
class Operation:
    """An operator with one or two operands, or `?` with three."""

    sign: str
    operands: tuple[Expression, ...]
    line: int


@dataclass(frozen=True)
class Array:
    """`[a, b]`."""

    items: tuple[Expression, ...]
    line: int


@dataclass(frozen=True)
class Entry:
    """A property of an object."""

    key: str
    value: Expression
    line: int


@dataclass(frozen=True)
class Object:
    """`{ key: value }`."""

    entries: tuple[Entry, ...]
    line: int


@dataclass(frozen=True)
class Loop:
    """`[for item in source: body]`; `index` is empty without one."""

    item: str
    index: str
    source: Expression
    body: Expression
    line: int


@dataclass(frozen=True)
class Condition:
    """`if (condition) body`."""

    condition: Expression
    body: Expression
    line: int


Expression: TypeAlias = Literal | Text | Name | Access | Call | Operation | Array | Object | Loop | Condition


@dataclass(frozen=True)
class Parameter:
    """`param name type = default`; in a parameter file the type is empty and the default is its value."""

    name: str
    type: str
    default: Expression | None
    decorators: tuple[Call, ...]
    line: int


@dataclass(frozen=True)
class Variable:
    """`var name = value`."""

    name: str
    value: Expression
    line: int


@dataclass(frozen=True)
class Resource:
    """`resource name 'type@version' existing = body`."""

    name: str
    type: str
    version: str
    existing: bool
    body: Expression
    decorators: tuple[Call, ...]
    line: int


@dataclass(frozen=True)
class Module:
    """`module name 'path' = body`."""

    name: str
    path: str
    body: Expression
    line: int


@dataclass(frozen=True)
class Output:
    """`output name type = value`."""

    name: str
    type: str
    value: Expression
    line: int


Statement: TypeAlias = Parameter | Variable | Resource | Module | Output


@dataclass(frozen=True)
class File:
    """A Bicep file, or a parameter file.

    Attributes:
        statements: In order.
        using: What a parameter file is for; empty for others.
    """

    statements: tuple[Statement, ...]
    using: str
