"""Results on stdout: as a table, as JSON, or as CSV; row by row, so that a million rows need no more than one.

A table's columns get their widths from its first rows; a CSV, whose header needs every row, waits in a
temporary file.
"""

from __future__ import annotations

import csv
import itertools
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

Row = Mapping[str, Any]

MEASURED_ROWS = 200
"""First rows of a table, from which the widths of its columns are taken."""

_GAP = "  "


class Output(StrEnum):
    """How a result is printed."""

    TABLE = "table"
    JSON = "json"


class RowOutput(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def chosen(output: StrEnum | None) -> str:
    """What was asked for; a table for people, JSON for programs, when nothing was."""
    if output is not None:
        return output.value
    return "table" if sys.stdout.isatty() else "json"


def show_rows(rows: Iterable[Row], how: str, *, columns: Sequence[str] = ()) -> None:
    """Rows as they come.

    Args:
        rows: Not all need have the same columns.
        how: `table`, `json` (one array) or `csv`.
        columns: Of a table, in order; those that no measured row has are left out. Empty means all there are.
    """
    if how == "json":
        _show_array(rows)
    elif how == "csv":
        _show_csv(rows)
    else:
        _show_table(rows, columns)


def show_document(document: Row) -> None:
    """One JSON object."""
    print(_json(document, indent=2))  # noqa: T201 - stdout is for data, and this is where data is printed


def show_pairs(pairs: Iterable[tuple[str, Any]]) -> None:
    """Names and values, one pair a line."""
    listed = [(plain(name), _cell(value)) for name, value in pairs]
    width = max((_width(name) for name, _ in listed), default=0)
    for name, value in listed:
        print(f"{_pad(name, width)}{_GAP}{value}".rstrip())  # noqa: T201


def plain(text: str) -> str:
    """The text without what could move the cursor or change colours: such characters become escapes."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _show_array(rows: Iterable[Row]) -> None:
    write = sys.stdout.write
    opened = False
    for row in rows:
        write(f"{',' if opened else '['}\n{_json(row)}")
        opened = True
    write("\n]\n" if opened else "[]\n")


def _show_csv(rows: Iterable[Row]) -> None:
    columns: dict[str, None] = {}
    with tempfile.TemporaryFile("w+", encoding="utf-8") as spool:
        for row in rows:
            columns.update(dict.fromkeys(row))
            spool.write(_json(row) + "\n")
        spool.seek(0)
        out = csv.writer(sys.stdout, lineterminator="\n")
        if columns:
            out.writerow(map(_encodable, columns))
        for line in spool:
            row = json.loads(line)
            out.writerow([_text(row.get(name)) for name in columns])


def _show_table(rows: Iterable[Row], columns: Sequence[str]) -> None:
    coming = iter(rows)
    measured = list(itertools.islice(coming, MEASURED_ROWS))
    if not measured:
        return
    present = dict.fromkeys(name for row in measured for name in row)
    names = [name for name in columns or present if name in present]
    numbers = {name for name in names if all(_is_number(row.get(name)) for row in measured)}
    widths = {name: max(_width(plain(name)), *(_width(_cell(row.get(name))) for row in measured)) for name in names}
    for cells in itertools.chain([{name: plain(name) for name in names}], _cells(measured, coming, names=names)):
        line = _GAP.join(_pad(cells[name], widths[name], right=name in numbers) for name in names)
        print(line.rstrip())  # noqa: T201


def _cells(*parts: Iterable[Row], names: Sequence[str]) -> Iterator[dict[str, str]]:
    for row in itertools.chain(*parts):
        yield {name: _cell(row.get(name)) for name in names}


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _json(value: object, indent: int | None = None) -> str:
    return _encodable(json.dumps(value, ensure_ascii=False, indent=indent))


def _encodable(text: str) -> str:
    r"""The text with unpaired surrogates, which no output takes, as `\udxxx`: what JSON calls them too."""
    return text.encode(errors="backslashreplace").decode()


def _text(value: object) -> str:
    if value is None:
        return ""
    return _encodable(value) if isinstance(value, str) else _json(value)


def _cell(value: object) -> str:
    return plain(_text(value))


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # noqa: PLC0415 - only tables need it

    return cell_len(text)


def _pad(text: str, width: int, *, right: bool = False) -> str:
    space = " " * (width - _width(text))
    return space + text if right else text + space
