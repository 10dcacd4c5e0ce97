from __future__ import annotations

import itertools
import json
import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from processors import document
from processors.conform import conform
from processors.detect import detect, detectors
from processors.document import Origin
from processors.model import Documents
from processors.schema import MEASURE_NAMES, OBSERVED_AT, ROW_ID, SENSOR_ID
from processors.transform.aggregate import WINDOW_S, accumulate, summarize
from processors.transform.clean import clean
from processors.transform.derive import derive
from processors.transform.duplicates import flag_duplicates
from processors.transform.privacy import Privacy, sanitize

Build = Callable[[Sequence[Mapping[str, Any]]], pl.DataFrame]
Golden = Callable[[str, str], None]

ORIGIN = Origin("denver", "20261122T044922-1f3a")
USING = detectors(thresholds={}, limits={})
HOSTILE = [
    *(
        "a/b",
        "a\\b",
        "a?b",
        "a#b",
        "a",
        "A",
        "a ",
        " a",
        "a-1",
        "a-1-1",
        "a/b#c?d\\e",
        "\0",
        "\n",
        '"',
        "'",
        "%2F",
        ".",
    ),
    *("\u00e9", "e\u0301", "\U0001f600", "\u202ea", "\uffff", "x" * 300, "\u00e9" * 300, "\U0001f600" * 255, ""),
]


def refined(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows as they come to be documents, and their alarms."""
    detected = detect(flag_duplicates(derive(clean(rows)), None)[0], {}, USING)
    return detected.rows, detected.alarms


def readings(rows: pl.DataFrame, origin: Origin = ORIGIN, stage: str = "schematized") -> list[Documents]:
    return list(document.readings(document.identify(refined(rows)[0], origin), origin, stage))


def aggregates(rows: pl.DataFrame, origin: Origin = ORIGIN) -> list[Documents]:
    return list(document.aggregates(summarize(accumulate(refined(rows)[0])), origin, WINDOW_S))


def items(groups: Iterable[Documents]) -> list[dict[str, Any]]:
    return [item for group in groups for item in group.items]


def encoded(item: Mapping[str, Any]) -> str:
    return json.dumps(item, separators=(",", ":"), ensure_ascii=False)


def nulls(value: object) -> bool:
    if isinstance(value, dict):
        return any(nulls(part) for part in value.values())
    return value is None


def check(groups: Sequence[Documents], city: str) -> None:
    """What holds for documents of any kind."""
    for group in groups:
        assert group.items
        assert len(group.sizes) == len(group.items)
        for item, size in zip(group.items, group.sizes, strict=True):
            assert (
                group.key == (city, item["sensorId"], item["month"]) == (item["city"], item["sensorId"], item["month"])
            )
            assert not set(item["id"]) & set("/\\?#")
            assert 0 < len(item["id"].encode()) <= 1_023
            assert not nulls(item)
            assert len(encoded(item).encode()) <= size
            assert json.loads(json.dumps(item, allow_nan=False)) == item
    ids = [item["id"] for item in items(groups)]
    assert len(ids) == len(set(ids))


def test_an_id_is_what_it_was(conformed: Build) -> None:
    (item,) = items(readings(conformed([{ROW_ID: 17, SENSOR_ID: "s/1#?\\"}])))
    assert item["id"] == "o6e5xdiyjogd57o2-17"


def test_ids_differ_for_every_city_sensor_generation_and_row(conformed: Build) -> None:
    rows = conformed([{SENSOR_ID: sensor, ROW_ID: row_id} for sensor in HOSTILE for row_id in (1, 11, -1, 0, 2**53)])
    ids: list[str] = []
    for city, generation in itertools.product(["a", "a/b", "\u00e9", "x" * 300], ["a", "a-1", "", "1"]):
        origin = Origin(city, generation)
        ids += document.identify(rows, origin)["id"].to_list()
    assert len(set(ids)) == len(ids) == 16 * len(rows)


def test_where_one_name_ends_and_the_next_begins_matters() -> None:
    assert Origin("a", "b").prefix("c") not in {
        Origin("a", "c").prefix("b"),
        Origin("ac", "b").prefix(""),
        Origin("a,", "b").prefix("c"),
    }
    assert Origin('a","b', "c").prefix("d") != Origin("a", "c").prefix('b","d')


@pytest.mark.parametrize("stage", ["schematized", "sanitized"])
def test_hostile_names_make_sound_documents(conformed: Build, stage: str) -> None:
    rows = conformed([{SENSOR_ID: name, "model": name, "temperatureC": 99.0} for name in HOSTILE])
    marked, found = refined(rows)
    for city in HOSTILE[:-1:3]:
        origin = Origin(city, "g")
        groups = list(document.readings(document.identify(marked, origin), origin, stage))
        check(groups, city)
        assert {item["sensorId"] for item in items(groups)} == set(HOSTILE)
        check(list(document.anomalies(found, origin)), city)
        check(list(document.aggregates(summarize(accumulate(marked)), origin, WINDOW_S)), city)


text = st.text(st.characters(codec="utf-8"), max_size=12)
reals = st.none() | st.floats(allow_nan=False, allow_infinity=False)
ROWS = st.lists(
    st.fixed_dictionaries(
        {SENSOR_ID: text},
        optional={
            "temperatureC": st.none() | st.floats(-273.15, 5_000),
            "latitude": reals,
            "heightM": reals,
            "model": st.none() | text,
            "location": st.none() | text,
            "statusCode": st.none() | st.integers(-(2**53), 2**53),
            "timeAmbiguous": st.booleans(),
        },
    ),
    max_size=8,
)


@given(rows=ROWS)
@example(rows=[{SENSOR_ID: "s", "heightM": 1e-7, "model": '\u00e9\x01\x7f\u2028\U0001f600"\\'}])
@example(rows=[{SENSOR_ID: "s", "heightM": value} for value in (1e-5, 1.5e-9, -1e-10, 1e16, 1e22, 5e-324, 1e300, -0.0)])
@settings(deadline=None, max_examples=25)
def test_the_document_of_a_row_is_the_same_whatever_else_is_on_its_page(
    conformed: Build, rows: list[dict[str, Any]]
) -> None:
    marked = document.identify(derive(flag_duplicates(conformed(rows), None)[0]), ORIGIN)
    together = list(document.readings(marked, ORIGIN, "schematized"))
    check(together, ORIGIN.city)
    alone = [group for row in marked.iter_slices(1) for group in document.readings(row, ORIGIN, "schematized")]
    by_id = {item["id"]: encoded(item) for item in items(together)}
    assert by_id == {item["id"]: encoded(item) for item in items(alone)}
    assert {item["rowId"] for item in items(together)} == set(range(1, len(rows) + 1))


@given(st.integers(0, 2**32))
@settings(deadline=None, max_examples=10)
def test_aggregates_are_the_same_whatever_else_is_on_their_page(conformed: Build, seed: int) -> None:
    source = random.Random(seed)
    rows = conformed(
        [
            {
                SENSOR_ID: source.choice("ab"),
                OBSERVED_AT: datetime(2026, 11, 30, 23, 59, source.randint(0, 59), tzinfo=UTC)
                + timedelta(minutes=source.randint(0, 2)),
            }
            | {name: source.choice([None, source.gauss(0, 1e-6), 20.0]) for name in MEASURE_NAMES}
            for _ in range(20)
        ]
    )
    windows = summarize(accumulate(refined(rows)[0]))
    together = list(document.aggregates(windows, ORIGIN, WINDOW_S))
    check(together, ORIGIN.city)
    alone = [group for row in windows.iter_slices(1) for group in document.aggregates(row, ORIGIN, WINDOW_S)]
    assert {item["id"]: encoded(item) for item in items(together)} == {
        item["id"]: encoded(item) for item in items(alone)
    }
    assert len(items(together)) == len(windows)


def test_what_is_absent_is_absent(conformed: Build) -> None:
    (item,) = items(readings(conformed([{}])))
    assert item.keys() == {
        "id",
        "city",
        "sensorId",
        "month",
        "generation",
        "schemaVersion",
        "stage",
        "rowId",
        "observedAt",
    }


def test_false_and_zero_are_not_absent(conformed: Build) -> None:
    (item,) = items(readings(conformed([{"temperatureC": 0.0, "statusCode": 0}])))
    assert (item["temperatureC"], item["statusCode"], item["isAnomaly"]) == (0.0, 0, False)


def test_flags_that_are_mostly_false_are_only_there_when_true(conformed: Build) -> None:
    rows = conformed([{OBSERVED_AT: datetime(2026, 1, 1, tzinfo=UTC), "timeAmbiguous": flag} for flag in (True, False)])
    first, second = sorted(items(readings(rows)), key=lambda item: item["rowId"])
    assert (first.get("timeAmbiguous"), second.get("timeAmbiguous")) == (True, None)
    assert (first.get("isDuplicate"), second.get("isDuplicate")) == (None, True)


def test_one_value_in_a_window_has_no_deviation(conformed: Build) -> None:
    (item,) = items(aggregates(conformed([{"temperatureC": 21.5}])))
    assert item["temperatureC"] == {"count": 1, "min": 21.5, "max": 21.5, "mean": 21.5, "last": 21.5}
    assert "humidityPct" not in item


@pytest.mark.parametrize(
    ("moment", "month"),
    [
        (datetime(2026, 11, 30, 23, 59, 59, 999_999, tzinfo=UTC), "2026-11"),
        (datetime(2026, 12, 1, tzinfo=UTC), "2026-12"),
        (datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), "2026-12"),
    ],
)
def test_months_end_in_utc(conformed: Build, moment: datetime, month: str) -> None:
    rows = conformed([{OBSERVED_AT: moment, "temperatureC": 99.0, "originalTimezone": "Pacific/Apia"}])
    for groups in (readings(rows), aggregates(rows), list(document.anomalies(refined(rows)[1], ORIGIN))):
        assert [group.key for group in groups] == [("denver", "s1", month)]
    (item,) = items(readings(rows))
    assert datetime.fromisoformat(item["observedAt"]) == moment
    (window,) = items(aggregates(rows))
    assert datetime.fromisoformat(window["windowStart"]) == moment.replace(second=0, microsecond=0)


def test_groups_are_of_one_key_and_bounded(conformed: Build) -> None:
    months = [datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)]
    rows = conformed([{OBSERVED_AT: months[index % 2], SENSOR_ID: f"s{index % 3}"} for index in range(7_000)])
    groups = readings(rows)
    check(groups, "denver")
    assert {group.key for group in groups} == {("denver", f"s{s}", f"2026-{m}") for s in range(3) for m in (11, 12)}
    assert max(len(group.items) for group in groups) <= 1_000
    assert sorted(item["rowId"] for item in items(groups)) == list(range(1, 7_001))


def test_an_anomaly_names_its_reading(conformed: Build) -> None:
    rows = conformed([{"temperatureC": 99.0, "voltageV": -1.0, SENSOR_ID: sensor} for sensor in ("a", "b")])
    found = items(document.anomalies(refined(rows)[1], ORIGIN))
    assert {(item["measure"], *item["also"]) for item in found} == {("temperatureC", "voltageV limit")}
    ids = {item["id"] for item in items(readings(rows))}
    assert {item["readingId"] for item in found} == ids
    assert len({item["id"] for item in found}) == 2
    assert all(item["id"] == f"{item['readingId']}-{item['measure']}-{item['kind']}" for item in found)


def test_nothing(conformed: Build) -> None:
    empty = conformed([])
    assert document.identify(empty, ORIGIN).columns[-1] == "id"
    assert readings(empty) == aggregates(empty) == list(document.anomalies(refined(empty)[1], ORIGIN)) == []


def test_numbers_that_are_hard_to_write(conformed: Build) -> None:
    values = [1e-7, 1e16, 5e-324, math.nextafter(0.1, 1), -1e-10, 1e300, 123456789.123456789]
    groups = readings(conformed([{"heightM": value} for value in values]))
    check(groups, "denver")
    assert [item["heightM"] for item in items(groups)] == values


READING = {
    "id": 17,
    "timestamp": "2026-11-22T04:49:22.965+00:00",
    "sensor_id": "DEN_\u00e9/1",
    "temperature": 99.5,
    "humidity": 40.25,
    "pressure": 101_325.0,
    "vibration": 0.0125,
    "voltage": None,
    "status_code": 0,
    "anomaly_flag": 1,
    "anomaly_type": " spike ",
    "firmware_version": "1.4",
    "model": "",
    "location": "Denver",
    "latitude": 39.739_235_8,
    "longitude": -104.990_251,
    "original_timezone": "+00:00",
    "serial_number": "S-1",
    "extra.note": "kept in the archive",
}


def shown(groups: Iterable[Documents]) -> str:
    return json.dumps(items(groups), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


@pytest.mark.parametrize("stage", ["raw", "schematized", "sanitized"])
def test_a_reading_at_each_stage(page: Build, golden: Golden, stage: str) -> None:
    valid = conform(page([READING]), default_zone="UTC").valid
    rows = document.identify(refined(valid)[0], ORIGIN)
    privacy = Privacy(drop=("location",), hash=("serialNumber",), hash_key=b"a key")
    body = {
        "raw": lambda: document.with_source(rows, valid),
        "schematized": lambda: rows,
        "sanitized": lambda: sanitize(rows, privacy),
    }
    groups = list(document.readings(body[stage](), ORIGIN, stage))
    check(groups, "denver")
    golden(f"reading-{stage}.json", shown(groups))


def test_an_anomaly(page: Build, golden: Golden) -> None:
    _, found = refined(conform(page([READING]), default_zone="UTC").valid)
    golden("anomaly.json", shown(document.anomalies(found, ORIGIN)))


def test_an_aggregate(page: Build, golden: Golden) -> None:
    second = READING | {"id": 18, "timestamp": "2026-11-22T04:49:59Z", "temperature": 20.0, "pressure": None}
    rows = conform(page([READING, second]), default_zone="UTC").valid
    golden("aggregate.json", shown(aggregates(rows)))
