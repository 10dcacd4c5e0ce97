"""The answer is the same whatever the documents hold: one reading, or many."""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors import document
from processors.containers import definition, making
from processors.cosmos import Account
from processors.document import Origin
from processors.errors import SinkError
from processors.form import Form
from processors.leave.buckets import gather
from processors.model import Documents
from processors.query import Selection, groups, open_reader, readings, without_system
from processors.schema import BUCKET, IS_ANOMALY, IS_DUPLICATE, MONTH, OBSERVED_AT, ROW_ID, SENSOR_ID
from processors.sink import open_sink
from tests.harness.strict import StrictCosmos

MIDNIGHT = datetime(2026, 12, 1, tzinfo=UTC)
"""Between two months, and so between two partitions."""

CITIES = (f"city {number}" for number in itertools.count())

moments = st.none() | st.integers(-40, 40).map(lambda second: MIDNIGHT + timedelta(seconds=second))


def drawn_rows(seed, count, ordered):
    """Sensor, time from midnight and value; several at one moment, and in no order unless it is asked for."""
    dice = random.Random(seed)
    seconds = [dice.randint(-40, 40) for _ in range(count)]
    times = [timedelta(seconds=second) for second in (sorted(seconds) if ordered else seconds)]
    return [(dice.choice("ab"), away, dice.choice([None, 20.5])) for away in times]


def frame(drawn, origin):
    """Rows as they are when they leave, without `BUCKET`."""
    columns = {
        ROW_ID: range(1, len(drawn) + 1),
        OBSERVED_AT: [MIDNIGHT + away for _, away, _ in drawn],
        SENSOR_ID: [sensor for sensor, _, _ in drawn],
        "sourceTimestamp": ["as written"] * len(drawn),
        "timeAmbiguous": [False] * len(drawn),
        "temperatureC": pl.Series([value for _, _, value in drawn], dtype=pl.Float64),
        "location": ["Wärme, 1"] * len(drawn),
        IS_DUPLICATE: [number % 7 == 3 for number in range(len(drawn))],
        IS_ANOMALY: [number % 5 == 2 for number in range(len(drawn))],
        "extras": pl.Series([None] * len(drawn), dtype=pl.String),
    }
    plain = pl.DataFrame(columns).with_columns(pl.col(OBSERVED_AT).dt.strftime("%Y-%m").alias(MONTH))
    return document.identify(plain, origin)


def alone(frame):
    return frame.with_columns(pl.lit(None, pl.Int64).alias(BUCKET))


def store(account, frame, origin):
    with open_sink(account) as sink:
        sink.write("readings", document.leaving(frame, origin, Form()))


def stated(frame, origin):
    """Each reading's own document, by id."""
    return {item["id"]: item for group in document.leaving(alone(frame), origin, Form()) for item in group.items}


def selected(documents, selection):
    return {
        name: item
        for name, item in documents.items()
        if (selection.sensor in {None, item[SENSOR_ID]})
        and (selection.since is None or item[OBSERVED_AT] >= text(selection.since))
        and (selection.before is None or item[OBSERVED_AT] < text(selection.before))
    }


def text(at):
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def days(found):
    """Sensor and day -> how many."""
    return {(each.sensor_id, each.day): each.documents for each in found}


@given(
    seed=st.integers(0, 2**32),
    rows=st.integers(1, 150),
    ordered=st.booleans(),
    size=st.integers(2, 20),
    span_s=st.sampled_from([None, 10.0]),
    apart=st.sampled_from([0, 0, 20]),
    sensor=st.sampled_from([None, "a"]),
    since=moments,
    before=moments,
    limit=st.sampled_from([1, 2, 5, 17, 100]),
    portion=st.sampled_from([1, 3, 10_000]),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_buckets_of_any_size_give_the_same_answers(
    account, seed, rows, ordered, size, span_s, apart, sensor, since, before, limit, portion
):
    origin = Origin(next(CITIES), "generation")
    whole = frame(drawn_rows(seed, rows, ordered), origin)
    # The first rows left each in a document of its own, before buckets were asked for.
    store(account, alone(whole.head(apart)), origin)
    full, _ = gather(whole.slice(apart), None, size, span_s, close=True)
    store(account, full, origin)
    selection = Selection(origin.city, sensor, since, before)
    wanted = selected(stated(whole, origin), selection)
    with open_reader(account, "readings") as reader, pytest.MonkeyPatch.context() as patch:
        patch.setattr(readings, "_PORTION", portion)
        found = list(map(without_system, readings.newest(reader, selection, limit)))
        assert readings.count(reader, selection) == len(wanted)
        first = readings.oldest(reader, selection)
        grouped = list(groups(reader, Selection(origin.city, sensor)))
        documents = [without_system(item) for item in reader.rows(Selection(origin.city, sensor).query("*"))]
    times = sorted((item[OBSERVED_AT] for item in wanted.values()), reverse=True)
    assert [item[OBSERVED_AT] for item in found] == times[:limit]
    assert len({item["id"] for item in found}) == len(found)
    assert all(item == wanted[item["id"]] for item in found)
    assert (first and first[OBSERVED_AT]) == min(times, default=None)
    every = selected(stated(whole, origin), Selection(origin.city, sensor)).values()
    assert days(grouped) == Counter((item[SENSOR_ID], item[OBSERVED_AT][:10]) for item in every)
    assert sum(each.bytes for each in grouped) == sum(
        len(json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode()) for item in documents
    )


def test_a_container_without_the_index_is_told(emulator):
    account = Account(emulator, "", "without-index")
    definitions = [replace(each, indexed=(*each.partition_key, "/observedAt")) for each in definition.definitions()]
    making.create(account, definitions)
    with (
        StrictCosmos(account) as strict,
        open_reader(strict.account, "readings") as reader,
        pytest.raises(SinkError, match="order-by item is excluded") as told,
    ):
        list(readings.newest(reader, Selection("denver"), 5))
    assert "cosmos create --update" in told.value.hint


@pytest.mark.parametrize(
    "columns", [None, {}, {"rowId": [1, 2], "offsetUs": [0]}, {"rowId": [1], "offsetUs": ["x"]}, {"rowId": [1]}, 5]
)
def test_a_bucket_that_is_none_is_named(account, columns):
    item = {"id": "p-b1", "kind": "bucket", "city": "denver", "sensorId": "a", "month": "2026-11", "columns": columns}
    item |= {"observedAt": text(MIDNIGHT), "lastObservedAt": text(MIDNIGHT), "count": 1}
    with open_sink(account) as sink:
        sink.write("readings", [Documents(("denver", "a", "2026-11"), [item], [500])])
    for ask in (lambda it: list(readings.newest(it, Selection(), 5)), lambda it: list(groups(it, Selection()))):
        with open_reader(account, "readings") as reader, pytest.raises(SinkError, match="p-b1") as told:
            ask(reader)
        assert "not the parts" in told.value.why


def test_what_a_sensor_is_is_given_back_to_each_reading(account):
    origin = Origin("denver", "generation")
    whole = frame(drawn_rows(7, 30, ordered=True), origin)
    every = stated(whole, origin)
    shortened = {}
    for name, item in every.items():
        prefix, own = name.partition("-")[0], item["month"][-2:]
        described = {key: item[key] for key in ("city", "sensorId", "month", "location", "generation")}
        shortened[f"{prefix}-d{own}"] = {**described, "id": f"{prefix}-d{own}", "kind": "description", "ttl": -1}
        shortened[name] = {key: value for key, value in item.items() if key != "location"} | {"described": own}
    lost = max(every)
    shortened[lost]["described"] = "00"
    with open_sink(account) as sink:
        for item in shortened.values():
            key = (item["city"], item["sensorId"], item["month"])
            sink.write("readings", [Documents(key, [item], [500])])
    with open_reader(account, "readings") as reader:
        found = list(map(without_system, readings.newest(reader, Selection("denver"), 100)))
        assert readings.count(reader, Selection("denver")) == len(every)
        assert sum(each.documents for each in groups(reader, Selection())) == len(every)
        answers = reader.answers
        assert len(list(readings.newest(reader, Selection("denver"), 100))) == len(every)
        # One for buckets, one for readings, one for what all of them are.
        assert reader.answers - answers == 3
    assert {item["id"]: item for item in found} == every | {lost: shortened[lost]}
