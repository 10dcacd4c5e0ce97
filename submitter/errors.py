"""Errors of the command line, and how any package's error is told.

Explained (protocol)    what every package's errors have: a text, a hint and an exit code
UsageError          2   options that make no sense, alone or together
"""

from __future__ import annotations

import sys
from typing import Protocol, runtime_checkable

USAGE = 2
INTERRUPTED = 130
BROKEN_PIPE = 141
"""What a shell reports for a program that SIGPIPE ended."""


@runtime_checkable
class Explained(Protocol):
    """An error that a user can act on. Packages do not import each other, so they share no base class.

    Attributes:
        hint: What to try next, one sentence.
        exit_code: What the process ends with.
    """

    hint: str
    exit_code: int


class UsageError(Exception):
    """Options that make no sense, alone or together."""

    exit_code = USAGE

    def __init__(self, doing: str, subject: str, *, why: str, hint: str):
        self.hint = hint
        super().__init__(f"cannot {doing}: {subject}: {why}")


def tell(error: Explained) -> None:
    """On stderr: what went wrong, then what to try."""
    print(f"Error: {error}\nTry: {error.hint}", file=sys.stderr)  # noqa: T201 - the one place that tells errors
