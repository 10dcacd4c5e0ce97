"""What goes in comes out, once: readings, windows, anomalies, archive; whatever the pages and the runs."""

from __future__ import annotations

import random
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from statistics import mean

import pytest

from processors.cosmos import Account
from tests.harness import databases, oracle, processor
from tests.harness.databases import PLAIN, START, readings
from tests.harness.node import Node


def fill(node: Node) -> int:
    """Three databases; two bad rows. Rows in all."""
    mixed = readings(90, sensors=("a", "b", "c"))
    mixed[10]["timestamp"] = "yesterday"
    mixed[40]["temperature"] = "broken"
    databases.create(node.database("one"), mixed)
    databases.create(node.database("two"), readings(45, seed=2), id_column=PLAIN)
    databases.create(node.database("three"), readings(1, seed=3))
    return 136


def by_id(node: Node) -> dict[str, set[int]]:
    """Row ids that have a document or a reject, by generation."""
    found: dict[str, set[int]] = {}
    for item in [*node.memory.contents["readings"].values(), *oracle.rejects(node.archive)]:
        assert item["rowId"] not in found.setdefault(item["generation"], set())
        found[item["generation"]].add(item["rowId"])
    return found


def test_every_row_is_a_document_or_a_reject(node: Node) -> None:
    rows = fill(node)
    taken = node.run()
    assert (taken.rows, taken.readings, taken.rejected) == (rows, rows - 2, 2)
    assert sorted(map(len, by_id(node).values())) == [1, 45, 90]
    assert {tuple(reject["rules"]) for reject in oracle.rejects(node.archive)} == {
        ("timestamp_readable",),
        ("temperature_is_a_number",),
    }
    assert set(oracle.table(node.database("two"))) < node.facts()


@pytest.mark.parametrize(("written", "taken"), [(3, 56), (40, 60)], ids=["slower than the run", "faster"])
def test_a_run_ends_although_its_sensor_goes_on_writing(node: Node, written: int, taken: int) -> None:
    databases.create(node.database(), readings(50))
    batches = 0

    def write() -> None:
        nonlocal batches
        batches += 1
        assert batches < 10, "the run follows its writer for ever"
        databases.append(node.database(), readings(written, seed=batches, start=START + timedelta(hours=batches)))

    assert node.run(after_batch=write).rows == taken
    node.run()
    assert len(node.facts()) == 50 + batches * written


def test_a_second_run_writes_nothing(node: Node) -> None:
    fill(node)
    node.run()
    before, writes = deepcopy(node.everything()), node.memory.writes.copy()
    assert node.run().rows == 0
    assert (node.everything(), node.memory.writes) == (before, writes)


@pytest.mark.parametrize("page_rows", [20, 10])
def test_without_its_checkpoint_a_run_writes_nothing_and_goes_on(node: Node, page_rows: int) -> None:
    fill(node)
    node.run()
    before, writes = deepcopy(node.everything()), node.memory.writes.copy()
    node.forget()
    assert node.run(page_rows=page_rows).rows == 0
    assert (node.everything(), node.memory.writes) == (before, writes)

    whole = Node(node.root / "whole")
    more = readings(30, seed=4, sensors=("a", "b", "c"), start=START + timedelta(seconds=7 * 90))
    fill(whole)
    for each in (node, whole):
        databases.append(each.database("one"), more)
    whole.run()
    node.run()
    assert node.everything()[:2] == whole.everything()[:2]


@pytest.mark.parametrize("seed", range(2))
def test_any_pages_and_any_runs_give_the_same(tmp_path: Path, seed: int) -> None:
    """Also when the checkpoint is lost between two runs."""
    dice = random.Random(seed)
    rows = readings(400, seed=seed, step_s=2.5, sensors=("a", "b"))
    for _ in range(12):
        early, late = dice.randrange(len(rows)), dice.randrange(len(rows))
        rows.insert(late, rows.pop(early))
    rows.insert(100, {**rows[100]})
    for row in rows[:50]:
        row["voltage"] = 3.3
    for row in rows[:300]:
        row["temperature"] = min(row["temperature"], 30.0)
    whole, parts = Node(tmp_path / "whole"), Node(tmp_path / "parts")
    databases.create(whole.database(), rows)
    whole.run(page_rows=1000, thresholds={"stuck": 20.0})
    databases.create(parts.database())
    taken = 0
    while taken < len(rows):
        step = dice.choice([1, 40, 120])
        databases.append(parts.database(), rows[taken : taken + step])
        taken += step
        if dice.random() < 0.3:
            parts.forget()
        parts.run(page_rows=dice.choice([7, 25, 64]), thresholds={"stuck": 20.0})
    assert parts.memory.contents == whole.memory.contents
    assert oracle.archived(parts.archive) == oracle.archived(whole.archive)
    kinds = {item["kind"] for item in whole.memory.contents["anomalies"].values()}
    assert {"limit", "stuck"} <= kinds


def test_windows_hold_what_the_rows_say(node: Node) -> None:
    databases.create(node.database(), readings(120, sensors=("a", "b")))
    node.run()
    expected = oracle.windows(node.facts())
    found = node.memory.contents["aggregates"].values()
    assert len(found) >= len(expected) - 4
    for item in found:
        start = START.fromisoformat(item["windowStart"]).timestamp()
        values = expected[item["sensorId"], int(start)]
        told = item["temperatureC"]
        assert (item["count"], told["min"], told["max"], told["last"]) == (
            len(values), min(values), max(values), values[-1],
        )  # fmt: skip
        assert told["mean"] == pytest.approx(mean(values), abs=1e-6)


def test_a_late_row_replaces_the_document_of_its_window(node: Node) -> None:
    databases.create(node.database(), readings(60, step_s=10))
    node.run()
    before = deepcopy(node.memory.contents["aggregates"])
    first = min(before.values(), key=lambda item: item["windowStart"])
    late = {**readings(1)[0], "timestamp": (START + timedelta(seconds=5)).isoformat(), "temperature": -30.0}
    databases.append(node.database(), [late])
    node.run()
    after = node.memory.contents["aggregates"]
    assert after.keys() == before.keys()
    assert [name for name in after if after[name] != before[name]] == [first["id"]]
    assert after[first["id"]]["count"] == first["count"] + 1
    assert after[first["id"]]["temperatureC"]["min"] == -30.0
    assert after[first["id"]]["temperatureC"]["last"] == first["temperatureC"]["last"]


def test_one_row_in_the_far_future_closes_no_window(node: Node) -> None:
    rows = readings(60, step_s=10, sensors=("a", "b"))
    databases.create(node.database(), rows)
    node.run()
    before = deepcopy(node.memory.contents["aggregates"])
    future = [{**rows[0], "sensor_id": name, "timestamp": "2071-01-01T00:00:00Z"} for name in ("a", "b")]
    databases.append(node.database(), future)
    node.run()
    assert node.memory.contents["aggregates"] == before
    more = readings(60, seed=5, step_s=10, sensors=("a", "b"), start=START + timedelta(seconds=600))
    databases.append(node.database(), more)
    node.run()
    starts = sorted(item["windowStart"] for item in node.memory.contents["aggregates"].values())
    assert len(starts) > len(before)
    assert starts[-1] < "2026-11-22T04:20"


def test_what_each_stage_holds(node: Node) -> None:
    rows = readings(40, note="keep me")
    columns = databases.UPSTREAM + ", note TEXT"
    databases.create(node.database(), rows, columns=columns)
    held = {}
    for stage in ("raw", "schematized", "sanitized", "aggregated"):
        other = Node(node.root / stage)
        databases.copy(node.database(), other.database())
        other.run(stage=stage, drop_fields=("firmwareVersion",), hash_fields=("location",), hash_key="k")
        held[stage] = other.memory.contents
        assert oracle.once(oracle.archived(other.archive)) == set(oracle.table(node.database()))
    assert not held["aggregated"]["readings"]
    first = {stage: held[stage]["readings"] for stage in ("raw", "schematized", "sanitized")}
    assert first["raw"].keys() == first["schematized"].keys() == first["sanitized"].keys()
    name = next(name for name, item in first["raw"].items() if item["rowId"] == 1)
    source = first["raw"][name]["source"]
    assert {key: source[key] for key in rows[0] if rows[0][key] is not None and key != "note"}.items() <= {
        **rows[0]
    }.items()
    assert "keep me" in str(source)
    assert first["schematized"][name]["latitude"] == 39.739236
    assert first["schematized"][name]["firmwareVersion"] == "1.4"
    assert first["schematized"][name]["location"] == "Denver"
    clean = first["sanitized"][name]
    assert clean["latitude"] == 39.74
    assert "firmwareVersion" not in clean
    assert clean["location"] != "Denver"
    assert clean["model"] == "EnvMonitor"
    for stage in ("schematized", "sanitized", "aggregated"):
        for container in ("aggregates", "anomalies"):
            assert held[stage][container] == held["raw"][container]


def test_changing_the_stage_between_runs_loses_nothing(node: Node) -> None:
    rows = readings(80)
    databases.create(node.database(), [])
    ids = []
    for number, stage in enumerate(("sanitized", "raw", "schematized", "sanitized")):
        databases.append(node.database(), rows[20 * number : 20 * number + 20])
        node.run(stage=stage)
        ids.append({item["rowId"] for item in node.memory.contents["readings"].values() if item["stage"] == stage})
    assert set().union(*ids) == oracle.row_ids(node.database())
    whole = Node(node.root / "whole")
    databases.copy(node.database(), whole.database())
    whole.run()
    for container in ("aggregates", "anomalies"):
        assert node.memory.contents[container] == whole.memory.contents[container]
    assert oracle.archived(node.archive) == oracle.archived(whole.archive)


def test_a_page_of_bad_rows_moves_on(node: Node) -> None:
    bad = [{**row, "timestamp": "x"} for row in readings(40)]
    databases.create(node.database(), [*bad, *readings(10)])
    taken = node.run()
    assert (taken.rows, taken.rejected, taken.readings) == (50, 40, 10)
    node.forget()
    assert node.run().rows == 0
    assert len(node.facts()) == 10


def test_a_plain_client_reads_what_the_processor_wrote(node: Node, account: Account) -> None:
    """A process of its own, the real sink, and a client that shares no code with it."""
    rows = fill(node)
    first = processor.run(node, account)
    assert first.code == 0, first.errors
    told = first.reports[0]
    assert (told["rowsRead"], told["rejects"], told["documents"]["readings"]) == (rows, 2, rows - 2)
    stored = oracle.documents(account, "readings")
    assert oracle.once(oracle.stated(stored.values())) == oracle.once(oracle.archived(node.archive))
    memory = Node(node.root, memory=node.memory)
    memory.root = node.root / "memory"
    fill(memory)
    memory.run()
    for container, expected in memory.memory.contents.items():
        assert oracle.documents(account, container) == expected
    second = processor.run(node, account)
    assert second.code == 0
    assert second.reports[0]["documents"] == {"readings": 0, "aggregates": 0, "anomalies": 0}
    runs = oracle.documents(account, "runs")
    assert sorted(item["rowsRead"] for item in runs.values()) == [0, rows]
