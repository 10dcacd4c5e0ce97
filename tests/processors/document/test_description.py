"""What a sensor is, said once, is given back to each reading."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors import document
from processors.document import Origin, description
from processors.form import Form
from processors.model import Documents, Refusal, Written
from processors.pipeline.readings import depart
from processors.schema import BUCKET, DESCRIPTIONS, IS_ANOMALY, OBSERVED_AT, ROW_ID, SENSOR_ID
from processors.transform.clean import clean
from processors.transform.derive import derive
from processors.transform.duplicates import flag_duplicates
from processors.transform.privacy import Privacy
from tests.harness import oracle

Build = Callable[[Sequence[Mapping[str, Any]]], pl.DataFrame]
Golden = Callable[[str, str], None]

ORIGIN = Origin("denver", "20261122T044922-1f3a")
PRIVACY = Privacy(0, drop=("location",), hash=("model",), hash_key=b"k")
SAID = st.fixed_dictionaries(
    {
        SENSOR_ID: st.sampled_from(["a", "b"]),
        OBSERVED_AT: st.sampled_from([datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2)]),
    },
    optional={
        "model": st.none() | st.sampled_from(["x", "y", ""]),
        "location": st.none() | st.sampled_from(["here", "there"]),
        "latitude": st.none() | st.sampled_from([0.0, -0.0, -0.2, 39.7]),
        "statusCode": st.none() | st.integers(0, 2),
        "temperatureC": st.none() | st.just(20.0),
    },
)


class Cosmos:
    """Remembers what it takes, in order; refuses documents that say a certain thing."""

    def __init__(self, refuses: Callable[[dict[str, Any]], bool] = lambda _: False) -> None:
        self.items: list[dict[str, Any]] = []
        self._refuses = refuses

    def write(self, make: Any) -> Written:
        known = [(group, item) for group in make() for item in group.items]
        for group, item in known:
            assert group.key == (item["city"], item["sensorId"], item["month"])
        refused = [item["id"] for _, item in known if self._refuses(item)]
        self.items += [json.loads(json.dumps(item)) for _, item in known if item["id"] not in refused]
        return Written(len(known) - len(refused), refused=[Refusal(name, 400, "no") for name in refused])


def known(valid: pl.DataFrame) -> pl.DataFrame:
    rows = flag_duplicates(derive(clean(valid)), None)[0].with_columns(pl.lit(value=False).alias(IS_ANOMALY))
    return document.identify(rows, ORIGIN).with_columns(pl.lit(None, pl.Int64).alias(BUCKET))


def plain(items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Documents by id, as text that a 0.0 and a -0.0 have alike."""
    return {item["id"]: json.loads(json.dumps(item).replace("-0.0,", "0.0,")) for item in items}


@given(st.lists(SAID, min_size=1, max_size=12), st.sampled_from(["schematized", "sanitized"]), st.integers(1, 4))
@settings(max_examples=100, deadline=None)
def test_joined_they_are_the_documents_that_they_would_have(
    conformed: Build, rows: list[dict[str, Any]], stage: Any, size: int
) -> None:
    readings = known(conformed(rows))
    bucketed = readings.with_columns((pl.col(ROW_ID) // size * size).alias(BUCKET)).with_columns(
        pl.col(ROW_ID).first().over(SENSOR_ID, "month", BUCKET).alias(BUCKET)
    )
    expected = Cosmos()
    depart([(Form(stage=stage), readings)], ORIGIN, PRIVACY, {}, expected.write)
    for body in (readings, bucketed):
        cosmos = Cosmos()
        departed = depart([(Form(stage=stage, descriptions="once"), body)], ORIGIN, PRIVACY, {}, cosmos.write)
        assert departed.documents == len(cosmos.items)
        told = {item["id"]: item for item in cosmos.items if item.get("kind") == document.DESCRIPTION}
        found = [reading for item in cosmos.items if item["id"] not in told for reading in document.unpack(item)]
        assert all(name not in reading for reading in found for name in description.NAMES)
        assert plain([document.describe(reading, told) for reading in found]) == plain(expected.items)
        assert plain(list(oracle.joined(cosmos.items).values())) == plain(expected.items)
        for place, item in enumerate(cosmos.items):
            if (name := document.described_by(item)) is not None:
                assert name in [before["id"] for before in cosmos.items[:place]]
                assert told[name]["month"] == item["month"]


def test_each_is_written_once_until_it_changes(conformed: Build) -> None:
    cosmos, form = Cosmos(), Form(descriptions="once")
    carried: Mapping[str, pl.DataFrame] = {}
    for model in ("x", "x", "y", "x"):
        rows = known(conformed([{"model": model}, {"model": model}]))
        carried = depart([(form, rows)], ORIGIN, PRIVACY, carried, cosmos.write).carried
    kinds = [item.get("kind") for item in cosmos.items]
    assert kinds == ["description", *[None] * 4, "description", *[None] * 4]


def test_what_is_forgotten_is_written_again(conformed: Build) -> None:
    cosmos, form = Cosmos(), Form(descriptions="once")
    many = known(conformed([{"model": str(number)} for number in range(70)]))
    carried = depart([(form, many)], ORIGIN, PRIVACY, {}, cosmos.write).carried
    assert [len(frame) for frame in carried.values()] == [64]
    before = len(cosmos.items)
    depart([(form, many[:1])], ORIGIN, PRIVACY, carried, cosmos.write)
    assert len(cosmos.items) == before + 2
    assert len({item["id"] for item in cosmos.items}) == 140


@pytest.mark.parametrize("bucket", [None, 1])
def test_readings_whose_description_is_refused_say_it_themselves(conformed: Build, bucket: int | None) -> None:
    """And are refused or not each for itself."""
    rows = known(conformed([{"model": "bad", "location": "here"}, {"model": "good"}, {"model": "bad"}]))
    rows = rows.with_columns(pl.lit(bucket, pl.Int64).alias(BUCKET))
    cosmos = Cosmos(lambda item: "here" in json.dumps(item))
    form = Form(stage="schematized", descriptions="once")
    departed = depart([(form, rows)], ORIGIN, PRIVACY, {}, cosmos.write)
    assert departed.refused.select(ROW_ID, "status", "why").rows() == [(1, 400, "no")]
    assert departed.refused["id"].to_list() == [rows["id"][0]]
    found = oracle.joined(cosmos.items)
    assert {item["rowId"]: item["model"] for item in found.values()} == {2: "good", 3: "bad"}


def test_a_sensor_of_which_nothing_is_said_has_no_description(conformed: Build) -> None:
    cosmos = Cosmos()
    depart([(Form(descriptions="once"), known(conformed([{}])))], ORIGIN, PRIVACY, {}, cosmos.write)
    (item,) = cosmos.items
    assert "described" not in item


def test_a_reading_whose_description_is_not_there_stays_as_it_is() -> None:
    reading = {"id": "p-1", "described": "x", "rowId": 1}
    assert document.describe(reading, {"p-dy": {"model": "a"}}) == reading


def test_a_description(conformed: Build, golden: Golden) -> None:
    said = {field.name: "1" if field.kind == "text" else 1 for field in DESCRIPTIONS}
    rows = known(conformed([said]))
    described, descriptions = description.apart(rows)
    groups: list[Documents] = list(document.descriptions(descriptions, ORIGIN))
    short = description.shortened(described, descriptions.select(description.KEY))
    groups += document.leaving(short, ORIGIN, Form(stage="schematized"))
    golden("description.json", json.dumps([item for group in groups for item in group.items], indent=1) + "\n")
