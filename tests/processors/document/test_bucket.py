"""Many readings in a document are the same readings again when it is unpacked, whatever they say."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors import document
from processors.conform import conform
from processors.document import Origin
from processors.form import Form
from processors.leave import leave, rest
from processors.model import Documents
from processors.schema import DESCRIPTIONS, IS_ANOMALY, MEASURE_NAMES, OBSERVED_AT, PROVISIONAL, ROW_ID, SENSOR_ID
from processors.transform.clean import clean
from processors.transform.derive import derive
from processors.transform.duplicates import flag_duplicates
from processors.transform.privacy import Privacy, sanitize
from tests.harness import oracle

Build = Callable[[Sequence[Mapping[str, Any]]], pl.DataFrame]
Golden = Callable[[str, str], None]

ORIGIN = Origin("denver", "20261122T044922-1f3a")
STAGES = ("raw", "schematized", "sanitized")
PRIVACY = Privacy(1, drop=("location",), hash=("model", "latitude"), hash_key=b"k")
TEXTS = ["firmwareVersion", "model", "location", "anomalyType", "originalTimezone", "extras"]
INTEGERS = ["statusCode", "anomalyFlag"]

EDGES = [
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(999, 12, 31, 23, 59, 59, 999_999, UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC),
    datetime(2026, 11, 30, 23, 59, 59, 999_999, UTC),
    datetime(2026, 12, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC),
]
NUMBERS = st.none() | st.sampled_from([0.0, -0.0, 1e-7, 21.5]) | st.floats(allow_nan=False, allow_infinity=False)
WORDS = st.none() | st.sampled_from(["", "a", '"\\\n', "\u00e9\U0001f600", "null"]) | st.text(max_size=4)
READING = st.fixed_dictionaries(
    {
        SENSOR_ID: st.sampled_from(["a", "b/c-d"]),
        OBSERVED_AT: st.sampled_from(EDGES) | st.datetimes(timezones=st.just(UTC)),
    },
    optional={
        "timeAmbiguous": st.booleans(),
        **dict.fromkeys((*MEASURE_NAMES, "longitude", "heightM"), NUMBERS),
        **dict.fromkeys(TEXTS, WORDS),
        **dict.fromkeys(INTEGERS, st.none() | st.integers(-(2**53), 2**53)),
    },
)
READINGS = st.lists(READING, min_size=1, max_size=25)
FIRST_ID = st.sampled_from([1, 0, -3, -(2**63), 2**53 - 5, 2**62])


def leaving(rows: pl.DataFrame, valid: pl.DataFrame, form: Form) -> list[Documents]:
    """Documents of a batch and of what remains of it."""
    known = document.identify(rows, ORIGIN)
    known = document.with_source(known, valid) if form.stage == "raw" else known
    gone = leave(known, {}, form)
    remains = rest(gone.carried, form)
    whole = gone.rows if remains is None else pl.concat([gone.rows, remains.drop(PROVISIONAL)])
    body = sanitize(whole, PRIVACY) if form.stage == "sanitized" else whole
    return list(document.leaving(body, ORIGIN, form))


def refined(valid: pl.DataFrame) -> pl.DataFrame:
    rows = flag_duplicates(derive(clean(valid)), None)[0]
    return rows.with_columns((pl.col(ROW_ID) % 3 == 0).alias(IS_ANOMALY))


def items(groups: Iterable[Documents]) -> list[dict[str, Any]]:
    return [item for group in groups for item in group.items]


def as_text(readings: Iterable[Mapping[str, Any]]) -> list[str]:
    """Readings as JSON: a 0.0 is no -0.0 then, and a true no 1."""
    return sorted(json.dumps(item, sort_keys=True, allow_nan=False) for item in readings)


@given(READINGS, FIRST_ID, st.integers(2, 9), st.none() | st.sampled_from([1.0, 3600.0, 86_400.0 * 400]))
@settings(max_examples=150, deadline=None)
def test_unpacked_they_are_the_documents_that_they_would_have(
    conformed: Build, rows: list[dict[str, Any]], first_id: int, size: int, span_s: float | None
) -> None:
    valid = conformed([{**row, ROW_ID: first_id + number} for number, row in enumerate(rows)])
    known = refined(valid)
    for stage in STAGES:
        alone = items(leaving(known, valid, Form(stage=stage)))
        groups = leaving(known, valid, Form(stage=stage, bucket_rows=size, bucket_s=span_s))
        stored = [json.loads(json.dumps(item, allow_nan=False)) for item in items(groups)]
        expected = as_text(json.loads(json.dumps(item)) for item in alone)
        assert as_text(reading for item in stored for reading in document.unpack(item)) == expected
        assert as_text(reading for item in stored for reading in oracle.unpacked(item)) == expected
        assert sum(item["count"] for item in stored) == len(rows)
        assert len({item["id"] for item in stored}) == len(stored)
        for group in groups:
            for item, told in zip(group.items, group.sizes, strict=True):
                assert group.key == (item["city"], item["sensorId"], item["month"])
                assert len(json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode()) == told
                times = [reading["observedAt"] for reading in document.unpack(item)]
                assert (item["observedAt"], item["lastObservedAt"]) == (min(times), max(times))


@given(READINGS, st.lists(st.integers(0, 25), max_size=4), st.integers(2, 9), st.none() | st.just(86_400.0))
@settings(max_examples=100, deadline=None)
def test_any_cuts_give_the_same_buckets(
    conformed: Build, rows: list[dict[str, Any]], cuts: list[int], size: int, span_s: float | None
) -> None:
    known = document.identify(refined(conformed(rows)), ORIGIN)
    form = Form(bucket_rows=size, bucket_s=span_s)
    whole = leave(known, {}, form)
    places = sorted({0, len(rows), *(min(cut, len(rows)) for cut in cuts)})
    carried: Mapping[str, pl.DataFrame] = {}
    parts = []
    for start, end in itertools.pairwise(places):
        part = leave(known[start:end], carried, form)
        carried = part.carried
        parts.append(part.rows)
    assert pl.concat(parts).sort(ROW_ID).equals(whole.rows.sort(ROW_ID))
    for name, frame in whole.carried.items():
        assert carried[name].sort(ROW_ID).equals(frame.sort(ROW_ID))


def test_a_zero_keeps_its_sign(conformed: Build) -> None:
    valid = conformed([{"temperatureC": value} for value in (0.0, -0.0, 0.0)])
    (item,) = items(leaving(refined(valid), valid, Form(stage="schematized", bucket_rows=3)))
    assert [str(reading["temperatureC"]) for reading in document.unpack(item)] == ["0.0", "-0.0", "0.0"]


def test_a_document_that_is_no_bucket_is_its_only_reading() -> None:
    item = {"id": "p-1", "rowId": 1, "observedAt": "2026-11-22T04:49:22.965000Z"}
    assert document.unpack(item) == [item] == oracle.unpacked(item)


@pytest.mark.parametrize(
    "change",
    [
        {"columns": None},
        {"columns": {"rowId": [1, 2]}},
        {"columns": {"rowId": [1, 2], "offsetUs": [0]}},
        {"columns": {"rowId": [1, 2], "offsetUs": [0, 1], "humidityPct": [1.0]}},
        {"columns": {"rowId": [1, 2], "offsetUs": [0, 10**30]}},
        {"observedAt": "soon"},
        {"observedAt": 5},
        {"id": 5},
    ],
)
def test_a_bucket_without_its_parts_is_told(change: dict[str, Any]) -> None:
    item = {"id": "p-b1", "kind": "bucket", "observedAt": "2026-11-22T04:49:22.965000Z", "count": 2}
    with pytest.raises(ValueError, match=r"the bucket .* does not have the parts of one"):
        document.unpack({**item, "columns": {"rowId": [1, 2], "offsetUs": [0, 1]}, **change})


def test_a_bucket(page: Build, golden: Golden) -> None:
    described = {field.source: "1" if field.kind == "text" else 1 for field in DESCRIPTIONS}
    rows = [
        {
            **described,
            "id": 17 + number,
            "timestamp": (datetime(2026, 11, 22, 4, 49, 22, 965_000, UTC) + timedelta(seconds=number)).isoformat(),
            "sensor_id": "s1",
            "temperature": 21.5 + number / 4,
            "humidity": None if number == 1 else 45.0,
        }
        for number in range(3)
    ]
    valid = conform(page(rows), default_zone="UTC").valid
    groups = leaving(refined(valid), valid, Form(stage="schematized", bucket_rows=3))
    golden("bucket.json", json.dumps(items(groups), indent=1) + "\n")
