"""Errors of what looks at whole accounts: what was being done, on what, why, and what to try.

FleetError              exit code
├── ChoiceError         2   what is asked for makes no sense for this account
├── PriceError          2   a file of prices that cannot be read
├── RefusedError        3   the control plane cannot be reached, or refuses who we are
└── ControlError        1   the control plane answers, and does not do what is asked
"""

from __future__ import annotations

FAILED = 1
USAGE = 2
REFUSED = 3


class FleetError(Exception):
    """An error that a user can act on.

    Attributes:
        hint: What to try next, one sentence.
        retryable: Whether the same may succeed later without a change by the user.
        exit_code: What the process ends with when nothing catches it.
    """

    exit_code = FAILED

    def __init__(self, doing: str, subject: str, *, why: str, hint: str, retryable: bool = False):
        self.why = why
        self.hint = hint
        self.retryable = retryable
        super().__init__(f"cannot {doing}: {subject}: {why}")


class ChoiceError(FleetError):
    """What is asked for makes no sense for this account."""

    exit_code = USAGE


class PriceError(FleetError):
    """A file of prices cannot be read."""

    exit_code = USAGE


class RefusedError(FleetError):
    """The control plane cannot be reached, or refuses who we are."""

    exit_code = REFUSED


class ControlError(FleetError):
    """The control plane answers, and does not do what is asked."""
