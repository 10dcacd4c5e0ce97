"""Bicep text as words, each with its line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bicep.errors import BicepError

_WORD = re.compile(
    r"""(?P<skip>[ \t\r]+|//[^\n]*|/\*.*?\*/)
    |(?P<newline>\n)
    |(?P<integer>\d+)
    |(?P<name>[A-Za-z_]\w*)
    |(?P<multiline>'''.*?''')
    |(?P<text>'(?:\\.|\$\{(?:[^{}'\n]|'(?:[^'\n])*')*\}|[^'\\\n])*')
    |(?P<sign>==|!=|=~|!~|<=|>=|&&|\|\||\?\?|::|[-+*/%<>!=?:.,()\[\]{}@|])""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Word:
    """One word.

    Attributes:
        kind: `newline`, `integer`, `name`, `text`, `sign` or `end`.
        text: As written.
        line: From 1.
    """

    kind: str
    text: str
    line: int


def words(source: str, line: int = 1) -> Iterator[Word]:
    """All words but space and comments, then one of kind `end`.

    Raises:
        BicepError: Something is no word.
    """
    at = 0
    while at < len(source):
        match = _WORD.match(source, at)
        if match is None:
            raise BicepError(line, f"not understood: {source[at : at + 20].splitlines()[0]!r}")
        kind = str(match.lastgroup)
        if kind == "multiline":
            raise BicepError(line, "a text of several lines is not understood here")
        if kind != "skip":
            yield Word(kind, match[0], line)
        line += match[0].count("\n")
        at = match.end()
    yield Word("newline", "\n", line)
    yield Word("end", "", line)
