"""Runs statements through ADBC, which hands over columns at the speed of C."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import adbc_driver_sqlite.dbapi as adbc
import polars as pl
from adbc_driver_sqlite import StatementOptions

from processors.source.opening import TryAgain


class Reader:
    """A read transaction: all its selects see the same rows."""

    def __init__(self, uri: str, connection: adbc.Connection) -> None:
        self._uri = uri
        self._connection = connection

    def select(
        self, expressions: Sequence[str], tail: str, parameters: Sequence[Any], limit: int
    ) -> list[pl.Series | None]:
        """One column for each expression, None for one that has text in it.

        A column without any value comes as Int64, and a mixed column as the widest of its types.

        Args:
            expressions: What to select.
            tail: The statement from FROM on.
            parameters: Its bound values.
            limit: Rows at most. Types are those of the first `limit` rows, so these must be all.

        Raises:
            sqlite3.Error: SQLite refuses; with its error code.
            TryAgain: ADBC failed, and SQLite by itself does not.
        """
        fetched = self._fetch(expressions, tail, parameters, limit)
        if isinstance(fetched, pl.DataFrame):
            return [*fetched.iter_columns()]
        rest = [number for number in range(len(expressions)) if number not in fetched]
        columns: list[pl.Series | None] = [None] * len(expressions)
        if rest:
            again = self.select([expressions[number] for number in rest], tail, parameters, limit)
            for number, column in zip(rest, again, strict=True):
                columns[number] = column
        return columns

    def _fetch(
        self, expressions: Sequence[str], tail: str, parameters: Sequence[Any], limit: int
    ) -> pl.DataFrame | set[int]:
        """The columns; or the numbers of those with text, and nothing is taken over.

        ADBC does not check that text is UTF-8, and Polars trusts it, so text never enters by this way.
        """
        # Numbered names: those of the table may be anything, and the driver checks none.
        chosen = ", ".join(f"{expression} AS c{number}" for number, expression in enumerate(expressions))
        statement = f"SELECT {chosen} {tail}"
        try:
            with closing(self._connection.cursor()) as cursor:
                cursor.adbc_statement.set_options(**{StatementOptions.BATCH_ROWS.value: str(limit + 1)})
                cursor.execute(statement, parameters)
                stream = cursor.fetch_arrow()
                try:
                    types = pl.Schema(stream)
                    text = {number for number, dtype in enumerate(types.values()) if dtype == pl.String}
                    return text or pl.DataFrame(stream)
                finally:
                    stream.release()  # one that outlives its connection, as in a traceback, is a segfault
        except (adbc.Error, pl.exceptions.PolarsError) as error:
            _ask(self._uri, statement, parameters)
            raise TryAgain(str(error), "run again, with smaller pages if it stays") from error


@contextmanager
def connected(uri: str) -> Iterator[Reader]:
    """A read transaction that ends, with its connection, when the block does.

    Raises:
        sqlite3.Error: SQLite cannot open the database; with its error code.
        TryAgain: ADBC cannot, and SQLite by itself can.
    """
    try:
        connection = adbc.connect(uri)
    except adbc.Error as error:
        _ask(uri, "SELECT count(*) FROM sqlite_master", ())
        raise TryAgain(str(error), "run again, with smaller pages if it stays") from error
    with closing(connection):
        yield Reader(uri, connection)


def _ask(uri: str, statement: str, parameters: Sequence[Any]) -> None:
    """Lets the standard library's SQLite fail at the same: ADBC gives no error codes."""
    with closing(sqlite3.connect(uri, uri=True, timeout=0)) as connection:
        connection.text_factory = bytes
        for _ in connection.execute(statement, tuple(parameters)):
            pass
