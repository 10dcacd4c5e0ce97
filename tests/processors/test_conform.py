from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors import schema
from processors.conform import RULES, Conformed, conform

Build = Callable[[Sequence[Mapping[str, Any]]], pl.DataFrame]

REALS = [field for field in schema.FIELDS if field.kind == "real"]
INTEGERS = [field for field in schema.FIELDS if field.kind == "integer"]
TEXTS = [field for field in schema.COLUMNS if field.kind == "text"]


def bounds(field: schema.Field) -> tuple[float, float]:
    return field.plausible or (-1e300, 1e300)


BROKEN: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("timestamp_present", {"timestamp": None}, {"timestamp": "0946684800"}),
    ("timestamp_readable", {"timestamp": "yesterday"}, {"timestamp": "2026-11-22 04:49"}),
    ("timestamp_readable", {"timestamp": ""}, {"timestamp": " 2026-11-22T04:49:22Z "}),
    ("timestamp_plausible", {"timestamp": "1999-12-31T23:59:59.999999Z"}, {"timestamp": "2000-01-01T00:00:00Z"}),
    ("timestamp_plausible", {"timestamp": "2100-01-01T00:00:00Z"}, {"timestamp": "2099-12-31T23:59:59.999999Z"}),
    ("timestamp_plausible", {"timestamp": "0"}, {"timestamp": "946684800"}),
    ("timestamp_plausible", {"timestamp": "+12026-01-01T00:00:00Z"}, {"timestamp": "+2026-01-01T00:00:00Z"}),
    ("sensor_id_present", {"sensor_id": None}, {"sensor_id": "0"}),
    ("sensor_id_present", {"sensor_id": ""}, {"sensor_id": "."}),
    ("sensor_id_present", {"sensor_id": " \t\u00a0"}, {"sensor_id": " a "}),
    ("sensor_id_within_1024_bytes", {"sensor_id": "\u00e9" * 512 + "a"}, {"sensor_id": "\u00e9" * 512}),
    ("id_exact_as_json_number", {"id": 2**53 + 1}, {"id": 2**53}),
    ("id_exact_as_json_number", {"id": -(2**63)}, {"id": -(2**53)}),
    ("id_is_a_number", {"id": 7, "id!odd": "x"}, {"id": 7, "id!odd": None}),
    *(
        (f"{field.source}_exact_as_json_number", {field.source: sign * (2**53 + 1)}, {field.source: sign * 2**53})
        for field in INTEGERS
        for sign in (1, -1)
    ),
    *(
        (f"{field.source}_is_a_number", {f"{field.source}!odd": text}, {f"{field.source}!odd": "1"})
        for field in (*REALS, *INTEGERS)
        for text in ("", " ", "off", "1,5", "0x10", "1_0", "1 2", "hex:ff", "\u0663", "True")
    ),
    *(
        (f"{field.source}_is_a_number", {f"{field.source}!odd": "2.5"}, {f"{field.source}!odd": "2"})
        for field in INTEGERS
    ),
    *(
        (f"{field.source}_plausible", {field.source: math.nextafter(bound, away)}, {field.source: bound})
        for field in REALS
        for bound, away in zip(bounds(field), (-math.inf, math.inf), strict=True)
    ),
    *(
        (f"{field.source}_plausible", {field.source: sign * math.inf}, {field.source: math.nan})
        for field in REALS
        for sign in (1, -1)
    ),
    *(
        (f"{field.source}_plausible", {f"{field.source}!odd": text}, {f"{field.source}!odd": "NaN"})
        for field in REALS
        for text in ("inf", "-Infinity", "1e400")
    ),
    *(
        (f"{field.source}_is_utf8", {field.source: None, f"{field.source}!odd": "hex:ff"}, {field.source: "hex:ff"})
        for field in TEXTS
        if field not in schema.REQUIRED
    ),
    ("timestamp_is_utf8", {"timestamp": None, "timestamp!odd": "hex:ff"}, {"timestamp!odd": None}),
    ("sensor_id_is_utf8", {"sensor_id": None, "sensor_id!odd": "hex:ff"}, {"sensor_id": "hex:ff"}),
]


def only_reject(result: Conformed) -> dict[str, Any]:
    assert result.valid.is_empty()
    assert len(result.rejects) == 1
    return result.rejects.row(0, named=True)


def only_valid(result: Conformed) -> dict[str, Any]:
    assert result.rejects.is_empty()
    assert len(result.valid) == 1
    return result.valid.row(0, named=True)


@pytest.mark.parametrize(("rule", "breaks", "keeps"), BROKEN, ids=lambda value: value if isinstance(value, str) else "")
def test_a_rule_is_broken_alone_and_kept_by_the_nearest(
    page: Build, rule: str, breaks: dict[str, Any], keeps: dict[str, Any]
) -> None:
    assert only_reject(conform(page([breaks]), default_zone="UTC"))["rules"] == [rule]
    only_valid(conform(page([keeps]), default_zone="UTC"))


def test_every_rule_has_a_case() -> None:
    assert {rule for rule, _, _ in BROKEN} == RULES.keys()


def test_a_row_may_break_many_rules(page: Build) -> None:
    row = {"timestamp": "soon", "sensor_id": "", "temperature": 1e9, "humidity!odd": "wet", "model!odd": "hex:ff"}
    reject = only_reject(conform(page([row]), default_zone="UTC"))
    broken = {
        "timestamp_readable",
        "sensor_id_present",
        "temperature_plausible",
        "humidity_is_a_number",
        "model_is_utf8",
    }
    assert set(reject["rules"]) == broken
    assert reject["odd"] == ["humidity=wet", "model=hex:ff"]


@pytest.mark.parametrize("value", [math.nan, None])
@pytest.mark.parametrize("field", REALS, ids=lambda field: field.source)
def test_not_a_number_becomes_null_and_null_stays_null(page: Build, field: schema.Field, value: float | None) -> None:
    assert only_valid(conform(page([{field.source: value}]), default_zone="UTC"))[field.name] is None


@pytest.mark.parametrize("text", ["NaN", "nan", " NAN "])
def test_not_a_number_as_text_becomes_null(page: Build, text: str) -> None:
    assert only_valid(conform(page([{"temperature!odd": text}]), default_zone="UTC"))["temperatureC"] is None


def test_what_is_absent_stays_absent(page: Build) -> None:
    row = only_valid(conform(page([{}]), default_zone="UTC"))
    filled = {name for name, value in row.items() if value is not None}
    assert filled == {"rowId", "observedAt", "sensorId", "sourceTimestamp", "timeAmbiguous"}


@pytest.mark.parametrize(
    ("text", "number"),
    [("21.5", 21.5), (" 21.5\n", 21.5), ("+21.5", 21.5), ("-21", -21.0), ("2.15e1", 21.5), (".5", 0.5), ("0", 0.0)],
)
def test_a_number_as_text_is_that_number(page: Build, text: str, number: float) -> None:
    assert only_valid(conform(page([{"temperature!odd": text}]), default_zone="UTC"))["temperatureC"] == number


@pytest.mark.parametrize(("text", "number"), [("200", 200), (" -7 ", -7), ("9007199254740992", 2**53)])
def test_an_integer_as_text_is_that_integer(page: Build, text: str, number: int) -> None:
    assert only_valid(conform(page([{"status_code!odd": text}]), default_zone="UTC"))["statusCode"] == number


@pytest.mark.parametrize("row", [{"temperature": -0.0}, {"temperature!odd": "-0.0"}])
def test_zero_has_no_sign(page: Build, row: dict[str, Any]) -> None:
    value = only_valid(conform(page([row]), default_zone="UTC"))["temperatureC"]
    assert (value, math.copysign(1, value)) == (0.0, 1.0)


def test_values_go_to_their_columns_unchanged(page: Build) -> None:
    values = {
        field.source: {"real": 1.25 + place, "integer": place, "text": f" {field.source}\u2028\0 "}[field.kind]
        for place, field in enumerate(schema.FIELDS)
    }
    row = only_valid(conform(page([values | {"original_timezone": "Asia/Kathmandu"}]), default_zone="UTC"))
    expected = {field.name: values[field.source] for field in schema.FIELDS} | {"originalTimezone": "Asia/Kathmandu"}
    assert {name: row[name] for name in expected} == expected
    assert row["sourceTimestamp"] == "2026-11-22T04:49:22.965+00:00"
    assert row["observedAt"] == datetime(2026, 11, 22, 4, 49, 22, 965_000, tzinfo=UTC)


def test_a_stamp_without_zone_takes_the_row_s_then_the_default(page: Build) -> None:
    rows = [
        {"timestamp": "2026-10-25T02:30:00", "original_timezone": "Europe/Berlin"},
        {"timestamp": "2026-10-25T02:30:00", "original_timezone": ""},
        {"timestamp": "2026-10-25T02:30:00", "original_timezone": None},
    ]
    valid = conform(page(rows), default_zone="America/Denver").valid
    denver = datetime(2026, 10, 25, 8, 30, tzinfo=UTC)
    assert valid["observedAt"].to_list() == [datetime(2026, 10, 25, 0, 30, tzinfo=UTC), denver, denver]
    assert valid["timeAmbiguous"].to_list() == [True, False, False]


def test_a_skipped_local_time_is_a_reject(page: Build) -> None:
    reject = only_reject(conform(page([{"timestamp": "2026-03-29T02:30:00"}]), default_zone="Europe/Berlin"))
    assert reject["rules"] == ["timestamp_readable"]


def test_a_reject_keeps_the_row_as_read(page: Build) -> None:
    row = {"id": 7, "sensor_id": '\u00e9"\\\n', "timestamp": "soon", "temperature": 21.5, "extra.note": "n"}
    reject = only_reject(conform(page([row]), default_zone="UTC"))
    assert reject["rowId"] == 7
    assert {name: value for name, value in json.loads(reject["row"]).items() if value is not None} == row


def test_a_reject_keeps_what_json_cannot_say(page: Build) -> None:
    row = {"temperature": math.inf, "latitude": -math.inf, "voltage!odd": "3{}V", "extra.load": math.inf}
    reject = only_reject(conform(page([row]), default_zone="UTC"))
    assert reject["odd"] == ["temperature=inf", "voltage=3{}V", "latitude=-inf", "extra.load=inf"]


def extras_of(result: Conformed) -> list[Any]:
    return [None if text is None else json.loads(text) for text in result.valid["extras"]]


def test_unknown_columns_are_kept_as_one_object(page: Build) -> None:
    row = {"extra.note": 'a"b\u00e9', "extra.count": 2**60, "extra.load": 0.5, "extra.rowId": 9, "extra.none": None}
    expected = {"note": 'a"b\u00e9', "count": 2**60, "load": 0.5, "rowId": 9, "none": None}
    assert extras_of(conform(page([row]), default_zone="UTC")) == [expected]


def test_without_unknown_columns_there_are_no_extras(page: Build) -> None:
    assert extras_of(conform(page([{}]), default_zone="UTC")) == [None]


def test_odd_values_of_unknown_columns_are_kept_beside(page: Build) -> None:
    rows = [{"extra.n": None, "extra.n!odd": "twelve"}, {"extra.n": 12, "extra.n!odd": None}]
    assert extras_of(conform(page(rows), default_zone="UTC")) == [{"n": None, "n!odd": "twelve"}, {"n": 12}]


def test_an_infinity_of_an_unknown_column_is_kept_beside(page: Build) -> None:
    rows = [{"extra.n": math.inf}, {"extra.n": 1.5}, {"extra.n": None}]
    assert extras_of(conform(page(rows), default_zone="UTC")) == [{"n": None, "n!odd": "inf"}, {"n": 1.5}, {"n": None}]


def test_an_empty_page_gives_empty_frames_of_the_same_types(page: Build) -> None:
    empty, full = (conform(page(rows), default_zone="UTC") for rows in ([], [{}, {"timestamp": None}]))
    assert empty.valid.schema == full.valid.schema == pl.Schema(schema.READING)
    assert empty.rejects.schema == full.rejects.schema
    assert empty.valid.is_empty()
    assert empty.rejects.is_empty()


def test_a_page_may_be_all_rejects(page: Build) -> None:
    result = conform(page([{"timestamp": None}] * 3), default_zone="UTC")
    assert result.valid.schema == pl.Schema(schema.READING)
    assert result.valid.is_empty()
    assert result.rejects["rowId"].to_list() == [1, 2, 3]


text = st.text(st.characters(codec="utf-8"), max_size=8)
reals = st.none() | st.floats() | st.sampled_from([-0.0, 85.0])
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "timestamp": st.none() | text | st.sampled_from(["2026-11-22T04:49:22Z", "2026-10-25 02:30", "1784695762"]),
            "sensor_id": st.none() | text,
            "temperature": reals,
            "height_meters": reals,
            "status_code": st.none() | st.integers(-(2**63), 2**63 - 1),
            "model": st.none() | text,
            "original_timezone": st.none() | text | st.just("Europe/Berlin"),
            "extra.note": st.none() | text,
            "extra.load": reals,
        },
        optional={"humidity!odd": text, "model!odd": text, "anomaly_flag!odd": text, "extra.load!odd": text},
    ),
    max_size=6,
)


@given(rows=ROWS, data=st.data())
@settings(deadline=None, max_examples=25)
def test_each_row_ends_in_one_place_however_the_page_is_cut(
    page: Build, rows: list[dict[str, Any]], data: st.DataObject
) -> None:
    whole = page(rows)
    if rows:
        whole = whole.cast({"extra.note": pl.String, "extra.load": pl.Float64})
    result = conform(whole, default_zone="Europe/Berlin")
    landed = [*result.valid["rowId"], *result.rejects["rowId"]]
    assert sorted(landed) == list(range(1, len(rows) + 1))
    assert result.valid["rowId"].is_sorted()
    assert result.rejects["rules"].list.len().gt(0).all()
    for kept in ("row", "extras"):
        frame = result.rejects if kept == "row" else result.valid
        assert all(isinstance(json.loads(value), dict) for value in frame[kept] if value is not None)
    cut = data.draw(st.integers(0, len(rows)))
    parts = []
    for part in (whole[:cut], whole[cut:]):
        unused = [name for name in part.columns if name.endswith("!odd") and part[name].null_count() == len(part)]
        parts.append(conform(part.drop(unused), default_zone="Europe/Berlin"))
    assert result.valid.equals(pl.concat([part.valid for part in parts]))
    assert result.rejects.equals(pl.concat([part.rejects for part in parts]))
