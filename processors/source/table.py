"""Finds a sensor's table, and checks that it can be read page by page."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from processors import schema
from processors.errors import SourceError
from processors.model import BEFORE_FIRST, Extent
from processors.source.columns import Column, folded, listed, matched, quoted
from processors.source.opening import RECOVER


@dataclass(frozen=True)
class Table:
    """A table of readings.

    Attributes:
        name: As it is written in the database.
        where: What to call it in errors.
        id: Quoted id column.
        columns: Known ones in the contract's order, then unknown ones in the table's order.
        encoding: Python's name of the database's text encoding.
    """

    name: str
    where: str
    id: str
    columns: tuple[Column, ...]
    encoding: str

    @property
    def sql(self) -> str:
        """Quoted name, with the alias that columns are qualified by."""
        return f"{quoted(self.name)} AS t"


def read_table(uri: str, path: Path, name: str, mapping: Mapping[str, str]) -> Table:
    """The table of that name, checked.

    Args:
        uri: Where to read.
        path: Database to name in errors.
        name: Table, matched as SQLite matches names.
        mapping: Contract source names to column names, for those that differ.

    Raises:
        SourceError: The table is missing or a view, lacks a required or a mapped column, or has no id that
            stays the same and can be searched for.
        sqlite3.Error: SQLite refuses.
    """
    with _connected(uri) as connection:
        found = _find(connection, path, name)
        where = f"{found} in {path}"
        columns = matched(where, _declared(connection, where, found), mapping)
        id_name = next(name for name, column in columns.items() if column.name == schema.ID.source)
        (encoding,) = connection.execute("PRAGMA encoding").fetchone()
        table = Table(
            name=found,
            where=where,
            id=columns[id_name].sql,
            columns=tuple(columns.values()),
            encoding={"UTF-16le": "utf-16-le", "UTF-16be": "utf-16-be"}.get(encoding, "utf-8"),
        )
        if not _is_rowid(connection, found, id_name) and not _is_unique(connection, found, id_name):
            raise _unusable_id(table, f"{id_name} is neither the INTEGER PRIMARY KEY nor UNIQUE by itself")
        _bounds(connection, table)
    return table


def read_extent(uri: str, table: Table) -> Extent:
    """How far the table reaches, without a scan.

    Raises:
        SourceError: Its ids are no longer integers.
        sqlite3.Error: SQLite refuses.
    """
    with _connected(uri) as connection:
        first, last = _bounds(connection, table)
        ever = None
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").fetchone():
            ever = connection.execute(
                "SELECT max(seq) FROM sqlite_sequence WHERE name = ? AND typeof(seq) = 'integer'",
                (table.name,),
            ).fetchone()[0]
    return Extent(first, last, ever)


def count_rows(uri: str, table: Table, after: int) -> int:
    """How many rows have an id above `after`; all of them are counted, none is fetched.

    Raises:
        sqlite3.Error: SQLite refuses.
    """
    with _connected(uri) as connection:
        statement = f"SELECT count(*) FROM {table.sql} WHERE {table.id} > ?"  # noqa: S608 - quoted names
        (rows,) = connection.execute(statement, (after,)).fetchone()
    return int(rows)


@contextmanager
def _connected(uri: str) -> Iterator[sqlite3.Connection]:
    """A connection whose text that is not UTF-8 keeps its bytes as surrogates."""
    with closing(sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None)) as connection:
        connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        yield connection


def _find(connection: sqlite3.Connection, path: Path, name: str) -> str:
    rows = connection.execute(
        "SELECT name, type FROM sqlite_master"
        " WHERE type IN ('table', 'view') AND substr(name, 1, 7) <> 'sqlite_' ORDER BY name"
    ).fetchall()
    found: list[tuple[str, str]] = [row for row in rows if folded(row[0]) == folded(name)]
    if not found:
        tables = listed(table for table, kind in rows if kind == "table")
        raise SourceError(
            "find the table of readings",
            path,
            why=f"there is no table {name}; there are: {tables}",
            hint="set `table` to the one that the sensor writes, or let the sensor write first",
        )
    original, kind = found[0]
    if kind == "view":
        raise SourceError(
            "read the view",
            f"{original} in {path}",
            why="a view's rows have no stable id",
            hint="set `table` to the table that the view reads, and map its columns with `columns`",
        )
    return original


def _declared(connection: sqlite3.Connection, where: str, table: str) -> dict[str, str]:
    rows = connection.execute("SELECT name, type FROM pragma_table_xinfo(?) WHERE hidden <> 1", (table,)).fetchall()
    for name, _ in rows:
        if any("\ud800" <= letter <= "\udfff" for letter in name):
            raise SourceError(
                "read readings",
                where,
                why=f"the column name {name!r} is not UTF-8",
                hint="rename that column in the sensor's database",
            )
    return dict(rows)


def _bounds(connection: sqlite3.Connection, table: Table) -> tuple[int | None, int | None]:
    """Smallest and largest id, found through the index; SourceError when ids cannot be paged by."""
    low, high, null, rows = connection.execute(
        f"SELECT (SELECT min({table.id}) FROM {table.sql}), (SELECT max({table.id}) FROM {table.sql}),"  # noqa: S608
        f" EXISTS (SELECT 1 FROM {table.sql} WHERE {table.id} IS NULL), EXISTS (SELECT 1 FROM {table.sql} NOT INDEXED)"
    ).fetchone()
    if null:
        raise _unusable_id(table, "some rows have no id, and would never be read")
    if not isinstance(low, int | None) or not isinstance(high, int | None):
        raise _unusable_id(table, f"ids are not integers: they reach from {str(low)[:40]!r} to {str(high)[:40]!r}")
    if len({low is None, high is None, not rows}) > 1 or (low or 0) > (high or 0):
        raise SourceError(
            "read readings",
            table.where,
            why=f"it is damaged: its ids reach from {low} to {high}",
            hint=RECOVER,
        )
    if low == BEFORE_FIRST:
        raise _unusable_id(table, f"the id {low} cannot be told from the position before the first row")
    return low, high


def _unusable_id(table: Table, why: str) -> SourceError:
    return SourceError(
        "read page by page",
        table.where,
        why=why,
        hint='map an INTEGER PRIMARY KEY or a UNIQUE column: `[columns] id = "..."` in bacalhau-cosmos.toml',
    )


def _is_rowid(connection: sqlite3.Connection, table: str, column: str) -> bool:
    """Whether the column is the rowid, which keeps its value through VACUUM, or a key by itself like it."""
    keys = connection.execute("SELECT name, upper(type) FROM pragma_table_xinfo(?) WHERE pk", (table,)).fetchall()
    return keys == [(column, "INTEGER")]


def _is_unique(connection: sqlite3.Connection, table: str, column: str) -> bool:
    indexes = connection.execute(
        'SELECT name FROM pragma_index_list(?) WHERE "unique" AND NOT partial', (table,)
    ).fetchall()
    return any(
        connection.execute("SELECT name FROM pragma_index_info(?)", index).fetchall() == [(column,)]
        for index in indexes
    )
