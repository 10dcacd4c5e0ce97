"""Errors of the pipeline: what was being done, on what, why, and what to try.

ProcessorError          exit code
├── SettingsError       2   a setting is missing, unknown or out of bounds
├── SourceError         1   a sensor's database cannot be read
│   └── SourceChanged   1   it was replaced while it was being read; read it again
├── CityError           2   no such city, or a city without data
├── AnomalyError        2   no such anomaly, or nothing that can be labelled
├── EndpointError       3   Cosmos cannot be reached or refuses us
├── SinkError           1   Cosmos answers, and does not take what we write
├── ArchiveError        1   the Parquet archive cannot be written or read
├── CheckpointError     1   positions cannot be read or saved
├── BusyError           1   another run holds this city
└── UnhealthyError      1   a run that should be going on has not moved for long

Stopped is none of them: the run was asked to end.
"""

from __future__ import annotations

COMPLETE = 0
FAILED = 1
USAGE = 2
REFUSED = 3
PARTIAL = 5
INTERRUPTED = 130


class ProcessorError(Exception):
    """An error that a user can act on.

    Attributes:
        hint: What to try next, one sentence.
        retryable: Whether the same run may succeed later without a change by the user.
        exit_code: What the process ends with when nothing catches it.
    """

    exit_code = FAILED
    retryable = False

    def __init__(self, doing: str, subject: object, *, why: str = "", hint: str, retryable: bool | None = None):
        self.doing = doing
        self.subject = _encodable(str(subject))
        self.why = _encodable(why)
        self.hint = _encodable(hint)
        if retryable is not None:
            self.retryable = retryable
        super().__init__(doing, self.subject, why)

    def __str__(self) -> str:
        cause = self.why or (_encodable(str(self.__cause__)) if self.__cause__ else "")
        return f"cannot {self.doing}: {self.subject}" + (f": {cause}" if cause else "")


def _encodable(text: str) -> str:
    """The text with escapes for bytes of names that are no UTF-8: a report could not be printed with them."""
    return text.encode(errors="backslashreplace").decode()


class SettingsError(ProcessorError):
    """A setting is missing, unknown or out of bounds."""

    exit_code = USAGE


class CityError(ProcessorError):
    """The city has no folder, or its folder has no database."""

    exit_code = USAGE


class AnomalyError(ProcessorError):
    """There is no anomaly of that id, or what has it cannot be labelled."""

    exit_code = USAGE


class SourceError(ProcessorError):
    """A sensor's database cannot be read."""


class SourceChanged(SourceError):
    """The database was replaced between two pages."""

    retryable = True


class EndpointError(ProcessorError):
    """Cosmos cannot be reached, or refuses who we are."""

    exit_code = REFUSED


class SinkError(ProcessorError):
    """Cosmos answers, and does not take what we write."""


class ArchiveError(ProcessorError):
    """The archive cannot be written or read."""


class CheckpointError(ProcessorError):
    """Positions cannot be read or saved."""


class BusyError(ProcessorError):
    """Another run holds the city's state."""

    retryable = True


class UnhealthyError(ProcessorError):
    """A run that should be going on has not moved for long."""

    retryable = True


class Stopped(Exception):
    """The run was asked to end, and what was in hand is given up: the next run does it again."""
