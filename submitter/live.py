"""How jobs go, on stderr while they do: a table that changes on a terminal, a line for each change elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from submitter.output import plain
from submitter.states import NodeState
from submitter.watch import View

_COLOURS: Mapping[NodeState, str] = {
    NodeState.QUEUED: "dim",
    NodeState.RUNNING: "cyan",
    NodeState.LOST: "yellow",
    NodeState.WORKING: "green",
    NodeState.DONE: "green",
    NodeState.FAILED: "red",
}


class Display(Protocol):
    """Takes what a watch yields."""

    def show(self, city: str, view: View) -> None: ...  # noqa: D102


class Lines:
    """One line a change."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], str] = {}

    def show(self, city: str, view: View) -> None:
        """See `Display`."""
        line = f"{city} {view.node} {view.state.value}{': ' if view.why else ''}{view.why}"
        if self._last.get((view.job_id, view.node)) != line:
            print(plain(line), file=sys.stderr)  # noqa: T201 - progress
        self._last[view.job_id, view.node] = line


@contextmanager
def display() -> Iterator[Display]:
    """What fits stderr."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    from rich.console import Console  # noqa: PLC0415 - only terminals need it
    from rich.live import Live  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    views: dict[tuple[str, str], View] = {}

    class Board:
        def __rich__(self) -> Table:
            table = Table.grid(padding=(0, 2))
            for (city, _), view in views.items():
                state = Text(view.state.value, style=_COLOURS[view.state])
                table.add_row(Text(plain(city)), Text(plain(view.node)), state, Text(plain(view.why), overflow="fold"))
            return table

    board = Board()
    with Live(board, console=Console(stderr=True), transient=True, refresh_per_second=8) as live:

        class Tables:
            def show(self, city: str, view: View) -> None:
                views[city, view.node] = view
                live.update(board)

        yield Tables()
