from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors import schema
from processors.anchors import anchor_of, matches
from processors.errors import SourceChanged, SourceError
from processors.model import BEFORE_FIRST
from processors.source import Source, open_source

CONTRACT = [field.source for field in schema.COLUMNS]
TYPES = {"text": "TEXT", "real": "REAL", "integer": "INTEGER"}
UPSTREAM = "id INTEGER PRIMARY KEY AUTOINCREMENT, " + ", ".join(
    f"{field.source} {TYPES[field.kind]}" for field in schema.COLUMNS[1:]
)


def write(path: Path, columns: str, rows: Iterable[Mapping[str, Any]] = (), *, before: str = "") -> Path:
    """A database with a table `r`; text given as ('text', bytes) is stored as text whatever its bytes are."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(before)
        connection.execute(f"CREATE TABLE r({columns})")
        for row in rows:
            values = ["CAST(? AS TEXT)" if isinstance(value, tuple) else "?" for value in row.values()]
            names = ", ".join('"' + name.replace('"', '""') + '"' for name in row)
            connection.execute(
                f"INSERT INTO r({names}) VALUES({', '.join(values)})",
                [value[1] if isinstance(value, tuple) else value for value in row.values()],
            )
    return path


def opened(path: Path, columns: Mapping[str, str] | None = None, table: str = "r") -> Any:
    return open_source(path, table=table, columns=columns or {}, scratch=path.parent / "scratch", busy_s=0)


def pages(source: Source, limit: int) -> list[pl.DataFrame]:
    found, after = [], BEFORE_FIRST
    while len(page := source.page(after, limit)):
        found.append(page)
        after = page["id"][-1]
    return found


def one(path: Path, columns: Mapping[str, str] | None = None) -> dict[str, Any]:
    with opened(path, columns) as source:
        return source.page(BEFORE_FIRST, 10).row(0, named=True)


BASE = {"timestamp": "2026-01-01T00:00:00Z", "sensor_id": "s"}
REQUIRED = "id INTEGER PRIMARY KEY, timestamp TEXT, sensor_id TEXT"


def test_a_page_has_the_contract_in_order_and_types(tmp_path: Path) -> None:
    path = write(tmp_path / "a.db", UPSTREAM, [{**BASE, "temperature": 21.5, "status_code": 3, "model": "é"}] * 5)
    with opened(path) as source:
        page = source.page(BEFORE_FIRST, 3)
        rest = source.page(3, 3)
    assert page.schema == {field.source: field.dtype for field in schema.COLUMNS}
    assert rest.schema == page.schema
    assert page["id"].to_list() == [1, 2, 3]
    assert rest["id"].to_list() == [4, 5]
    assert page.row(0, named=True) == dict.fromkeys(CONTRACT) | BASE | {
        "id": 1,
        "temperature": 21.5,
        "status_code": 3,
        "model": "é",
    }


def test_an_empty_table_gives_an_empty_typed_page(tmp_path: Path) -> None:
    with opened(write(tmp_path / "a.db", UPSTREAM + ", x")) as source:
        page = source.page(BEFORE_FIRST, 10)
        assert page.schema == {field.source: field.dtype for field in schema.COLUMNS} | {"extra.x": pl.String()}
        assert source.extent().first_id is None
        assert source.rows_at([1]).schema == page.schema


def test_columns_that_the_table_lacks_are_typed_nulls(tmp_path: Path) -> None:
    path = write(tmp_path / "a.db", REQUIRED, [BASE])
    with opened(path) as source:
        assert source.page(BEFORE_FIRST, 1).schema == {field.source: field.dtype for field in schema.COLUMNS}


@pytest.mark.parametrize(
    ("declared", "field", "value", "main", "odd"),
    [
        ("REAL", "temperature", "n/a", None, "n/a"),
        ("REAL", "temperature", b"\xff\x00", None, "hex:ff00"),
        ("REAL", "temperature", b"22", None, "22"),
        ("REAL", "temperature", ("text", b"\xc3("), None, "hex:c328"),
        ("REAL", "temperature", math.inf, math.inf, None),
        ("REAL", "temperature", -0.0, 0.0, None),
        ("TEXT", "temperature", "21.5", None, "21.5"),
        ("TEXT", "temperature", 21.5, None, "21.5"),
        ("INTEGER", "temperature", 21, 21.0, None),
        ("", "temperature", 2**53 + 1, None, str(2**53 + 1)),
        ("", "temperature", 2**53 - 1, float(2**53 - 1), None),
        ("", "temperature", 2**62, float(2**62), None),
        ("INTEGER", "status_code", 1.5, None, "1.5"),
        ("INTEGER", "status_code", 1e300, None, "1e+300"),
        ("INTEGER", "status_code", math.inf, None, "inf"),
        ("INTEGER", "status_code", "x\0y", None, "x\0y"),
        ("INTEGER", "status_code", 2**63 - 1, 2**63 - 1, None),
        ("REAL", "status_code", 7, 7, None),
        ("REAL", "status_code", 2.0**63, None, "9.223372036854776e+18"),
        ("TEXT", "model", ("text", b"\xff"), None, "hex:ff"),
        ("TEXT", "model", b"\xfe", None, "hex:fe"),
        ("TEXT", "model", b"ok", "ok", None),
        ("TEXT", "model", "", "", None),
        ("TEXT", "model", b"", "", None),
        ("TEXT", "model", "a\0b", "a\0b", None),
        ("", "model", 0.1 + 0.2, "0.30000000000000004", None),
        ("", "model", 5, "5", None),
        ("", "model", ("text", b"\xff"), None, "hex:ff"),
    ],
)
def test_a_value_that_does_not_fit_its_column_goes_beside_it(
    tmp_path: Path, declared: str, field: str, value: Any, main: Any, odd: str | None
) -> None:
    path = write(tmp_path / "a.db", f"{REQUIRED}, {field} {declared}", [{**BASE, field: value}])
    row = one(path)
    assert row[field] == main
    assert row.get(field + schema.ODD) == odd
    assert (field + schema.ODD in row) == (odd is not None)


def test_one_odd_value_leaves_the_numbers_of_its_page_exact(tmp_path: Path) -> None:
    values: list[Any] = [0.1 + 0.2, 5e-324, "bad", None, 1e308, 3]
    path = write(tmp_path / "a.db", f"{REQUIRED}, voltage REAL", [{**BASE, "voltage": v} for v in values])
    with opened(path) as source:
        page = source.page(BEFORE_FIRST, 10)
        later = source.page(3, 10)
    assert page["voltage"].to_list() == [0.1 + 0.2, 5e-324, None, None, 1e308, 3.0]
    assert page["voltage!odd"].to_list() == [None, None, "bad", None, None, None]
    assert "voltage!odd" not in later.columns


def test_one_fraction_does_not_round_the_integers_beside_it(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.db",
        f"{REQUIRED}, status_code INTEGER, n NUMERIC",
        [
            {**BASE, "status_code": 2**53 + 1, "n": 2**53 + 1},
            {**BASE, "status_code": 0.5, "n": 0.5},
        ],
    )
    with opened(path) as source:
        page = source.page(BEFORE_FIRST, 10)
    assert page["status_code"].to_list() == [2**53 + 1, None]
    assert page["status_code!odd"].to_list() == [None, "0.5"]
    assert page["extra.n"].to_list() == [None, 0.5]
    assert page["extra.n!odd"].to_list() == [str(2**53 + 1), None]


def test_unknown_columns_are_kept_as_extra(tmp_path: Path) -> None:
    declared = ', "a ""quoted"" name" INTEGER, "select" REAL, note TEXT, photo BLOB, seen DATETIME, ok BOOLEAN'
    row = {
        **BASE,
        'a "quoted" name': 5,
        "select": 1.5,
        "note": "hi",
        "photo": b"abc",
        "seen": 20260101,
        "ok": 1,
    }
    path = write(tmp_path / "a.db", REQUIRED + declared, [row, {**BASE, "note": b"\xff", "photo": "txt", "ok": "yes"}])
    with opened(path) as source:
        page = source.page(BEFORE_FIRST, 10)
    assert page.columns[len(CONTRACT) :] == [
        'extra.a "quoted" name',
        "extra.select",
        "extra.note",
        "extra.photo",
        "extra.seen",
        "extra.ok",
        "extra.ok!odd",
    ]
    assert page.row(0)[len(CONTRACT) :] == (5, 1.5, "hi", "hex:616263", "20260101", 1, None)
    assert page.row(1)[len(CONTRACT) :] == (None, None, "hex:ff", "txt", None, None, "yes")


@pytest.mark.parametrize("encoding", ["UTF-16le", "UTF-16be"])
def test_a_utf16_database_reads_like_any_other(tmp_path: Path, encoding: str) -> None:
    path = write(
        tmp_path / "a.db",
        f"{REQUIRED}, model TEXT, voltage REAL",
        [{**BASE, "model": "grün 🌡", "voltage": "n/a"}],
        before=f"PRAGMA encoding = '{encoding}'",
    )
    row = one(path)
    assert (row["timestamp"], row["model"], row["voltage!odd"]) == (BASE["timestamp"], "grün 🌡", "n/a")


def test_a_table_of_many_untyped_columns_stays_within_sqlites_limit(tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(1_500)]
    path = write(tmp_path / "a.db", f"{REQUIRED}, {', '.join(names)}", [{**BASE, "c0": 1, "c1499": "z"}])
    row = one(path)
    assert (row["extra.c0"], row["extra.c1499"]) == ("1", "z")


def test_rows_at_gives_those_that_exist_in_id_order(tmp_path: Path) -> None:
    path = write(tmp_path / "a.db", UPSTREAM, [{**BASE, "id": number} for number in (-5, 2, 7, 9)])
    with opened(path) as source:
        assert source.rows_at([9, -5, 8, 2, 2])["id"].to_list() == [-5, 2, 9]
        assert source.rows_at([]).is_empty()


def test_the_extent_and_the_largest_id_ever_given(tmp_path: Path) -> None:
    path = write(tmp_path / "a.db", UPSTREAM, [BASE] * 9)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM r WHERE id IN (1, 8, 9)")
    with opened(path) as source:
        extent = source.extent()
    assert (extent.first_id, extent.last_id, extent.ever_id) == (2, 7, 9)
    with opened(write(tmp_path / "b.db", REQUIRED, [BASE])) as source:
        assert source.extent().ever_id is None


def test_a_page_has_at_least_one_row(tmp_path: Path) -> None:
    with opened(write(tmp_path / "a.db", UPSTREAM)) as source, pytest.raises(ValueError, match="at least one"):
        source.page(0, 0)
    with opened(write(tmp_path / "b.db", UPSTREAM, [BASE])) as source:
        assert len(source.page(0, 10**12)) == 1


def test_an_anchor_is_exact_in_json_and_has_no_nulls(tmp_path: Path) -> None:
    row = {**BASE, "temperature": 0.1 + 0.2, "humidity": math.inf, "pressure": "odd", "model": "m", "voltage": 5e-324}
    with opened(write(tmp_path / "a.db", UPSTREAM, [row])) as source:
        anchor = anchor_of(source.page(BEFORE_FIRST, 1), 0)
    assert anchor == {"id": 1, **BASE, "temperature": 0.1 + 0.2, "voltage": 5e-324}
    assert json.loads(json.dumps(anchor, allow_nan=False)) == anchor


def test_only_a_value_that_both_have_tells_two_rows_apart() -> None:
    anchor = {"id": 1, "timestamp": "t", "temperature": 1.0}
    assert matches(anchor, {"id": 1, "timestamp": "t", "humidity": 2.0})
    assert not matches(anchor, {"id": 1, "timestamp": "t", "temperature": 1.5})


def test_an_anchor_that_is_another_row_stops_the_page(tmp_path: Path) -> None:
    path = write(tmp_path / "a.db", UPSTREAM, [BASE, {**BASE, "temperature": 1.0}])
    with opened(path) as source:
        anchor = anchor_of(source.page(BEFORE_FIRST, 2), 0)
        assert len(source.page(1, 5, anchor=anchor)) == 1
        assert len(source.page(1, 5, anchor={**anchor, "id": 99})) == 1, "a deleted row proves nothing"
        with pytest.raises(SourceChanged) as caught:
            source.page(1, 5, anchor={**anchor, "timestamp": "other"})
    assert caught.value.retryable


def test_a_table_altered_between_pages_is_changed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.db", f"{REQUIRED}, voltage REAL", [BASE] * 3)
    with opened(path) as source:
        source.page(BEFORE_FIRST, 1)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("ALTER TABLE r RENAME COLUMN voltage TO volts")
        with pytest.raises(SourceChanged, match="voltage"):
            source.page(1, 1)


def test_an_id_that_stops_being_an_integer_is_an_error_not_a_loss(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.db", "id UNIQUE, timestamp TEXT, sensor_id TEXT", [{**BASE, "id": v} for v in (1, 2.5, 3)]
    )
    with opened(path) as source:
        assert source.page(BEFORE_FIRST, 1)["id"].to_list() == [1]
        with pytest.raises(SourceError, match=r"2\.5"):
            source.page(1, 5)


VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=8),
    st.binary(max_size=8),
    st.binary(max_size=8).map(lambda raw: ("text", raw)),
)
AFFINITIES = st.sampled_from(["TEXT", "REAL", "INTEGER", "NUMERIC", "BLOB", "", "DATETIME"])
NAMES = ["timestamp", "sensor_id", "temperature", "status_code", "model", "note"]


def expected(kind: str, known: bool, affinity: str, stored: str, value: Any) -> tuple[Any, str | None]:
    """What a page should have for a value that sqlite3 read: the column, and what is beside it."""
    if value is None:
        return None, None
    if isinstance(value, bytes):
        is_blob = stored == "blob" and kind == "text" and not known and affinity in {"BLOB", "", "DATETIME"}
        try:
            text, fits = ("hex:" + value.hex(), True) if is_blob else (value.decode(), True)
        except UnicodeDecodeError:
            text, fits = "hex:" + value.hex(), not known
        return (text, None) if kind == "text" and fits else (None, text)
    if kind == "text":
        return (repr(value), None)
    if kind == "real":
        exact = isinstance(value, float) or (int(float(value)) == value and float(value) < 2**63)
        return (float(value), None) if exact else (None, repr(value))
    fits = isinstance(value, int) or (value.is_integer() and -(2**63) <= value < 2**63)
    return (int(value), None) if fits else (None, repr(value))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_pages_together_are_what_sqlite3_reads(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("db") / "a.db"
    affinities = {name: data.draw(AFFINITIES, name) for name in NAMES}
    ids = data.draw(st.lists(st.integers(-(2**63) + 1, 2**63 - 1), unique=True, max_size=12), "ids")
    rows = [{"id": number} | {name: data.draw(VALUES) for name in NAMES} for number in ids]
    declared = ", ".join(f"{name} {affinity}" for name, affinity in affinities.items())
    write(path, f"id INTEGER PRIMARY KEY, {declared}", rows)
    with closing(sqlite3.connect(path)) as connection:
        connection.text_factory = bytes
        columns = ", ".join(f"{name}, typeof({name})" for name in NAMES)
        read = connection.execute(f"SELECT id, {columns} FROM r ORDER BY id").fetchall()

    with opened(path) as source:
        found = pages(source, data.draw(st.integers(1, 13), "limit"))

    got = [row for page in found for row in page.rows(named=True)]
    assert [row["id"] for row in got] == [row[0] for row in read]
    kinds = {field.source: field.kind for field in schema.COLUMNS}
    for row, raw in zip(got, read, strict=True):
        for position, name in enumerate(NAMES):
            value, stored = raw[1 + 2 * position], raw[2 + 2 * position].decode()
            known, affinity = name in kinds, affinities[name]
            kind = kinds.get(name) or {"REAL": "real", "NUMERIC": "real", "INTEGER": "integer"}.get(affinity, "text")
            at = name if known else schema.EXTRA + name
            assert (row[at], row.get(at + schema.ODD)) == expected(kind, known, affinity, stored, value), (
                name,
                affinity,
            )
