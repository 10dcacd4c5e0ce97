"""Errors of the local network: what was being done, on what, why, and what to try.

NetworkError            1   a program, the Docker engine or the machine does not do what is needed
├── MissingError        1   something has to be installed or allowed first
└── RequestError        2   what was asked for cannot be done, or another network is up
"""

from __future__ import annotations

FAILED = 1
USAGE = 2


class NetworkError(Exception):
    """An error that a user can act on.

    Attributes:
        hint: What to try next.
        exit_code: What the process ends with when nothing catches it.
    """

    exit_code = FAILED

    def __init__(self, doing: str, subject: object, *, why: str, hint: str):
        self.hint = hint
        super().__init__(f"cannot {doing}: {subject}: {why}")


class MissingError(NetworkError):
    """Something has to be installed or allowed first; the hint says how."""


class RequestError(NetworkError):
    """What was asked for cannot be done, or another network is up."""

    exit_code = USAGE
