"""`bacalhau-cosmos sensors monitor`: what every sensor and uploader does now."""
# ruff: noqa: PLC0415 - sensors is imported when it is used, so that help stays fast

import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from submitter.commands._stop import stop_signal
from submitter.commands.sensors._project import say
from submitter.commands.sensors._watched import here, seen
from submitter.output import Output, show_document, show_pairs, show_rows

if TYPE_CHECKING:
    from sensors.manager.look.watch import Overview

EXAMPLE = "Example: bacalhau-cosmos sensors monitor --once --output json"

EVERY_S = 2.0
"""Between two looks of the live view."""


def monitor(
    *,
    plain: Annotated[
        bool, typer.Option("--plain", help="One table without colours; so it is without a terminal.")
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="One look, then end.")] = False,
    output: Annotated[Output | None, typer.Option(help="How to print; json is one look.", show_default="table")] = None,
) -> None:
    """Show what every sensor and uploader does, until Ctrl-C.

    Without a terminal (a pipe, watch), with NO_COLOR or NO_COLORS, and on a dumb terminal it is one plain table.
    Rows are counted by the first and the last id of a database, backlog by the last one that was uploaded: both are
    exact unless rows were deleted.
    """
    from sensors.manager.look.watch import overview
    from sensors.manager.look.watch_text import document

    project = here()

    def look() -> "tuple[Overview, Sequence[str]]":
        found, unknown = seen(project, lambda: datetime.now(UTC))
        return overview(project.fleet, found), unknown

    if not (plain or once or output is not None) and _can_draw():
        from submitter.commands.sensors._board import show_live

        with stop_signal() as stop:
            show_live(look, stop.wait, EVERY_S, time.monotonic)
        return
    view, unknown = look()
    for line in unknown:
        say(f"Note: {line}")
    if output is Output.JSON:
        show_document(document(view, unknown))
    else:
        show_table(view)


def show_table(view: "Overview") -> None:
    """Sensors, uploaders, totals and notes as plain text."""
    from sensors.manager.look.watch_text import notes, sensor_cells, total_cells, uploader_cells

    for rows in (sensor_cells(view), uploader_cells(view)):
        if rows:
            show_rows(rows, "table", columns=list(rows[0]))
            typer.echo("")
    show_pairs(total_cells(view))
    for line in notes(view):
        say(f"Note: {line}")


def _can_draw() -> bool:
    """Whether stdout is a terminal whose cursor may be moved, and nobody has asked for no colours."""
    unwanted = (
        os.environ.get("NO_COLOR") or os.environ.get("NO_COLORS") or os.environ.get("TERM") in ("dumb", "unknown")
    )
    return sys.stdout.isatty() and not unwanted
