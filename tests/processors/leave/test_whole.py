"""The levers in the whole pipeline: what is told of every row of the table, whatever is killed and when."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from processors.model import Documents, Written
from tests.harness import databases, oracle, told
from tests.harness.databases import START
from tests.harness.kinds import BOUNDS, KINDS, Kind, rows_of
from tests.harness.node import Memory, Node

DOORS = {"temperatureC": BOUNDS["temperatureC"], "pressurePa": BOUNDS["pressurePa"]}
BANDS = {name: bound for name, bound in BOUNDS.items() if name not in DOORS}

FORMS: dict[str, dict[str, Any]] = {
    "bands": {"dead_band": BOUNDS},
    "doors": {"swinging_door": BOUNDS},
    "both, in buckets": {"dead_band": BANDS, "swinging_door": DOORS, "bucket_rows": 12},
    "both, rounded": {
        "dead_band": BANDS,
        "swinging_door": DOORS,
        "resolution": {"temperatureC": 0.5, "pressurePa": 70.0, "humidityPct": 3.0, "voltageV": 0.05},
    },
    "both, raw": {"dead_band": BANDS, "swinging_door": DOORS, "stage": "raw"},
}


class Killed(BaseException):
    """The run ends here."""


class Dying(Memory):
    """A sink whose run is killed now and then, with some of the documents written."""

    def __init__(self, dice: random.Random) -> None:
        super().__init__()
        self.dice = dice

    def write(self, container: str, documents: Iterable[Documents]) -> Written:
        def some() -> Iterable[Documents]:
            for group in documents:
                if self.dice.random() < 0.3:
                    raise Killed
                yield group

        return super().write(container, some())


def by_all(root: Path, path: Path) -> Node:
    """A node that sends every reading of a database."""
    node = Node(root)
    databases.copy(path, node.database())
    node.run(page_rows=1_000)
    return node


def left(node: Node) -> list[int]:
    """Row ids that manifests say have left, of the one database."""
    ids = sorted(oracle.row_ids(node.database()))
    found = []
    for path in node.archive.rglob("_manifests/**/*.json"):
        runs = json.loads(path.read_text()).get("left", [])
        found += [row for first, last in runs for row in ids if first <= row <= last]
    return found


def shown_anyway(node: Node) -> dict[str, dict[str, Any]]:
    """Readings that have left for good."""
    return {
        item["id"]: item for item in told.single(node.memory.contents["readings"].values()) if "provisional" not in item
    }


def check(node: Node, every: Node, lines: dict[str, float]) -> None:
    """Every row is told within the bounds, everything else exactly, and no anomaly is lost."""
    facts = oracle.table(node.database())
    items = node.memory.contents["readings"].values()
    worst = told.errors(facts, items, lines)
    assert all(worst[name] <= bound for name, bound in BOUNDS.items()), worst
    if not any(item["stage"] == "raw" for item in items):
        assert told.others(every.memory.contents["readings"].values(), items) == set()
    assert node.memory.contents["anomalies"] == every.memory.contents["anomalies"] != {}
    alarmed = {item["readingId"] for item in node.memory.contents["anomalies"].values()}
    assert alarmed <= shown_anyway(node).keys()


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_row_is_told_within_the_bound(tmp_path: Path, kind: Kind, name: str) -> None:
    node = Node(tmp_path / "node")
    databases.create(node.database(), rows_of(kind, 2_000, seed=1, period_s=30.0))
    form = {"send": "changes", **FORMS[name]}
    node.run(page_rows=700, **form)
    check(node, by_all(tmp_path / "every", node.database()), form.get("swinging_door", {}))
    runs = left(node)
    assert len(runs) == len(set(runs)) < 2_000
    certain = {item["rowId"] for item in shown_anyway(node).values()}
    assert set(runs) <= certain
    if "bucket_rows" not in form:
        assert set(runs) == certain


@pytest.mark.parametrize("name", FORMS)
def test_whatever_is_killed_and_shown(tmp_path: Path, name: str) -> None:
    dice = random.Random(name)
    rows = rows_of("noisy", 400, seed=2, period_s=60.0)
    rows += rows_of("smooth", 400, seed=3, period_s=60.0, start=START + timedelta(days=1))
    form = {"send": "changes", **FORMS[name]}
    whole, parts = Node(tmp_path / "whole"), Node(tmp_path / "parts", memory=Dying(dice))
    databases.create(whole.database(), rows)
    whole.run(page_rows=2_000, **form)
    databases.create(parts.database())
    taken = killed = 0
    while taken < len(rows):
        step = dice.choice([1, 40, 400])
        databases.append(parts.database(), rows[taken : taken + step])
        taken += step
        if dice.random() < 0.2:
            parts.forget()
        shows = taken >= len(rows) or dice.random() < 0.5
        while True:
            try:
                parts.run(page_rows=dice.choice([17, 100, 1_000]), shows=shows, **form)
                break
            except Killed:
                killed += 1
    assert killed > 2
    assert shown_anyway(parts) == shown_anyway(whole)
    assert sorted(left(parts)) == sorted(left(whole))
    every = by_all(tmp_path / "every", parts.database())
    for node in (parts, whole):
        check(node, every, form.get("swinging_door", {}))


def test_anomalies_leave_with_what_was_around_them(tmp_path: Path) -> None:
    node, parts = Node(tmp_path / "node"), Node(tmp_path / "parts")
    for each in (node, parts):
        databases.create(each.database(), rows_of("noisy", 1_200, seed=4, wild_share=0.005))
    node.run(page_rows=3_000, send="anomalies", context_rows=3)
    parts.run(page_rows=61, send="anomalies", context_rows=3)
    every = by_all(tmp_path / "every", node.database())
    of_all = every.memory.contents["readings"]
    alarmed = {item["readingId"] for item in every.memory.contents["anomalies"].values()}
    expected = set()
    for own in told.by_sensor(of_all.values()).values():
        marked = [place for place, item in enumerate(own) if item.get("isAnomaly") or item["id"] in alarmed]
        expected |= {item["id"] for place, item in enumerate(own) if any(abs(place - at) <= 3 for at in marked)}
    assert 10 < len(expected) < 600
    for each in (node, parts):
        assert each.memory.contents["readings"] == {name: of_all[name] for name in expected}
        assert sorted(left(each)) == sorted(item["rowId"] for item in each.memory.contents["readings"].values())
        for container in ("aggregates", "anomalies"):
            assert each.memory.contents[container] == every.memory.contents[container] != {}


def test_a_form_that_changes_loses_nothing(tmp_path: Path) -> None:
    """What should have left in each form is there, and what is told of each stretch is within its bound."""
    node = Node(tmp_path / "node")
    databases.create(node.database())
    forms: list[dict[str, Any]] = [
        {},
        {"send": "changes", "dead_band": BANDS, "swinging_door": DOORS},
        {"send": "changes", "dead_band": BANDS, "swinging_door": DOORS, "bucket_rows": 30},
        {"send": "anomalies", "context_rows": 2},
        {"send": "changes", "dead_band": BANDS, "swinging_door": DOORS},
        {"bucket_rows": 30},
        {},
    ]
    ends = []
    for number, form in enumerate(forms):
        start = START + timedelta(hours=number * 2)
        databases.append(node.database(), rows_of("smooth", 500, seed=number, start=start, period_s=10.0))
        node.run(page_rows=170, **form)
        ends.append(max(oracle.row_ids(node.database())))
    every = by_all(tmp_path / "every", node.database()).memory
    facts = oracle.table(node.database())
    items = told.single(node.memory.contents["readings"].values())
    assert node.memory.contents["anomalies"] == every.contents["anomalies"] != {}
    begin = 0
    for form, end in zip(forms, ends, strict=True):
        rows = {fact for fact in facts if begin < fact[1] <= end}
        here = [item for item in items if begin < item["rowId"] <= end]
        whole = [item for item in every.contents["readings"].values() if begin < item["rowId"] <= end]
        if form.get("send") == "changes":
            worst = told.errors(rows, here, DOORS)
            assert all(worst[name] <= bound for name, bound in BOUNDS.items()), worst
            assert told.others(whole, here) == set()
        elif form.get("send") == "anomalies":
            assert {item["rowId"] for item in whole if item.get("isAnomaly")} <= {item["rowId"] for item in here}
            assert 0 < len(here) < 400
        else:
            assert {item["rowId"] for item in here} == {fact[1] for fact in rows}
        begin = end


def test_a_reading_that_is_not_certain_to_leave_parts_no_bucket(tmp_path: Path) -> None:
    """With it the open bucket is too large for one document. Parted, it would leave a half behind that has others."""
    node = Node(tmp_path)
    rows = databases.readings(7)
    usual = {"temperature": 20.0, "humidity": 45.0, "pressure": 101_300.0, "vibration": 1.0, "voltage": 12.0}
    for row in rows:
        row.update(usual, location="x" * 500_000)
    rows[0]["timestamp"] = "yesterday"
    rows[2]["pressure"], rows[6]["temperature"] = 101_400.0, 30.0
    bounds = {"dead_band": {"pressurePa": 50.0}, "swinging_door": {"temperatureC": 0.5}}
    databases.create(node.database())
    seen: list[set[int]] = []
    for row in rows:
        databases.append(node.database(), [row])
        node.run(send="changes", bucket_rows=9, **bounds)
        seen.append({item["rowId"] for item in oracle.joined(node.memory.contents["readings"].values()).values()})
    assert seen == [set(), {2}, {2, 3}, {2, 3, 4}, {2, 3, 4}, {2, 3, 4}, {2, 3, 4, 6, 7}]
