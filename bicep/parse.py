"""Bicep text to what it is made of (Microsoft's "Structure and syntax of Bicep files", "Bicep operators")."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bicep import syntax
from bicep.errors import BicepError
from bicep.syntax import Expression
from bicep.words import Word, words

_LEVELS = (("??",), ("||",), ("&&",), ("==", "!=", "=~", "!~"), ("<=", ">=", "<", ">"), ("+", "-"), ("*", "/", "%"))
"""Operators with two operands, from those that bind least."""

_CONSTANTS = {"true": True, "false": False, "null": None}
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", "'": "'", "$": "$"}


def parse(path: Path) -> syntax.File:
    """The content of a file.

    Raises:
        BicepError: It is not understood.
    """
    return _Parser(path.read_text(encoding="utf-8")).file()


class _Parser:
    def __init__(self, source: str, line: int = 1) -> None:
        self._words = list(words(source, line))
        self._at = 0

    @property
    def _word(self) -> Word:
        return self._words[self._at]

    def _is(self, *texts: str) -> bool:
        return self._word.kind in ("sign", "name") and self._word.text in texts

    def _take(self, *texts: str) -> bool:
        taken = self._is(*texts)
        self._at += taken
        return taken

    def _need(self, text: str) -> None:
        if not self._take(text):
            raise BicepError(self._word.line, f"expected {text!r}, found {self._word.text!r}")

    def _needed(self, kind: str) -> str:
        word = self._word
        if word.kind != kind:
            raise BicepError(word.line, f"expected a {kind}, found {word.text!r}")
        self._at += 1
        return word.text

    def _plain(self) -> str:
        """A text without expressions in it."""
        line = self._word.line
        parts = _text(self._needed("text"), line).parts
        if any(not isinstance(part, str) for part in parts):
            raise BicepError(line, "expected a plain text")
        return "".join(str(part) for part in parts)

    def _lines(self) -> None:
        while self._word.kind == "newline":
            self._at += 1

    def file(self) -> syntax.File:
        statements: list[syntax.Statement] = []
        using = ""
        self._lines()
        while self._word.kind != "end":
            if self._take("using"):
                using = self._plain()
            elif self._take("targetScope"):
                self._need("=")
                self._plain()
            else:
                statements.append(self._statement())
            if self._word.kind not in ("newline", "end"):
                raise BicepError(self._word.line, f"expected the end of the line, found {self._word.text!r}")
            self._lines()
        return syntax.File(tuple(statements), using)

    def _statement(self) -> syntax.Statement:
        decorators = tuple(self._decorators())
        line, word = self._word.line, self._needed("name")
        name = self._needed("name")
        if word == "param":
            kind = "" if self._is("=") else self._type()
            default = self._expression() if self._take("=") else None
            return syntax.Parameter(name, kind, default, decorators, line)
        if word == "var":
            self._need("=")
            return syntax.Variable(name, self._expression(), line)
        if word == "output":
            kind = self._type()
            self._need("=")
            return syntax.Output(name, kind, self._expression(), line)
        if word not in ("resource", "module"):
            raise BicepError(line, f"{word!r} begins no statement that is understood here")
        what = self._plain()
        existing = self._take("existing")
        self._need("=")
        body = self._expression()
        if word == "module":
            return syntax.Module(name, what, body, line)
        kind, _, version = what.partition("@")
        return syntax.Resource(name, kind, version, existing, body, line)

    def _decorators(self) -> Iterator[syntax.Call]:
        while self._take("@"):
            line, name = self._word.line, self._needed("name")
            self._need("(")
            yield syntax.Call(name, self._arguments(), line)
            self._lines()

    def _type(self) -> str:
        name = self._needed("name")
        while self._take("["):
            self._need("]")
            name += "[]"
        return name

    def _expression(self) -> Expression:
        if self._is("if"):
            return self._condition()
        line = self._word.line
        first = self._level(0)
        if not self._take("?"):
            return first
        second = self._expression()
        self._need(":")
        return syntax.Operation("?", (first, second, self._expression()), line)

    def _condition(self) -> Expression:
        line = self._word.line
        self._need("if")
        self._need("(")
        condition = self._expression()
        self._need(")")
        return syntax.Condition(condition, self._expression(), line)

    def _level(self, level: int) -> Expression:
        if level == len(_LEVELS):
            return self._unary()
        found = self._level(level + 1)
        while self._is(*_LEVELS[level]):
            line, sign = self._word.line, self._word.text
            self._at += 1
            found = syntax.Operation(sign, (found, self._level(level + 1)), line)
        return found

    def _unary(self) -> Expression:
        for sign in ("!", "-"):
            line = self._word.line
            if self._take(sign):
                return syntax.Operation(sign, (self._unary(),), line)
        return self._postfix()

    def _postfix(self) -> Expression:
        found = self._primary()
        while True:
            line = self._word.line
            if self._take("."):
                found = syntax.Access(found, syntax.Text((self._needed("name"),), line), line)
            elif self._take("["):
                found = syntax.Access(found, self._expression(), line)
                self._need("]")
            else:
                return found

    def _primary(self) -> Expression:
        word = self._word
        if word.kind in ("text", "integer"):
            self._at += 1
            return _text(word.text, word.line) if word.kind == "text" else syntax.Literal(int(word.text), word.line)
        if self._take("("):
            found = self._expression()
            self._need(")")
            return found
        if self._is("[", "{"):
            return self._array() if self._is("[") else self._object()
        name = self._needed("name")
        if name in _CONSTANTS:
            return syntax.Literal(_CONSTANTS[name], word.line)
        return syntax.Call(name, self._arguments(), word.line) if self._take("(") else syntax.Name(name, word.line)

    def _arguments(self) -> tuple[Expression, ...]:
        found: list[Expression] = []
        self._lines()
        while not self._take(")"):
            found.append(self._expression())
            self._lines()
            if not self._is(")"):
                self._need(",")
                self._lines()
        return tuple(found)

    def _array(self) -> Expression:
        line = self._word.line
        self._need("[")
        if self._is("for"):
            return self._loop(line)
        items: list[Expression] = []
        self._lines()
        while not self._take("]"):
            items.append(self._expression())
            self._separator("]")
        return syntax.Array(tuple(items), line)

    def _separator(self, end: str) -> None:
        comma = self._take(",")
        if not comma and self._word.kind != "newline" and not self._is(end):
            raise BicepError(self._word.line, f"expected a comma, a new line or {end!r}, found {self._word.text!r}")
        self._lines()

    def _loop(self, line: int) -> Expression:
        self._need("for")
        index = ""
        if self._take("("):
            item = self._needed("name")
            self._need(",")
            index = self._needed("name")
            self._need(")")
        else:
            item = self._needed("name")
        self._need("in")
        source = self._expression()
        self._need(":")
        body = self._expression()
        self._lines()
        self._need("]")
        return syntax.Loop(item, index, source, body, line)

    def _object(self) -> syntax.Object:
        line = self._word.line
        self._need("{")
        entries: list[syntax.Entry] = []
        self._lines()
        while not self._take("}"):
            at = self._word.line
            key = self._plain() if self._word.kind == "text" else self._needed("name")
            if key in {entry.key for entry in entries}:
                raise BicepError(at, f"{key!r} is given twice")
            self._need(":")
            entries.append(syntax.Entry(key, self._expression(), at))
            self._separator("}")
        return syntax.Object(tuple(entries), line)


def _text(word: str, line: int) -> syntax.Text:
    """A text between quotes: escapes resolved, `${...}` parsed."""
    source = word[1:-1]
    parts: list[str | Expression] = []
    plain = ""
    at = 0
    while at < len(source):
        if source.startswith("${", at):
            end = _closing(source, at + 2)
            parts += [plain] if plain else []
            plain = ""
            parts.append(_inner(source[at + 2 : end], line))
            at = end + 1
        elif source[at] == "\\":
            if source[at + 1] not in _ESCAPES:
                raise BicepError(line, f"no such escape: \\{source[at + 1]}")
            plain += _ESCAPES[source[at + 1]]
            at += 2
        else:
            plain += source[at]
            at += 1
    return syntax.Text((*parts, *([plain] if plain else [])), line)


def _closing(source: str, at: int) -> int:
    """Where the expression that begins here ends: braces do not nest in it."""
    quoted = False
    while source[at] != "}" or quoted:
        quoted ^= source[at] == "'"
        at += 1
    return at


def _inner(source: str, line: int) -> Expression:
    parser = _Parser(source, line)
    found = parser._expression()  # noqa: SLF001 - its own class
    if parser._word.kind != "newline":  # noqa: SLF001
        raise BicepError(line, f"not understood in a text: {source!r}")
    return found
