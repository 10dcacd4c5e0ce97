"""Whatever the forms of runs are and whatever is done to a few documents: that is found, and nothing else."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest

from processors.cosmos import Account
from tests.harness import databases
from tests.harness.databases import START, readings
from tests.harness.node import Node
from tests.harness.verified import Item, checked, delete, ids, ingest, items, named, names, put, without

WIDE = {"temperatureC": 100.0, "humidityPct": 50.0, "pressurePa": 1e4, "vibrationMmS": 9.0, "voltageV": 9.0}

FORMS: list[dict[str, Any]] = [
    {},
    {"stage": "raw"},
    {"stage": "aggregated"},
    {"bucket_rows": 4},
    {"bucket_rows": 25},
    {"bucket_rows": 25, "bucket_seconds": 60},
    {"bucket_rows": 9, "descriptions": "once"},
    {"descriptions": "once", "resolution": {"humidityPct": 0.5}},
    {"bucket_rows": 12, "stage": "raw"},
    {"send": "changes", "dead_band": WIDE},
    {"send": "changes", "swinging_door": WIDE, "bucket_rows": 6},
    {"send": "anomalies", "context_rows": 2},
    {"send": "anomalies", "context_rows": 3, "bucket_rows": 5, "descriptions": "once"},
]

Expected = set[tuple[str, str]]


def gone(item: Item, account: Account, _dice: random.Random) -> Expected:
    delete(account, item)
    return {("missing", name) for name in names(item)}


def changed(item: Item, account: Account, dice: random.Random) -> Expected:
    put(account, item | {"comment": dice.random()})
    return {("differing", name) for name in names(item)}


def alien(item: Item, account: Account, dice: random.Random) -> Expected:
    row_id = dice.randint(10_000, 99_999)
    prefix = item["id"].split("-")[0]
    single = {name: value for name, value in item.items() if name not in ("kind", "columns", "count", "lastObservedAt")}
    put(account, single | {"id": f"{prefix}-{row_id}", "rowId": row_id})
    return {("extra", f"{prefix}-{row_id}")}


def doubled(item: Item, account: Account, dice: random.Random) -> Expected:
    prefix = item["id"].split("-")[0]
    if item.get("kind") == "bucket":
        put(account, item | {"id": f"{prefix}-b{dice.randint(10_000, 99_999)}"})
    else:
        times = {"observedAt": item["observedAt"], "lastObservedAt": item["observedAt"]}
        head = {name: item[name] for name in ("city", "sensorId", "month", "generation", "stage")} | times
        columns = {"rowId": [item["rowId"]], "offsetUs": [0]}
        bucket = {"id": f"{prefix}-b{item['rowId']}", "kind": "bucket", "count": 1, "columns": columns}
        put(account, head | bucket)
    return {("extra", name) for name in names(item)}


def shortened(item: Item, account: Account, dice: random.Random) -> Expected:
    found = ids(item)
    if len(found) < 3:
        return gone(item, account, dice)
    times = item["columns"]["offsetUs"]
    inner = [place for place in range(1, len(found)) if min(times) < times[place] < max(times)]
    place = dice.choice(inner)
    columns = item["columns"]
    nested = {name: values for name, values in columns.items() if isinstance(values, dict)}
    flat = without(item | {"columns": {name: columns[name] for name in columns.keys() - nested.keys()}}, place)
    flat["columns"] |= {
        name: {part: [*values[:place], *values[place + 1 :]] for part, values in inside.items()}
        for name, inside in nested.items()
    }
    put(account, flat)
    return {("missing", f"{item['id'].split('-')[0]}-{found[place]}")}


def pruned(item: Item, account: Account, dice: random.Random) -> Expected:
    """A description goes, or a reading does."""
    if item.get("kind") != "description":
        return gone(item, account, dice)
    delete(account, item)
    return {("missing", item["id"])}


ACTS = [gone, changed, alien, doubled, shortened]


@pytest.mark.parametrize("number", range(12))
def test_what_was_done_is_found_and_nothing_else(node: Node, account: Account, number: int) -> None:
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed} ({number})")  # noqa: T201 - pytest shows it when the test fails
    dice = random.Random(seed)
    last = START
    for run in range(dice.randint(1, 4)):
        rows = readings(
            dice.randint(1, 70),
            seed=dice.getrandbits(16),
            start=last + timedelta(seconds=dice.choice([7, 3_600, 86_400 * 11])),
            step_s=dice.choice([0.5, 7, 900]),
            sensors=("s1", "s2", "s1")[: dice.randint(1, 3)],
            location=dice.choice(["Denver", "Boston"]),
            serial_number=dice.choice(["", None, "ü-7"]),
        )
        last = START + timedelta(days=20 * (run + 1))
        if run == 0:
            databases.create(node.database(), rows)
        else:
            databases.append(node.database(), rows)
        ingest(node, account, page_rows=dice.choice([7, 20, 200]), **dice.choice(FORMS))
        if dice.random() < 0.2:
            node.forget()
    size = dice.choice([5, 20, 500])
    before = checked(node, account, page_rows=size)
    assert (before.errors, named(node)) == ([], set())
    found = items(account)
    expected: Expected = set()
    for item in dice.sample(found, min(len(found), dice.randint(1, 4))):
        act = pruned if item.get("kind") == "description" else dice.choice(ACTS)
        expected |= act(item, account, dice)
    report = checked(node, account, page_rows=size)
    assert report.errors == []
    assert named(node) == expected
    counts = report.counts
    missing = sum(kind == "missing" and "-d" not in name for kind, name in expected)
    stored = counts.readings + counts.held + counts.leftOut + counts.rejects + counts.aggregated
    assert counts.rows == stored + missing
