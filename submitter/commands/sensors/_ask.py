"""Asking before something goes."""

import sys

import typer

from submitter.errors import UsageError


def confirmed(question: str, *, yes: bool, doing: str) -> bool:
    """Whether to go on: asked on the terminal, unless `--yes` has answered.

    Raises:
        UsageError: There is nobody to ask.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError(doing, question, why="there is no terminal to ask on", hint="add --yes, or --dry-run to see")
    return typer.confirm(question, err=True)
