"""Values that no sensor should write, for every column, as strategies; and tables that have them."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.fuzz.contract import INTEGERS, REALS, TEXTS

MEGABYTE = 1_000_000

Stored = Any
"""What is bound to an INSERT; a `Text` is stored as text whatever its bytes are."""


@dataclass(frozen=True)
class Text:
    raw: bytes

    def __repr__(self) -> str:
        return f"Text({self.raw[:60]!r}{'...' if len(self.raw) > 60 else ''})"


CONTROLS = "".join(map(chr, [*range(0x20), 0x7F, *range(0x80, 0xA0)]))
INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u202a\u202e\u2060\u2066\u2069\ufeff\u00ad\u034f\ufffe\uffff\U000e0001"
RTL = "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627"

texts = st.one_of(
    st.sampled_from(
        ["", " ", "\0", "a\0b", "\u2028", "\u3000 x \u3000", "NULL", "null", "None", "nan", "\\", '"', "'", "{}"]
    ),
    st.sampled_from(
        [RTL, f"\u202e{RTL}", "e\u0301\u0302\u0303" * 9, "\U0001f551\u200d\U0001f551", "../../etc/passwd", "%00"]
    ),
    st.sampled_from(
        ["'; DROP TABLE sensor_readings; --", "${HOME}", "$(id)", "{{.city}}", "=1+1", "\x1b[31m", "a/b\\c?d#e"]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.text(CONTROLS + INVISIBLE + " a1", max_size=12),
)
raw = st.one_of(
    st.sampled_from(
        [b"\xed\xa0\x80", b"\xed\xb0\x80", b"a\xed\xa0\xbd\xed\xb8\x80", b"\xc3(", b"\xff", b"\xf5\x80\x80\x80"]
    ),
    st.sampled_from([b"\xc0\x80", b"\xe2\x80", b"\x80", b"\xfe\xff\x00a", b"\x00\xd8", b"\xd8\x00", b"\x00"]),
    st.binary(max_size=20),
)
numbers = st.one_of(
    st.sampled_from([0, 1, -1, 255, 2**31, 2**53, 2**53 + 1, -(2**53), -(2**53) - 1, 2**63 - 1, -(2**63)]),
    st.sampled_from([0.0, -0.0, 5e-324, -5e-324, 1e-7, 1e300, 1.1e300, 1.7976931348623157e308, math.inf, -math.inf]),
    st.sampled_from([math.nan, 9007199254740993.0, 2.0**63, -(2.0**63), 0.1 + 0.2, 1 / 3, 101_325.0, 4999.999999]),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.floats(-300, 300),
)
written_numbers = st.one_of(
    numbers.map(repr),
    st.sampled_from(
        ["1e400", "-1e400", "1e-400", "Infinity", "-inf", "NaN", "+5", " 21.5 ", "5.", ".5", "1_000", "1,5"]
    ),
    st.sampled_from(
        [
            "0x10",
            "1e5",
            "1E+05",
            "--1",
            "+-1",
            "\u0663",
            "\uff12\uff11",
            "21 C",
            "9" * 400,
            "0." + "3" * 400,
            "-0",
            "00012",
        ]
    ),
    st.sampled_from(
        ["9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "\u00a05"]
    ),
    st.sampled_from(
        ["1\0", "1e", "e1", ".", "+", "infinit", "nan(1)", "1d5", "1f", "1L", "True", "0b1", "1e+", "\ufeff1"]
    ),
    st.from_regex(r"[+-]?[0-9]{0,20}\.?[0-9]{0,20}([eE][+-]?[0-9]{0,4})?", fullmatch=True),
)
large = st.sampled_from(["x", "\u202e", "\0", "\U0001f551", '"', "7"]).map(
    lambda char: char * (MEGABYTE // len(char.encode()))
)
anything: st.SearchStrategy[Stored] = st.one_of(
    st.none(), texts, written_numbers, numbers, raw.map(Text), raw, st.booleans().map(int), texts.map(str.encode)
)

instants = st.datetimes().map(lambda at: at.isoformat()) | st.datetimes().map(lambda at: at.isoformat(" "))
stamps: st.SearchStrategy[Stored] = st.one_of(
    st.builds(
        "2026-11-{:02d}T{:02d}:{:02d}:{:02d}.{:03d}{}".format,
        st.integers(1, 30),
        st.integers(0, 23),
        st.integers(0, 59),
        st.integers(0, 60),
        st.integers(0, 999),
        st.sampled_from(["Z", "+00:00", "-07:00", "+0530", "+14", " +02:00", "", "z", "-00:00", "+23:59", "+24:00"]),
    ),
    st.builds(lambda at, zone: at + zone, instants, st.sampled_from(["", "Z", "+00:00", "-12:00", "+05:45"])),
    st.sampled_from(
        ["0000-01-01T00:00:00Z", "-0001-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "10000-01-01T00:00:00Z"]
    ),
    st.sampled_from(
        ["+12026-01-01T00:00:00Z", "+262142-12-31T23:59:59Z", "-262143-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]
    ),
    st.sampled_from(["9999-12-31T23:59:59-23:59", "1999-12-31T23:59:59.999999Z", "2099-12-31T23:59:59.9999999Z"]),
    st.sampled_from(
        ["2000-01-01T00:00:00Z", "2100-01-01T00:00:00Z", "2016-12-31T23:59:60Z", "2016-12-31T23:59:60.5+00:00"]
    ),
    st.sampled_from(["2026-12-31T23:59:60", "2026-11-22T23:59:61Z", "2026-02-29T00:00:00Z", "2024-02-29T00:00:00Z"]),
    st.sampled_from(["2026-11-22T24:00:00Z", "2026-10-25T02:30:00", "2026-03-29T02:30:00", "2026-11-01T01:30:00"]),
    st.sampled_from(["2026-11-22", "20261122T044922Z", "2026-W47-7", "2026-326", "22/11/2026", "now", "2026-11-22T04"]),
    st.sampled_from(
        ["2026-11-22T04:49:22,965Z", "2026-11-22 04:49", "2026-11-22T04:49Z", "2026-11-22\u2003 04:49:22Z"]
    ),
    st.sampled_from(
        ["\uff12026-11-22T04:49:22Z", "2026-11-22T04:49:22Z\0", "2026-11-22T04:49:22.Z", "2026-11-22T4:49:22Z"]
    ),
    st.sampled_from(
        [1_795_323_000, 1_795_323_000_123, 1_795_323_000.5, -1, 0, 2**63 - 1, -(2**63), 1e300, math.inf, 1e11]
    ),
    st.sampled_from(
        ["1795323000", "1795323000.965", "1795323000965", "+1795323000", "1e9", "0", "-1795323000", "9" * 15]
    ),
    anything,
)
zones = st.one_of(
    st.sampled_from(
        ["UTC", "Europe/Berlin", "America/Denver", "Asia/Kathmandu", "Australia/Lord_Howe", "+05:30", "-0330"]
    ),
    st.sampled_from(
        ["+14:00", "+14:01", "-14:00", "+99:99", "", " UTC ", "Mars/Olympus", "Z", "GMT+5", "europe/berlin"]
    ),
    anything,
)
sensors = st.one_of(
    st.sampled_from(
        ["s1", "s1", "s2", "S1", " s1", "s1 ", "", " ", "\u00e9" * 512, "\u00e9" * 513, "x" * 1024, "x" * 1025]
    ),
    st.sampled_from(["..", ".", "a/b", "a\\b", "a?b", "a#b", "=", "sensor=x", "~", "%2F", "a\nb", "\0"]),
    anything,
)
plain_stamp = st.integers(0, 600).map(lambda second: f"2026-11-22T04:{second // 60:02d}:{second % 60:02d}Z")


@st.composite
def row(draw: st.DrawFn) -> dict[str, Stored]:
    """A row in which every column may be wild, most of them are not, and half of the time only one is."""
    made: dict[str, Stored] = {"timestamp": draw(plain_stamp), "sensor_id": draw(st.sampled_from(["s1", "s2"]))}
    made |= dict.fromkeys(REALS, 20.5) | dict.fromkeys(INTEGERS, 0) | {"model": " m ", "original_timezone": "+00:00"}
    hostile = {"timestamp": stamps, "sensor_id": sensors, "original_timezone": zones, "extra": anything}
    names = [*hostile, *REALS, *INTEGERS, *(name for name in TEXTS if name not in hostile)]
    chosen = draw(
        st.one_of(st.sampled_from(names).map(lambda name: [name]), st.lists(st.sampled_from(names), max_size=4))
    )
    for name in chosen:
        made[name] = draw(
            hostile.get(name, written_numbers | numbers | anything if name in REALS | INTEGERS else anything)
        )
    return made


tables = st.lists(row(), min_size=1, max_size=40) | st.lists(row(), min_size=20, max_size=40)


def create(path: Path, rows: list[dict[str, Stored]], *, encoding: str = "UTF-8", typed: bool = True) -> Path:
    """A table with these rows, by columns as the upstream simulator declares them or of no type at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kinds = {
        "timestamp": "TEXT",
        "sensor_id": "TEXT",
        **dict.fromkeys(REALS, "REAL"),
        **dict.fromkeys(INTEGERS, "INTEGER"),
    }
    kinds |= dict.fromkeys(TEXTS, "TEXT")
    columns = ", ".join(f"{name} {kind if typed else ''}" for name, kind in kinds.items())
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"PRAGMA encoding = '{encoding}'")
        connection.execute(f"CREATE TABLE sensor_readings (id INTEGER PRIMARY KEY AUTOINCREMENT, {columns}, extra)")
        append(connection, rows)
    return path


def append(connection: sqlite3.Connection, rows: list[dict[str, Stored]]) -> None:
    for each in rows:
        marks = ", ".join("CAST(? AS TEXT)" if isinstance(value, Text) else "?" for value in each.values())
        values = [value.raw if isinstance(value, Text) else value for value in each.values()]
        connection.execute(f"INSERT INTO sensor_readings ({', '.join(each)}) VALUES ({marks})", values)
