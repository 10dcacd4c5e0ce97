"""`bacalhau-cosmos sensors cleanup`: nothing of the project is left in Docker."""
# ruff: noqa: PLC0415 - sensors is imported when it is used, so that help stays fast

import sys
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from submitter.commands._options import AsOutput
from submitter.commands.sensors import _options as options
from submitter.commands.sensors._ask import confirmed
from submitter.commands.sensors._project import changing, name_of, places_here, refuse_of_another_folder, say
from submitter.output import chosen, show_document, show_pairs

EXAMPLE = "Example: bacalhau-cosmos sensors cleanup --dry-run"


def cleanup(
    *,
    project_name: options.ProjectName = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    output: AsOutput = None,
) -> None:
    """Remove by force all containers, networks, volumes and images that carry the project's label, and nothing else.

    Local data and documents stay.
    """
    from sensors.manager import state
    from sensors.manager.engine import connected

    how = chosen(output)
    places = places_here()
    name = project_name or name_of(places)
    with connected() as engine:
        found = engine.labelled(name)
        if dry_run:
            _show(found, how, dry_run=True)
            return
        # The script of before never asked, and others call it: without a terminal it goes on.
        if not confirmed(f"Remove {_counted(found)} of {name}?", yes=yes or not sys.stdin.isatty(), doing="clean up"):
            say("nothing was removed")
            return
        with changing(places, "cleanup") as step:
            if project_name is None:
                refuse_of_another_folder(engine, name, places)
            step(f"remove what carries the label of {name}")
            removed = engine.remove(name)
            left = sorted({each.compose_project for each in engine.started_from(places.root)})
            if left:
                say(f"Note: {', '.join(left)} has containers without our label, which `sensors stop` ends")
            elif name == state.read(places).project:
                state.forget(places)
    _show(removed, how, dry_run=False)


def _counted(found: Mapping[str, Sequence[str]]) -> str:
    return ", ".join(f"{len(names)} {kind}" for kind, names in found.items() if names) or "nothing"


def _show(found: Mapping[str, Sequence[str]], how: str, *, dry_run: bool) -> None:
    if how == "json":
        show_document({"schemaVersion": 1, "dryRun": dry_run, **found})
        return
    show_pairs((kind, name) for kind, names in found.items() for name in names)
    say(f"{'would remove' if dry_run else 'removed'} {_counted(found)}")
