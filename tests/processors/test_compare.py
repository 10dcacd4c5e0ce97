"""Sensors with databases of their own, compared at the end of a pass."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from processors import compare
from processors.checkpoint import Checkpoint, open_checkpoint
from processors.city import Silent, World, passes
from processors.containers import making
from processors.cosmos import Account
from processors.detect.thresholds import DEFAULT_THRESHOLDS
from processors.document import Origin
from processors.errors import CheckpointError
from tests.harness import databases, oracle
from tests.harness.databases import Row
from tests.harness.node import Node
from tests.harness.town import BEGIN, weather

HOT = range(300, 330)

PAGE_ROWS = 250
"""Two pages of each sensor."""

QUIET = dict.fromkeys(DEFAULT_THRESHOLDS.keys() - {"sensor", "environment"}, 1e9)
"""What each sensor's own detectors find is not the matter here."""


def rows(city: np.ndarray[Any, Any], sensor: int, minutes: Iterable[int]) -> list[Row]:
    """A reading a minute of one sensor of `weather`."""
    return [
        {
            "timestamp": (BEGIN + timedelta(minutes=number, seconds=7 * sensor)).isoformat(timespec="milliseconds"),
            "sensor_id": f"s{sensor}",
            "temperature": round(float(city[sensor, number]), 3),
        }
        for number in minutes
    ]


@pytest.fixture(scope="module")
def town() -> np.ndarray[Any, Any]:
    """Seven hours of four sensors, of which one is hot for half an hour."""
    city = weather(420, 4)
    city[2, HOT.start : HOT.stop] += 3
    city.flags.writeable = False
    return city


def fill(node: Node, city: np.ndarray[Any, Any], minutes: Iterable[int]) -> None:
    for sensor in range(len(city)):
        path = node.database(f"s{sensor}")
        if not path.exists():
            databases.create(path)
        databases.append(path, rows(city, sensor, minutes))


def told(account: Account) -> dict[str, dict[str, Any]]:
    """Documents of comparisons."""
    found = oracle.documents(account, "anomalies")
    return {name: item for name, item in found.items() if item["generation"] == compare.OWNER}


def ingest(node: Node, account: Account, **more: Any) -> list[int]:
    """Exit code and anomalies of a pass."""
    chosen = node.settings(account, **{"page_rows": PAGE_ROWS, "thresholds": QUIET, **more})
    (report,) = passes(chosen, World(), Silent())
    return [report.exit_code, report.taken.anomalies]


@dataclass(frozen=True)
class Whole:
    """What one pass over the town gave; `node` is to be copied, its documents are in a database of their own."""

    node: Node
    said: list[int]
    told: dict[str, dict[str, Any]]

    def copy(self, root: Path) -> Node:
        shutil.copytree(self.node.root, root, dirs_exist_ok=True)
        return Node(root, self.node.city)


@pytest.fixture(scope="module")
def whole(town: np.ndarray[Any, Any], emulator: str, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    account = Account(emulator, "", f"test-{uuid.uuid4().hex[:12]}")
    making.create(account)
    node = Node(tmp_path_factory.mktemp("whole"))
    fill(node, town, range(420))
    said = ingest(node, account)
    return Whole(node, said, told(account))


def test_a_hot_sensor_is_told_once_by_the_pass(account: Account, whole: Whole, tmp_path: Path) -> None:
    assert whole.said == [0, 1]
    (one,) = whole.told.values()
    at = BEGIN + timedelta(minutes=HOT.start + 4)
    assert {name: one[name] for name in ("sensorId", "measure", "kind", "observedAt", "month", "sensors")} == {
        "sensorId": "s2",
        "measure": "temperatureC",
        "kind": "sensor",
        "observedAt": at.strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
        "month": "2026-06",
        "sensors": {"moved": 1, "of": 4},
    }
    assert one["id"] == f"{Origin('denver', compare.OWNER).prefix('s2')}-w{at.timestamp():.0f}-temperatureC-sensor"
    assert one["explanation"].startswith("temperature of s2 is ")
    assert ingest(whole.copy(tmp_path), account) == [0, 0]


def test_many_passes_tell_what_one_does(node: Node, account: Account, town: np.ndarray[Any, Any], whole: Whole) -> None:
    for begin, end in ((0, 100), (100, 301), (301, 303), (303, 304), (304, 330), (330, 420)):
        fill(node, town, range(begin, end))
        ingest(node, account)
    assert told(account) == whole.told


def test_sensors_of_one_table_are_compared_too(node: Node, account: Account, town: np.ndarray[Any, Any]) -> None:
    both = sorted((row for n in (0, 1) for row in rows(town, n, range(420))), key=lambda row: str(row["timestamp"]))
    databases.create(node.database("table"), both)
    rest = sorted((row for n in (2, 3) for row in rows(town, n, range(420))), key=lambda row: str(row["timestamp"]))
    databases.create(node.database("another"), rest)
    assert ingest(node, account) == [0, 1]
    assert [item["sensorId"] for item in told(account).values()] == ["s2"]


def test_all_hot_are_the_environment(node: Node, account: Account) -> None:
    day = 1_440
    city = weather(5 * day, 3)
    city[:, 4 * day + 600 :] += 9
    fill(node, city, range(4 * day + 700))
    ingest(node, account, page_rows=10_000)
    (one,) = told(account).values()
    assert (one["sensorId"], one["kind"], one["sensors"]) == ("*", "environment", {"moved": 3, "of": 3})


def test_a_lost_checkpoint_is_made_again_with_the_same_documents(
    account: Account, whole: Whole, tmp_path: Path
) -> None:
    node = whole.copy(tmp_path)
    node.forget()
    assert ingest(node, account) == [0, 1]
    assert told(account) == whole.told


def test_nothing_is_compared_when_the_budget_is_used_up(
    node: Node, account: Account, town: np.ndarray[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(node, town, range(420))
    with monkeypatch.context() as patch:
        patch.setattr("processors.city.compare", lambda *_: None)
        assert ingest(node, account) == [0, 0]
    with monkeypatch.context() as patch:
        patch.setattr("processors.budget.Purse.left", 0.0)
        assert ingest(node, account) == [0, 0]
    assert ingest(node, account) == [0, 1]


def test_a_run_that_ends_between_sink_and_checkpoint_repeats_itself(
    node: Node, account: Account, town: np.ndarray[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(node, town, range(420))

    keep = Checkpoint.keep

    def fail(checkpoint: Checkpoint, owner: str, frames: Mapping[str, pl.DataFrame]) -> None:
        if owner == compare.OWNER:
            raise CheckpointError("keep", "it", hint="try again")
        keep(checkpoint, owner, frames)

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "keep", fail)
        assert ingest(node, account) == [1, 1]
    first = told(account)
    assert len(first) == 1
    assert ingest(node, account) == [0, 1]
    assert told(account) == first


def test_a_damaged_window_is_not_compared(node: Node, account: Account, town: np.ndarray[Any, Any]) -> None:
    fill(node, town, range(60))
    ingest(node, account)
    databases.execute(node.checkpoint, 'UPDATE window SET "temperatureC.sum" = "temperatureC.sum" || \'0\'')
    with open_checkpoint(node.state, node.city) as checkpoint:
        (life,) = checkpoint.branches("s1")
        span = pl.DataFrame({"generation": [life.generation], "sensorId": ["s1"], "first": [BEGIN], "last": [BEGIN]})
        assert checkpoint.first_start(span) == BEGIN
        with pytest.raises(CheckpointError, match="not as it was written"):
            checkpoint.sums(span)


def test_memory_is_bounded_by_slices_that_change_nothing(
    node: Node, account: Account, town: np.ndarray[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(node, town, range(420))
    most = []
    read = Checkpoint.sums

    def counted(checkpoint: Checkpoint, spans: pl.DataFrame) -> pl.DataFrame:
        found = read(checkpoint, spans)
        most.append(len(found))
        return found

    minutes = 19  # one of the slices ends in the first five minutes of heat
    assert HOT.start < 16 * minutes < HOT.start + 5
    monkeypatch.setattr(compare, "SLICE_WINDOWS", 4 * minutes)
    monkeypatch.setattr(Checkpoint, "sums", counted)
    assert ingest(node, account) == [0, 1]
    assert max(most) == 4 * minutes
    assert sum(most) == 4 * 417


def test_a_stop_keeps_what_was_judged(
    node: Node, account: Account, town: np.ndarray[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(node, town, range(420))
    world = World()
    read = Checkpoint.sums

    def stopping(checkpoint: Checkpoint, spans: pl.DataFrame) -> pl.DataFrame:
        world.stop.set()
        return read(checkpoint, spans)

    with monkeypatch.context() as patch:
        patch.setattr(compare, "SLICE_WINDOWS", 4)
        patch.setattr(Checkpoint, "sums", stopping)
        (report,) = passes(node.settings(account, page_rows=PAGE_ROWS), world, Silent())
        assert report.outcome == "interrupted"
    assert position(node) == BEGIN + timedelta(minutes=1)
    assert ingest(node, account) == [0, 1]


def position(node: Node) -> datetime | None:
    with open_checkpoint(node.state, node.city) as checkpoint:
        place = checkpoint.carried(compare.OWNER).get("position")
        return None if place is None else place.item()


def test_two_sensors_cost_nothing(node: Node, account: Account, town: np.ndarray[Any, Any]) -> None:
    fill(node, town[:2], range(60))
    ingest(node, account)
    assert position(node) is None


@pytest.mark.parametrize(("minutes", "judged"), [(370, 367), (340, 417)])
def test_a_silent_sensor_is_waited_for_an_hour(
    node: Node, account: Account, town: np.ndarray[Any, Any], minutes: int, judged: int
) -> None:
    fill(node, town[:3], range(420))
    databases.create(node.database("s3"), rows(town, 3, range(minutes)))
    ingest(node, account)
    assert position(node) == BEGIN + timedelta(minutes=judged)


def test_a_database_that_is_behind_is_waited_for(node: Node, account: Account, town: np.ndarray[Any, Any]) -> None:
    """A pass that is cut short after a round: of the last one, which writes more, it has taken in 50 minutes."""
    fill(node, town[:3], range(420))
    databases.create(node.database("s3"), [row for row in rows(town, 3, range(420)) for _ in range(3)])
    world = World(clock=iter(range(0, 1_000_000, 100)).__next__)
    reports = passes(node.settings(account, page_rows=150, every=10), world, Silent())
    assert next(reports).backlog_rows == 3 * 270 + 1_110
    assert position(node) == BEGIN + timedelta(minutes=49)
    world.stop.set()
    assert list(reports) == []


def test_what_was_learned_by_another_version_is_learned_anew(account: Account, whole: Whole, tmp_path: Path) -> None:
    node = whole.copy(tmp_path)
    with open_checkpoint(node.state, node.city) as checkpoint:
        frames = checkpoint.carried(compare.OWNER)
        checkpoint.keep(compare.OWNER, {f"{name}0": frame for name, frame in frames.items()})
    (report,) = passes(node.settings(account), World(), Silent())
    assert [notice for notice in report.taken.notices if "learned anew" in notice]
    assert told(account) == whole.told
    assert ingest(node, account) == [0, 0]
