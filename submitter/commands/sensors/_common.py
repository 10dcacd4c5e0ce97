"""What several commands of `sensors` share: an option, durations, and how a request is refused."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sensors.errors import RequestError

NodeFolder = Annotated[
    str,
    typer.Option(
        envvar="COSMOS_NODE_FOLDER",
        help="Folder that a relative --data is in, for nodes that share a disk; ends the sensors' ids.",
    ),
]

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def duration_s(text: str, option: str) -> float:
    """Seconds of `500ms`, `5s`, `1m` or `1h`; anything else raises RequestError."""
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    try:
        return float(number) * _UNITS_S[text[len(number) :]]
    except (KeyError, ValueError) as exc:
        raise request_error(
            f"read {option}",
            text,
            why="it is not a number and a unit",
            hint=f"use one of the units {', '.join(_UNITS_S)}, for example 5s",
        ) from exc


def request_error(doing: str, on_what: str, *, why: str, hint: str) -> "RequestError":
    """An error about what was asked for."""
    from sensors.errors import RequestError  # noqa: PLC0415 - imported when it is used, so that help stays fast

    return RequestError(doing, on_what, why=why, hint=hint)
