"""The monitor on a terminal: drawn again with each look, as much of it as the window has room for."""
# ruff: noqa: PLC0415 - rich and sensors are imported when they are used, so that help stays fast

import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from submitter.output import plain

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

    from sensors.manager.look.watch import Overview

_GOOD, _WAITING, _BAD = "green", "yellow", "red"
_NOTES = 5
"""Lines below the table, at most."""

_OTHER_LINES = 6
"""Head, two empty ones, the headings of both tables, and the line that counts what is left out."""

_GAP = 2
_DROPPED = ("files", "uploaded", "database", "rows", "restarts", "rejects", "anomalies", "newest", "began")
"""Columns that a narrow window goes without, in this order."""

Look = Callable[[], "tuple[Overview, Sequence[str]]"]


def show_live(look: Look, wait: Callable[[float], bool], every_s: float, clock: Callable[[], float]) -> None:
    """Looks and draws until `wait` says that it is over.

    Args:
        look: What there is now, and what to say of it.
        wait: So many seconds; whether to end.
        every_s: Between two looks; more when a look takes long, so that looking never becomes the load.
        clock: Counts seconds.
    """
    from rich.console import Console
    from rich.live import Live

    console = Console()
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            begun = clock()
            view, said = look()
            live.update(board(view, said, console), refresh=True)
            if wait(max(every_s, 4 * (clock() - begun))):
                return


def board(view: "Overview", said: Sequence[str], console: "Console") -> "RenderableType":
    """What fits the console: totals and uploaders whole, then sensors, those that are not well first."""
    from rich.console import Group

    from sensors.manager.look.watch_text import notes, sensor_cells, total_cells, uploader_cells

    width = console.size.width
    totals = textwrap.wrap(",  ".join(f"{name} {value}" for name, value in total_cells(view)), width)
    head = f"{view.project}  {view.at:%Y-%m-%d %H:%M:%S} UTC  Ctrl-C ends"
    foot = [_line(line, "yellow") for line in (*said, *notes(view))][:_NOTES]
    uploaders = uploader_cells(view)
    room = console.size.height - len(uploaders) - len(foot) - len(totals) - _OTHER_LINES
    cells = sensor_cells(view)
    if len(cells) > room:
        cells = sorted(cells, key=lambda each: _colour(each["status"]) == _GOOD)[: max(0, room)]
    left = len(view.sensors) - len(cells)
    more = [_line(f"{left} more that are no worse: --once lists all", "dim")] if left else []
    tables = (_line(""), _table(uploaders, width), _line(""), _table(cells, width))
    return Group(_line(head), *map(_line, totals), *tables, *more, *foot)


def _table(rows: Sequence[dict[str, Any]], width: int) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0))
    names = _fitting(rows, width)
    for name in names:
        numbers = all(row[name] is None or isinstance(row[name], int | float) for row in rows)
        table.add_column(name, justify="right" if numbers else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(_line(row[name], _colour(row[name]) if name == "status" else "") for name in names))
    return table


def _fitting(rows: Sequence[dict[str, Any]], width: int) -> list[str]:
    """The columns that there is room for."""
    from rich.cells import cell_len

    names = list(rows[0]) if rows else []
    widths = {name: max(cell_len(name), *(cell_len(_line(row[name]).plain) for row in rows)) for name in names}
    for name in _DROPPED:
        if sum(widths[each] + _GAP for each in names) - _GAP <= width:
            break
        names = [each for each in names if each != name]
    return names


def _line(value: object, style: str = "") -> "Text":
    from rich.text import Text

    return Text("" if value is None else plain(str(value)), style=style, no_wrap=True, overflow="ellipsis")


def _colour(status: str | None) -> str:
    if status in ("running", "running (healthy)"):
        return _GOOD
    return _WAITING if status is None or status in ("created", "running (starting)") else _BAD
