"""Windows of many lives at a time, with no more of each than the means need."""

from __future__ import annotations

import sqlite3

import polars as pl

from processors.checkpoint.rows import check
from processors.schema import MEASURE_NAMES, SENSOR_ID, TIMESTAMP_TYPE, WINDOW_START

_PARTS = [f"{name}.{part}" for part in ("n", "sum") for name in MEASURE_NAMES]

_JOINED = f"""FROM stretch
CROSS JOIN series AS s ON s.generation = stretch.generation AND s.sensor = stretch.sensor
CROSS JOIN window AS w ON w.series = s.number AND w."{WINDOW_START}" BETWEEN first AND last"""


def place(connection: sqlite3.Connection, spans: pl.DataFrame) -> None:
    """The spans that the other functions are about, in a table of the connection's own."""
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS stretch (generation, sensor, first, last)")
    connection.execute("DELETE FROM stretch")
    rows = spans.select("generation", SENSOR_ID, pl.col("first", "last").cast(pl.Int64)).rows()
    connection.executemany("INSERT INTO stretch VALUES (?, ?, ?, ?)", rows)
    connection.commit()


def read(connection: sqlite3.Connection) -> pl.DataFrame:
    """`sensorId`, `windowStart`, and `n` and `sum` of each measure, of the windows in the spans.

    Raises:
        DamagedError: A row is not as it was written.
    """
    cursor = connection.execute(f"SELECT s.sensor, w.* {_JOINED}")
    names = [description[0] for description in cursor.description]
    wanted = [0, *(names.index(name) for name in (WINDOW_START, *_PARTS))]
    rows = []
    for row in cursor:
        check(row[1:-1], row[-1])
        rows.append([row[place] for place in wanted])
    stored = {name: pl.String() if name.endswith(".sum") else pl.Int64() for name in _PARTS}
    schema = {SENSOR_ID: pl.String(), WINDOW_START: pl.Int64(), **stored}
    return pl.DataFrame(rows, schema=schema, orient="row").cast(
        {WINDOW_START: TIMESTAMP_TYPE, **{name: pl.Int128() for name in _PARTS if name.endswith(".sum")}}
    )


def first_start(connection: sqlite3.Connection) -> int | None:
    """Start of the earliest window in the spans, in microseconds since 1970; None when there is none."""
    earliest = f"""SELECT min((SELECT w."{WINDOW_START}" FROM window AS w
        WHERE w.series = s.number AND w."{WINDOW_START}" BETWEEN first AND last
        ORDER BY w."{WINDOW_START}" LIMIT 1))
        FROM stretch CROSS JOIN series AS s ON s.generation = stretch.generation AND s.sensor = stretch.sensor"""  # noqa: S608
    (start,) = connection.execute(earliest).fetchone()
    return start if start is None else int(start)
