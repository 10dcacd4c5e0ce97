"""What can go wrong while readings are made.

SensorsError            the world refused: exit code 1
└── RequestError        what was asked for cannot be done: exit code 2
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
