"""Tables of earlier versions, and how their rows go into those of today."""

from __future__ import annotations

import sqlite3

from processors.checkpoint.rows import checksum

FIRST = 1
"""The version without checksums, whose windows had generation and sensor in each row."""

_TABLES = ("branch", "carried", "window")


def can_be_taken_over(connection: sqlite3.Connection, window_us: int) -> bool:
    """Whether the first version's windows start where windows start."""
    (odd,) = connection.execute("SELECT count(*) FROM window WHERE windowStart % ? IS NOT 0", (window_us,)).fetchone()
    return bool(odd == 0)


def set_aside(connection: sqlite3.Connection) -> None:
    """The first version's tables give up their names."""
    for table in _TABLES:
        connection.execute(f"ALTER TABLE {table} RENAME TO old_{table}")


def take_over(connection: sqlite3.Connection, spread: int) -> None:
    """Moves what was set aside into the tables of today.

    Args:
        connection: In the transaction of `set_aside`, with today's tables.
        spread: Of the numbers of series.
    """
    for row in connection.execute("SELECT * FROM old_branch").fetchall():
        connection.execute("INSERT INTO branch VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*row, checksum(row)))
    for generation, name, frame in connection.execute("SELECT * FROM old_carried").fetchall():
        row = (generation, name, frame, checksum((generation, name), frame))
        connection.execute("INSERT INTO carried VALUES (?, ?, ?, ?)", row)
    pairs = connection.execute("SELECT DISTINCT generation, sensorId FROM old_window ORDER BY 1, 2").fetchall()
    numbers = {pair: spread * place for place, pair in enumerate(pairs, 1)}
    for pair, number in numbers.items():
        connection.execute("INSERT INTO series VALUES (?, ?, ?, ?)", (*pair, number, checksum((*pair, number))))
    for generation, sensor, *values in connection.execute("SELECT * FROM old_window"):
        row = (numbers[generation, sensor], *values)
        connection.execute(f"INSERT INTO window VALUES ({', '.join('?' * (len(row) + 1))})", (*row, checksum(row)))  # noqa: S608
    for table in _TABLES:
        connection.execute(f"DROP TABLE old_{table}")
