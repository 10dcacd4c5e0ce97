"""What a run that was killed has sent, and what waits, when the settings have changed before the next run."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from processors.archive import Archive
from processors.checkpoint import VERSION
from processors.form import Form, form_of
from processors.settings import Settings
from tests.harness import databases, oracle
from tests.harness.databases import START, readings
from tests.harness.node import Memory, Node

AROUND: dict[str, Any] = {"send": "anomalies", "context_rows": 3, "bucket_rows": 5, "page_rows": 200}
BLIND: dict[str, Any] = {
    "thresholds": {"spike": 1e9, "drift": 1e9, "stuck": 1e9},
    "limits": {"temperatureC": (-1e6, 1e6)},
}
"""Settings with which nothing of these rows is an anomaly any more."""


class Killed(BaseException):
    """The run ends here."""


def arrived(node: Node) -> Counter[int]:
    """Row id -> documents that have the reading."""
    items = node.memory.contents["readings"].values()
    return Counter(reading["rowId"] for item in items for reading in oracle.unpacked(item))


def alarmed(node: Node) -> set[int]:
    return {item["rowId"] for item in node.memory.contents["anomalies"].values()}


@pytest.fixture
def killed_before_archive(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object], int], None]:
    def run(call: Callable[[], object], nth: int) -> None:
        write, calls = Archive.write, iter(range(1, 1_000))

        def die(*given: Any, **named: Any) -> None:
            if next(calls) == nth:
                raise Killed
            write(*given, **named)

        with monkeypatch.context() as patch:
            patch.setattr(Archive, "write", die)
            with pytest.raises(Killed):
                call()

    return run


def test_what_was_sent_is_judged_again_as_it_was(
    node: Node, killed_before_archive: Callable[[Callable[[], object], int], None]
) -> None:
    databases.create(node.database(), readings(400))
    killed_before_archive(lambda: node.run(**AROUND), 2)
    assert len(arrived(node)) > 0
    node.run(**AROUND, **BLIND)
    assert set(arrived(node).values()) == {1}
    assert alarmed(node) <= arrived(node).keys()


def test_what_waits_is_judged_from_the_archive_as_it_was(node: Node) -> None:
    databases.create(node.database(), readings(400))
    node.run(**{**AROUND, "context_rows": 0, "bucket_rows": 50}, shows=False)
    assert alarmed(node) - arrived(node).keys(), "nothing waits"
    node.forget()
    databases.append(node.database(), readings(400, seed=2, start=START + timedelta(days=1)))
    node.run(**{**AROUND, "context_rows": 0, "bucket_rows": 50}, **BLIND)
    assert alarmed(node) <= arrived(node).keys()
    assert set(arrived(node).values()) == {1}


def test_what_a_version_without_forms_has_sent_stays_as_it_is(
    node: Node, killed_before_archive: Callable[[Callable[[], object], int], None]
) -> None:
    databases.create(node.database(), readings(100))
    killed_before_archive(node.run, 3)
    databases.execute(node.checkpoint, "DELETE FROM carried WHERE generation LIKE '%/intended'")
    node.run(bucket_rows=30)
    assert arrived(node) == dict.fromkeys(range(1, 101), 1)


def test_a_checkpoint_in_which_readings_wait_is_not_for_versions_that_would_drop_them(node: Node) -> None:
    databases.create(node.database(), readings(10))
    node.run(bucket_rows=30, shows=False)
    with closing(sqlite3.connect(node.checkpoint)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,) == (3,)


def test_a_checkpoint_of_the_version_before_is_gone_on_with(node: Node) -> None:
    databases.create(node.database(), readings(40))
    node.run()
    databases.execute(node.checkpoint, "PRAGMA user_version = 2")
    databases.append(node.database(), readings(20, seed=2, start=START + timedelta(days=1)))
    assert node.run().rows == 20
    assert not list(node.checkpoint.parent.glob("*damaged*"))


def test_what_a_sensor_is_is_said_again_where_it_was_not_said(node: Node) -> None:
    rows = readings(60)
    databases.create(node.database(), rows[:40])
    node.run(descriptions="once")
    node.memory = Memory()
    databases.append(node.database(), rows[40:])
    node.run(descriptions="once", endpoint="https://another.documents.azure.com")
    items = node.memory.contents["readings"]
    named = {item["described"] for item in items.values() if "described" in item}
    said = {name.rpartition("-d")[2] for name, item in items.items() if item.get("kind") == "description"}
    assert named == said


def test_what_a_sensor_is_is_said_each_day(node: Node) -> None:
    databases.create(node.database(), readings(20))
    node.run(descriptions="once")
    node.memory.contents["readings"] = {
        name: item for name, item in node.memory.contents["readings"].items() if item.get("kind") != "description"
    }
    databases.append(node.database(), readings(20, seed=2, start=START + timedelta(days=1)))
    node.run(descriptions="once")
    assert any(item.get("kind") == "description" for item in node.memory.contents["readings"].values())


@pytest.mark.parametrize("unknown", [{"send": "some"}, {"descriptions": "never"}, {"stage": "boiled"}, {"more": 1}])
def test_a_form_of_a_later_version_is_not_taken_for_one_of_ours(unknown: dict[str, Any]) -> None:
    assert form_of({"stage": "raw", "send": "changes"}) == Form(stage="raw", send="changes")
    assert form_of({"stage": "raw", **unknown}) is None


def test_a_bucket_is_of_a_year_at_most() -> None:
    assert Settings(bucket_seconds=31_622_400).bucket_seconds == 31_622_400
    with pytest.raises(ValidationError):
        Settings(bucket_seconds=1e300)
