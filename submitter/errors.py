"""Errors of the command line, and how any package's error is told.

Explained (protocol)    what every package's errors have: a text, a hint and an exit code
SubmitError             what this package's have in common
├─ UsageError       2   options that make no sense, alone or together
├─ SettingsError    2   settings that do not hold, all of them together
├─ SpecError        2   a job spec that cannot be found, read, filled or sent
├─ CityError        2   a city that no node of the network carries
├─ NodeError        3   a city whose nodes cannot take the job
├─ OrchestratorError 3  an orchestrator that cannot be reached, or that does not let us in
├─ ApiError         1   an orchestrator that answered with an error; 2 when it refused the job itself
└─ ResultError      1   published results that cannot be fetched
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from submitter.output import plain

COMPLETE = 0
FAILED = 1
USAGE = 2
REFUSED = 3
DEADLINE = 4
PARTIAL = 5
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


class SubmitError(Exception):
    """What was being done, on what, why it failed, and what to try."""

    exit_code = FAILED

    def __init__(self, doing: str, subject: str, *, why: str, hint: str):
        self.why = why
        self.hint = hint
        super().__init__(f"cannot {doing}: {subject}: {why}")


class UsageError(SubmitError):
    """Options that make no sense, alone or together."""

    exit_code = USAGE


class SettingsError(SubmitError):
    """Settings that do not hold, all of them together."""

    exit_code = USAGE


class SpecError(SubmitError):
    """A job spec that cannot be found, read, filled or sent."""

    exit_code = USAGE


class CityError(SubmitError):
    """A city that no node of the network carries."""

    exit_code = USAGE


class NodeError(SubmitError):
    """A city whose nodes cannot take the job."""

    exit_code = REFUSED


class OrchestratorError(SubmitError):
    """An orchestrator that cannot be reached, or that does not let us in.

    Attributes:
        passing: Whether the same call may succeed soon: the connection broke, or the orchestrator starts again.
    """

    exit_code = REFUSED

    def __init__(self, doing: str, subject: str, *, why: str, hint: str, passing: bool = False):
        super().__init__(doing, subject, why=why, hint=hint)
        self.passing = passing


@dataclass(frozen=True)
class Answered:
    """Bacalhau's own account of an error (its apimodels/error.go).

    Attributes:
        status: HTTP status.
        message: One or more lines.
        code: Such as `BadRequest`; empty where the answer has none, as the next two.
        component: The part of Bacalhau that failed.
        hint: What Bacalhau advises.
        details: Names and values.
    """

    status: int
    message: str
    code: str = ""
    component: str = ""
    hint: str = ""
    details: Mapping[str, str] = field(default_factory=dict)


class ApiError(SubmitError):
    """An orchestrator that answered with an error; `answered` has all that it said."""

    def __init__(self, doing: str, subject: str, answered: Answered):
        self.answered = answered
        self.exit_code = USAGE if answered.status == 400 else FAILED
        told = [answered.message or f"status {answered.status}"]
        told += [f"{name} {value}" for name, value in (("code", answered.code), ("in", answered.component)) if value]
        told += [f"{name}={value}" for name, value in sorted(answered.details.items())]
        super().__init__(
            doing, subject, why=", ".join(told), hint=answered.hint or "look at the orchestrator's log for the cause"
        )


class ResultError(SubmitError):
    """Published results that cannot be fetched."""


def tell(error: Explained) -> None:
    """On stderr: what went wrong, then what to try; nothing in it moves a terminal's cursor."""
    lines = f"Error: {error}\nTry: {error.hint}".splitlines()
    print(*map(plain, lines), sep="\n", file=sys.stderr)  # noqa: T201 - the one place that tells errors


def nearest(name: str, there: Iterable[str]) -> str:
    """`, did you mean x` for the name most like the one given; empty when none is alike."""
    alike = difflib.get_close_matches(name, list(there), n=1, cutoff=0.5)
    return f", did you mean {alike[0]}" if alike else ""
