"""Reads a sensor's SQLite database in pages, by row id, and leaves no trace beside it.

Each read opens the database by the rules of `opening`, reads in one transaction and closes, so a writer
may checkpoint, VACUUM or close between two pages.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from processors import schema
from processors.anchors import anchor_of, matches
from processors.errors import SourceChanged, SourceError
from processors.model import Anchor, Extent
from processors.source import cells as sqlite_cells
from processors.source.adbc import Reader, connected
from processors.source.cells import Cells
from processors.source.columns import Column
from processors.source.files import Mode
from processors.source.opening import RECOVER, Opening, opening
from processors.source.table import Table, count_rows, read_extent, read_table

__all__ = ["Source", "open_source"]

MAX_PAGE = 1_000_000
"""Rows of a page at most, whatever is asked for: a page is held in memory as a whole."""

_MAX_EXPRESSIONS = 1_000
"""Columns of one statement; SQLite takes 2,000 by default."""


class Source:
    """The readings of one database, while `open_source` is open."""

    def __init__(self, database: Opening, table: Table) -> None:
        self._database = database
        self._table = table

    @property
    def mode(self) -> Mode:
        """Rule of opening that the last read used."""
        mode = self._database.mode
        assert mode is not None, "open_source has read the table"
        return mode

    def extent(self) -> Extent:
        """How far the table reaches now.

        Raises:
            SourceError: The database can no longer be read.
        """
        return self._database.read(lambda uri: read_extent(uri, self._table))

    def count(self, after: int) -> int:
        """How many rows have an id above `after`.

        Raises:
            SourceError: The database can no longer be read.
        """
        return self._database.read(lambda uri: count_rows(uri, self._table, after))

    def page(self, after: int, limit: int, *, anchor: Anchor | None = None) -> pl.DataFrame:
        """At most `limit` rows with an id above `after`, in id order; fewer only when there are no more.

        Columns are those of the contract by source name, in its order and types, all null where the table
        lacks them; then `<name>!odd` for each of them that has values which do not fit, with their text,
        and null in the column itself; then the table's other columns as `extra.<name>`, likewise. Bytes
        that are not text become `hex:` and their digits.

        Args:
            after: Id of the last row already taken, or BEFORE_FIRST.
            limit: At least 1; more than MAX_PAGE is MAX_PAGE.
            anchor: A row to know the database again by, looked up in the same transaction.

        Raises:
            SourceChanged: The anchor's row is another one, or the table was altered.
            SourceError: The database can no longer be read, or an id is not an integer.
        """
        if limit < 1:
            raise ValueError(f"a page has at least one row, not {limit}")
        count = min(limit, MAX_PAGE)

        def read(reader: Reader) -> pl.DataFrame:
            if anchor is not None:
                self._recognize(self._rows(reader, "= ?", [anchor["id"]], 1), anchor)
            rows = self._rows(reader, "> ?", [after], count)
            self._check_order(reader, rows["id"], after)
            return rows

        return self._transaction(read)

    def rows_at(self, ids: Sequence[int]) -> pl.DataFrame:
        """Those of the rows that exist, in id order, with the columns of a page.

        Raises:
            SourceChanged: The table was altered.
            SourceError: The database can no longer be read.
        """
        wanted = json.dumps(list(ids))
        count = max(1, len(ids))
        return self._transaction(
            lambda reader: self._rows(reader, "IN (SELECT value FROM json_each(?))", [wanted], count)
        )

    def _transaction(self, read: Callable[[Reader], pl.DataFrame]) -> pl.DataFrame:
        def action(uri: str) -> pl.DataFrame:
            with connected(uri) as reader:
                return read(reader)

        return self._database.read(action)

    def _recognize(self, found: pl.DataFrame, anchor: Anchor) -> None:
        if len(found) and not matches(anchor, anchor_of(found, 0)):
            raise SourceChanged(
                "go on reading",
                self._database.path,
                why=f"row {anchor['id']} is not the row that was read before",
                hint="run again: the rows are read as those of another database",
            )

    def _rows(self, reader: Reader, condition: str, parameters: list[Any], limit: int) -> pl.DataFrame:
        table = self._table
        tail = f"FROM {table.sql} WHERE {table.id} {condition} ORDER BY {table.id} LIMIT {limit}"
        cells: dict[Column, Cells] = {}
        whole: list[Column] = []
        apart: list[Column] = []
        for column in table.columns:
            (apart if sqlite_cells.reads_apart(column, table.encoding) else whole).append(column)
        for group in _groups(whole, _MAX_EXPRESSIONS):
            raws = reader.select([sqlite_cells.whole(column) for column in group], tail, parameters, limit)
            for column, raw in zip(group, raws, strict=True):
                cell = None if raw is None else sqlite_cells.from_whole(column, raw)
                if cell is None:
                    apart.append(column)
                else:
                    cells[column] = cell
        for group in _groups(apart, _MAX_EXPRESSIONS // 4):
            expressions = [part for column in group for part in sqlite_cells.apart(column)]
            parts = [part for part in reader.select(expressions, tail, parameters, limit) if part is not None]
            for position, column in enumerate(group):
                own = parts[4 * position : 4 * position + 4]
                cells[column] = sqlite_cells.from_apart(column, own, table.encoding)
        self._check_ids(cells)
        return _frame({column: cells[column] for column in table.columns})

    def _check_order(self, reader: Reader, ids: pl.Series, after: int) -> None:
        """Refuses a page whose ids do not follow each other, also as SQLite finds them when it comes from above.

        In a damaged tree a row stands where it does not belong, or a branch is passed by, and SQLite says nothing: rows
        would be lost or come twice. To look for two ids costs next to nothing, to check the file costs a scan.
        """
        if ids.is_empty():
            return
        id_ = self._table.id
        below = f"(SELECT {id_} FROM {self._table.sql} WHERE {id_} < ? ORDER BY {id_} DESC LIMIT 1)"  # noqa: S608
        found = reader.select([below, below], "", [ids[0], ids[-1]], 1)
        before = [None if each is None or each[0] is None or each[0] <= after else each[0] for each in found]
        if not (ids.shift(1, fill_value=after) < ids).all() or before != [None, ids[-2] if len(ids) > 1 else None]:
            raise SourceError(
                "read readings",
                self._database.path,
                why="it is damaged: its rows are not in the order of their ids",
                hint=RECOVER,
            )

    def _check_ids(self, cells: Mapping[Column, Cells]) -> None:
        ids = next(cell for column, cell in cells.items() if column.name == schema.ID.source)
        if ids.main.null_count():
            odd = ids.odd.drop_nulls() if ids.odd is not None else [None]
            raise SourceError(
                "read readings",
                self._database.path,
                why=f"{odd[0]!r:.60} is not an id: ids are integers",
                hint="correct that row in the sensor's database, or map another column as id",
            )


@contextmanager
def open_source(
    path: Path, *, table: str, columns: Mapping[str, str], scratch: Path, busy_s: float = 5.0
) -> Iterator[Source]:
    """A sensor's database, checked and ready to be read.

    Args:
        path: The database file.
        table: Table of readings.
        columns: Contract source names to the table's column names, for those that differ.
        scratch: Folder for a copy when the database cannot be read in place; made when it is needed.
        busy_s: How long a read waits for a writer.

    Raises:
        SourceError: The file is missing, unreadable, locked (`retryable`) or damaged, or it has no such
            table, column or usable id.
    """
    with opening(path, scratch=scratch, busy_s=busy_s) as database:
        yield Source(database, database.read(lambda uri: read_table(uri, path, table, columns)))


def _frame(cells: Mapping[Column, Cells]) -> pl.DataFrame:
    known = {column.name: cell for column, cell in cells.items() if column.known}
    extra = {column.name: cell for column, cell in cells.items() if not column.known}
    length = len(known[schema.ID.source].main)
    contract = [
        known[field.source].main.alias(field.source)
        if field.source in known
        else pl.repeat(None, length, dtype=field.dtype, eager=True).alias(field.source)
        for field in schema.COLUMNS
    ]
    others = [cell.main.alias(name) for name, cell in extra.items()]
    return pl.DataFrame([*contract, *_companions(known), *others, *_companions(extra)])


def _companions(cells: Mapping[str, Cells]) -> list[pl.Series]:
    return [
        cell.odd.alias(name + schema.ODD)
        for name, cell in cells.items()
        if cell.odd is not None and cell.odd.null_count() < len(cell.odd)
    ]


def _groups(columns: list[Column], size: int) -> Iterator[list[Column]]:
    for start in range(0, len(columns), size):
        yield columns[start : start + size]
