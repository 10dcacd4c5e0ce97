"""`bacalhau-cosmos sensors stop`: nothing runs, all data stays."""
# ruff: noqa: PLC0415 - sensors is imported when it is used, so that help stays fast

import sys
from typing import Annotated

import typer

from submitter.commands.sensors._project import (
    changing,
    compose,
    name_of,
    places_here,
    refuse_of_another_folder,
    say,
)

EXAMPLE = "Example: bacalhau-cosmos sensors stop --no-prompt"


def stop(
    *,
    no_prompt: Annotated[
        bool, typer.Option("--no-prompt", help="Do not ask whether to forget the project; it stays known.")
    ] = False,
) -> None:
    """Stop and remove all containers of the project; its data, state and archive stay.

    On a terminal it then offers to forget the project's name.
    """
    from sensors.manager import lifecycle, state
    from sensors.manager.engine import connected

    places = places_here()
    name = name_of(places)
    composed = compose()
    with connected() as engine, changing(places, "stop") as step:
        refuse_of_another_folder(engine, name, places)
        step(f"stop the containers of {name}")
        lifecycle.down(name, composed, places)
        say(f"stopped {name}; its data is where it was")
        if not no_prompt and sys.stdin.isatty() and typer.confirm("Forget the project?", err=True):
            state.forget(places)
            say(f"forgot {name}")
