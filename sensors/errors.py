"""What can go wrong while readings are made and sensors are managed.

SensorsError            the world refused: exit code 1
├── RequestError        what was asked for cannot be done: exit code 2
├── ConfigError         configuration that does not hold, all of it together: exit code 2
├── EngineError         Docker or Compose is missing, does not answer, or refuses us: exit code 3
└── BusyError           another manager is at work on the project: exit code 1
"""


class SensorsError(Exception):
    """Says what was being done, on what and why it failed; `hint` says what to try."""

    exit_code = 1
    retryable = False

    def __init__(self, doing: str, on_what: object, *, why: str, hint: str) -> None:
        super().__init__(f"cannot {doing}: {on_what}: {why}")
        self.doing = doing
        self.on_what = on_what
        self.why = why
        self.hint = hint


class RequestError(SensorsError):
    """The request itself is wrong; the same request fails again."""

    exit_code = 2


class ConfigError(SensorsError):
    """Configuration that does not hold; `why` has every problem, each with its file and line."""

    exit_code = 2


class EngineError(SensorsError):
    """Docker or Compose is missing, does not answer, or refuses us."""

    exit_code = 3


class BusyError(SensorsError):
    """Another manager is at work on the project."""

    retryable = True
