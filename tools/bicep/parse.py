"""Bicep text to what it is made of, by the grammar in `bicep.lark`."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from lark import Discard, Lark, Token, Transformer, UnexpectedInput, UnexpectedToken, v_args
from lark.exceptions import VisitError
from lark.tree import Meta

from bicep import syntax
from bicep.errors import BicepError
from bicep.syntax import Expression

_GRAMMAR = Lark.open("bicep.lark", rel_to=__file__, parser="lalr", propagate_positions=True, maybe_placeholders=False)
_CONSTANTS = {"true": True, "false": False, "null": None}
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def parse(path: Path) -> syntax.File:
    """The content of a file.

    Raises:
        BicepError: It is not understood.
    """
    return _parsed(path.read_text(encoding="utf-8"))


@cache
def _parsed(text: str) -> syntax.File:
    try:
        return _Build().transform(_GRAMMAR.parse(text + "\n"))
    except UnexpectedToken as error:
        expected = " ".join(sorted(map(_shown, error.expected)))
        raise BicepError(error.line, f"found {str(error.token)!r}, expected one of {expected}") from error
    except UnexpectedInput as error:
        raise BicepError(error.line, "not understood") from error
    except VisitError as error:
        raise error.orig_exc from error


def _shown(terminal: str) -> str:
    pattern = _GRAMMAR.get_terminal(terminal).pattern
    return repr(pattern.value) if pattern.type == "str" else terminal.strip("_").lower()


@v_args(meta=True, inline=True)
class _Build(Transformer[Token, syntax.File]):
    """Rules of the grammar, by their names."""

    def start(self, _: Meta, *parts: syntax.Statement | str) -> syntax.File:
        using = next((part for part in parts if isinstance(part, str)), "")
        return syntax.File(tuple(part for part in parts if not isinstance(part, str)), using)

    def using(self, _: Meta, text: syntax.Text) -> str:
        return _plain(text)

    def scope(self, _: Meta, text: syntax.Text) -> object:
        _plain(text)
        return Discard

    def decorators(self, _: Meta, *calls: syntax.Call) -> tuple[syntax.Call, ...]:
        return calls

    def param(
        self, _: Meta, decorators: tuple[syntax.Call, ...], name: Token, *parts: str | Expression
    ) -> syntax.Parameter:
        kind = next((part for part in parts if isinstance(part, str)), "")
        default = next((part for part in parts if not isinstance(part, str)), None)
        return syntax.Parameter(str(name), kind, default, decorators, _line(name))

    def var(self, _: Meta, _decorators: object, name: Token, value: Expression) -> syntax.Variable:
        return syntax.Variable(str(name), value, _line(name))

    def output(self, _: Meta, _decorators: object, name: Token, kind: str, value: Expression) -> syntax.Output:
        return syntax.Output(str(name), kind, value, _line(name))

    def resource(
        self, _: Meta, decorators: tuple[syntax.Call, ...], name: Token, what: syntax.Text, *rest: Token | Expression
    ) -> syntax.Resource:
        kind, _at, version = _plain(what).partition("@")
        body = rest[-1]
        assert not isinstance(body, Token)
        return syntax.Resource(str(name), kind, version, len(rest) > 1, body, decorators, _line(name))

    def module(self, _: Meta, _decorators: object, name: Token, path: syntax.Text, body: Expression) -> syntax.Module:
        return syntax.Module(str(name), _plain(path), body, _line(name))

    def type(self, _: Meta, *parts: Token) -> str:
        return "".join(parts)

    def condition(self, meta: Meta, condition: Expression, body: Expression) -> Expression:
        return syntax.Condition(condition, body, meta.line)

    def choice(self, meta: Meta, *operands: Expression) -> Expression:
        return syntax.Operation("?", operands, meta.line)

    def operation(self, meta: Meta, one: Expression, sign: Token, other: Expression) -> Expression:
        return syntax.Operation(str(sign), (one, other), meta.line)

    def sign(self, meta: Meta, sign: Token, operand: Expression) -> Expression:
        return syntax.Operation(str(sign), (operand,), meta.line)

    def member(self, meta: Meta, base: Expression, name: Token) -> Expression:
        return syntax.Access(base, syntax.Text((str(name),), _line(name)), meta.line)

    def item(self, meta: Meta, base: Expression, key: Expression) -> Expression:
        return syntax.Access(base, key, meta.line)

    def number(self, meta: Meta, digits: Token) -> Expression:
        return syntax.Literal(int(digits), meta.line)

    def name(self, meta: Meta, name: Token) -> Expression:
        constant = name in _CONSTANTS
        return syntax.Literal(_CONSTANTS[name], meta.line) if constant else syntax.Name(str(name), meta.line)

    def call(self, meta: Meta, name: Token, *arguments: Expression) -> Expression:
        return syntax.Call(str(name), arguments, meta.line)

    def array(self, meta: Meta, *items: Expression) -> Expression:
        return syntax.Array(items, meta.line)

    def entry(self, meta: Meta, key: Token | syntax.Text, value: Expression) -> syntax.Entry:
        return syntax.Entry(_plain(key) if isinstance(key, syntax.Text) else str(key), value, meta.line)

    def object(self, meta: Meta, *entries: syntax.Entry) -> Expression:
        for at, entry in enumerate(entries):
            if entry.key in {before.key for before in entries[:at]}:
                raise BicepError(entry.line, f"{entry.key!r} is given twice")
        return syntax.Object(entries, meta.line)

    def loop(self, meta: Meta, item: Token, *rest: Token | Expression) -> Expression:
        *index, source, body = rest
        assert not isinstance(source, Token)
        assert not isinstance(body, Token)
        return syntax.Loop(str(item), "".join(map(str, index)), source, body, meta.line)

    def text(self, meta: Meta, *parts: Token | Expression) -> Expression:
        read = [_unescaped(part) if isinstance(part, Token) else part for part in parts]
        return syntax.Text(tuple(part for part in read if part != ""), meta.line)


def _line(token: Token) -> int:
    assert token.line is not None
    return token.line


def _unescaped(token: Token) -> str:
    """What is between quotes and braces."""
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), re.sub(r"^['}]|('|\$\{)$", "", token))


def _plain(text: syntax.Text) -> str:
    """A text without expressions in it."""
    if any(not isinstance(part, str) for part in text.parts):
        raise BicepError(text.line, "expected a plain text")
    return "".join(map(str, text.parts))
