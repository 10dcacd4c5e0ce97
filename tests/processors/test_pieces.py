"""A bucket that is too large, or refused, in pieces: always the same ones, and never two of a reading."""

from __future__ import annotations

import json
import random
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors import document
from processors.document import Origin
from processors.form import Form
from processors.leave.pieces import MOST_BYTES, halved, split
from processors.model import Refusal, Written
from processors.pipeline.readings import depart
from processors.schema import BUCKET, IS_ANOMALY, ROW_ID, SENSOR_ID
from processors.transform.privacy import Privacy
from tests.processors.document.test_bucket import ORIGIN as _ORIGIN

ORIGIN: Origin = _ORIGIN
IDS = st.sets(st.integers(-(2**63), 2**63 - 1) | st.integers(-5, 90), min_size=2, max_size=60).map(sorted)


def bucket(ids: list[int]) -> pl.DataFrame:
    return pl.DataFrame({SENSOR_ID: ["s"] * len(ids), ROW_ID: ids}).with_columns(pl.lit(ids[0]).alias(BUCKET))


def pieces(rows: pl.DataFrame) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for row_id, first in rows.select(ROW_ID, BUCKET).sort(ROW_ID).rows():
        found.setdefault(first, []).append(row_id)
    assert all(first == ids[0] for first, ids in found.items())
    return found


@given(IDS)
def test_both_halves_have_some_and_are_apart(ids: list[int]) -> None:
    first, second = pieces(halved(bucket(ids))).values()
    assert first + second == ids


def test_ids_below_zero_are_a_half_of_their_own() -> None:
    assert pieces(halved(bucket([-1, 0, 5, 9]))) == {-1: [-1], 0: [0, 5, 9]}


def refusing(faults: set[int]) -> Any:
    """Cosmos that refuses documents with one of these readings; what it has, by id."""
    held: dict[str, dict[str, Any]] = {}

    def write(make: Any) -> Written:
        refused = []
        for item in (item for group in make() for item in group.items):
            if faults & {reading["rowId"] for reading in document.unpack(item)}:
                refused.append(Refusal(item["id"], 400, "no"))
            else:
                held[item["id"]] = item
        return Written(1, refused=refused)

    return write, held


def readings(count: int, first: int = 1, **more: Any) -> pl.DataFrame:
    rows = pl.DataFrame({ROW_ID: range(first, first + count), **more}, schema_overrides={ROW_ID: pl.Int64})
    known = rows.with_columns(
        pl.lit("s").alias(SENSOR_ID),
        pl.lit("2026-11").alias("month"),
        pl.datetime(2026, 11, 22, time_unit="us", time_zone="UTC").alias("observedAt"),
        pl.lit(None, pl.Boolean).alias("timeAmbiguous"),
        pl.lit(None, pl.Boolean).alias("isDuplicate"),
        pl.lit(value=False).alias(IS_ANOMALY),
        pl.lit("as written").alias("sourceTimestamp"),
        pl.lit(None, pl.String).alias("extras"),
        pl.lit(first, pl.Int64).alias(BUCKET),
    )
    return document.identify(known, ORIGIN)


@settings(deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=6), st.sets(st.integers(1, 60), max_size=4))
def test_only_the_readings_at_fault_are_refused_as_a_bucket_grows(counts: list[int], faults: set[int]) -> None:
    """An open bucket is sent as it is again and again: what it left is replaced, never beside what follows."""
    write, held = refusing(faults)
    for count in [*sorted(counts), 60]:
        parts = [(Form(stage="schematized", bucket_rows=60), readings(count))]
        departed = depart(parts, ORIGIN, Privacy(), {}, write)
        assert set(departed.refused[ROW_ID]) == {fault for fault in faults if fault <= count}
        stored = sorted(reading["rowId"] for item in held.values() for reading in document.unpack(item))
        assert stored == [number for number in range(1, count + 1) if number not in faults]
    assert len(held) <= 1 + 7 * len(faults)


@settings(deadline=None)
@given(st.integers(0, 10**6), st.lists(st.integers(1, 64), min_size=1, max_size=4), st.sampled_from([1, -1, -40]))
def test_pieces_of_a_large_bucket_stay_where_they_are_as_it_grows(seed: int, counts: list[int], first: int) -> None:
    dice = random.Random(seed)
    texts = [dice.choice(["", "x", "\u00e9", "\n", '"']) * dice.randrange(300) for _ in range(64)]
    starts: set[int] = set()
    for count in [*sorted(counts), 64]:
        rows = split(readings(count, first, location=texts[:count]), raw=False, most_bytes=4_000)
        found = pieces(rows)
        assert starts <= found.keys()
        starts = set(found)
        for ids in found.values():
            told = [len(json.dumps({"location": texts[number - first]})) for number in ids]
            assert len(ids) == 1 or sum(told) <= 4_000


def test_small_buckets_and_readings_of_their_own_stay() -> None:
    rows = readings(3)
    assert split(rows, raw=False) is rows
    alone = rows.with_columns(pl.lit(None, pl.Int64).alias(BUCKET), pl.lit("x" * MOST_BYTES).alias("location"))
    assert split(alone, raw=False) is alone
    assert split(rows.clear(), raw=False).is_empty()


@pytest.mark.parametrize("text", ["x" * 700_000, "\u00e9" * 120_000, "\n" * 120_000], ids=["plain", "wide", "escaped"])
def test_no_piece_is_larger_than_an_item_may_be(text: str) -> None:
    rows = split(readings(9, location=[text + str(number) for number in range(9)]), raw=False)
    sent = list(document.leaving(rows, ORIGIN, Form(stage="schematized", bucket_rows=9)))
    assert sum(len(group.items) for group in sent) > 1
    for group in sent:
        for item in group.items:
            assert len(json.dumps(item)) < 2 * 1024 * 1024
