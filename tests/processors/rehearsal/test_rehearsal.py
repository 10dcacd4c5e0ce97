"""What a rehearsal counts is what a run then does, and nothing is left of it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from processors import city, discover, spending
from processors.checkpoint import open_checkpoint
from processors.errors import CheckpointError, CityError, SourceError, Stopped
from processors.form import Form
from processors.model import Documents
from processors.rehearsal import Rehearsal, rehearse, sample
from processors.rehearsal.counting import Counting
from processors.rehearsal.rates import rates
from processors.rounds import Means, show_waiting, take_rounds
from processors.settings import Settings
from processors.tally import Tally
from processors.world import Silent, World
from tests.harness import databases
from tests.harness.databases import START, readings
from tests.harness.node import Node

FORMS: list[dict[str, Any]] = [
    {},
    {"stage": "raw"},
    {"stage": "aggregated"},
    {"bucket_rows": 7},
    {"bucket_rows": 50, "bucket_seconds": 60},
    {"descriptions": "once", "resolution": {"temperatureC": 0.1}},
    {"bucket_rows": 20, "descriptions": "once"},
    {"send": "changes", "dead_band": {"temperatureC": 1.0}, "swinging_door": {"humidityPct": 3.0}},
    {"send": "changes", "swinging_door": {"humidityPct": 3.0, "temperatureC": 2.0}, "bucket_rows": 5},
    {"send": "anomalies", "context_rows": 2},
]


def settings(node: Node, **more: Any) -> Settings:
    chosen = {"page_rows": 40, **more}
    return Settings(city=node.city, data=node.data, state=node.state, archive=node.archive, **chosen)


def contents(root: Path) -> dict[str, tuple[int, bytes | None]]:
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else None) for path in root.rglob("*")
    }


def counts(rehearsal: Rehearsal) -> dict[str, tuple[int, int]]:
    counted = rehearsal.counted
    return {
        name: (counted.documents(name, "insert"), counted.documents(name, "replace"))
        for name in ("readings", "aggregates", "anomalies")
    }


def full_run(node: Node, **more: Any) -> dict[str, tuple[int, int]]:
    """A pass with all that it does, against the node's memory; container -> documents that were new, and others."""
    before = {name: (node.memory.writes[name], len(held)) for name, held in node.memory.contents.items()}
    chosen = settings(node, **more)
    world = World(clock=lambda: 0.0)
    with open_checkpoint(node.state, node.city) as checkpoint:
        tally = Tally(world)
        found = discover.databases(node.data, node.city)
        tally.databases = found
        purse = spending.purse(chosen, checkpoint, tally.meter, world)
        means = Means(chosen, city.recipe(chosen), world, Silent(), checkpoint, node.memory, tally, purse)
        take_rounds(found, means, None)
        show_waiting(node.city, means)
    return {
        name: (len(held) - before[name][1], node.memory.writes[name] - before[name][0] - (len(held) - before[name][1]))
        for name, held in node.memory.contents.items()
    }


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_documents_are_those_of_a_run_pass_by_pass(node: Node, form: Mapping[str, Any]) -> None:
    made = readings(300, sensors=("s1", "s2", "s3"), step_s=9.0)
    late = made[60:90:7] + made[100:110]
    for rows in (made[:100], [*made[110:200], *late], made[200:]):
        if node.database("box").exists():
            databases.append(node.database("box"), rows)
        else:
            databases.create(node.database("box"), rows)
        foretold = rehearse(settings(node, **form), World())
        assert counts(foretold) == full_run(node, **form)
        assert foretold.report.taken.rows == len(rows)


def test_nothing_is_left_of_it(node: Node, tmp_path_factory: pytest.TempPathFactory, monkeypatch: Any) -> None:
    scratch = tmp_path_factory.mktemp("scratch")
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    databases.create(node.database("box"), readings(50))
    node.run(bucket_rows=7)
    databases.append(node.database("box"), readings(50, start=START + timedelta(days=1)))
    before = contents(node.root)
    rehearse(settings(node, bucket_rows=7), World())
    sample(settings(node), World(), [Form(), Form(bucket_rows=9)])
    assert contents(node.root) == before
    assert list(scratch.iterdir()) == []


def test_a_run_may_be_going_on(node: Node) -> None:
    databases.create(node.database("box"), readings(30))
    node.run()
    databases.append(node.database("box"), readings(10, start=START + timedelta(days=1)))
    with open_checkpoint(node.state, node.city):
        assert counts(rehearse(settings(node), World()))["readings"] == (10, 0)


def test_only_what_is_new_is_counted(node: Node) -> None:
    databases.create(node.database("box"), readings(30))
    first = rehearse(settings(node), World())
    node.run()
    second = rehearse(settings(node), World())
    assert (first.report.taken.rows, second.report.taken.rows) == (30, 0)
    assert counts(second)["readings"] == (0, 0)
    assert second.positions == {"box": 30}


def test_what_the_archive_has_is_not_sent_again(node: Node) -> None:
    databases.create(node.database("box"), readings(30))
    node.run()
    node.forget()
    before = contents(node.root)
    foretold = rehearse(settings(node), World())
    assert counts(foretold)["readings"] == (0, 0)
    assert foretold.positions == {"box": 30}
    assert contents(node.root) == before


def test_a_database_that_cannot_be_read_is_told(node: Node) -> None:
    databases.create(node.database("fine"), readings(10))
    node.database("bad").parent.mkdir(parents=True)
    node.database("bad").write_bytes(b"no database at all, and long enough to be read as one" * 40)
    foretold = rehearse(settings(node), World())
    assert foretold.report.exit_code == 5
    assert isinstance(foretold.report.failures["bad"], SourceError)
    assert counts(foretold)["readings"] == (10, 0)
    assert sample(settings(node), World(), [Form()])[0].rows == 10


def test_a_damaged_checkpoint_is_told(node: Node) -> None:
    databases.create(node.database("box"), readings(10))
    node.run()
    node.checkpoint.write_bytes(b"no checkpoint" * 1_000)
    with pytest.raises(CheckpointError, match="positions"):
        rehearse(settings(node), World())


def test_no_such_city(node: Node) -> None:
    databases.create(node.database("box"), readings(10))
    with pytest.raises(CityError):
        rehearse(settings(node).model_copy(update={"city": "nowhere"}), World())


def test_it_can_be_stopped(node: Node) -> None:
    databases.create(node.database("box"), readings(10))
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        rehearse(settings(node), World(stop=stop))


def test_a_budget_does_not_make_the_backlog_smaller(node: Node) -> None:
    databases.create(node.database("box"), readings(60))
    free, bound = (rehearse(settings(node, ru_budget=budget), World()) for budget in ("", "5"))
    assert counts(bound)["readings"] == (60, 0)
    assert bound.counted.steps == free.counted.steps


def test_a_description_that_was_said_for_what_waits_is_said_again(node: Node) -> None:
    form = {"bucket_rows": 30, "descriptions": "once"}
    made = readings(45)
    databases.create(node.database("box"), made[:20])
    full_run(node, **form)
    databases.append(node.database("box"), made[20:])
    foretold = rehearse(settings(node, **form), World())
    assert counts(foretold)["readings"] == (1, 2)  # the next bucket; the one that was shown, and the description
    assert counts(foretold) == full_run(node, **form)


@pytest.mark.parametrize("form", [{"descriptions": "once"}, {"descriptions": "once", "bucket_rows": 30}], ids=str)
def test_a_description_that_was_said_the_day_before_takes_its_own_place(node: Node, form: Mapping[str, Any]) -> None:
    databases.create(node.database("box"), readings(30, sensors=("s1", "s2")))
    full_run(node, **form)
    databases.append(node.database("box"), readings(30, sensors=("s1", "s2"), start=START + timedelta(days=1)))
    foretold = rehearse(settings(node, **form), World())
    assert counts(foretold)["readings"][1] >= 2
    assert counts(foretold) == full_run(node, **form)


def test_requests_partitions_and_sizes(node: Node) -> None:
    databases.create(node.database("box"), readings(250, sensors=("s1", "s2"), step_s=0.5))
    counted = rehearse(settings(node, page_rows=20_000), World()).counted
    assert counted.requests["readings"] == 4
    parts = {key: part.documents for (name, key), part in counted.partitions.items() if name == "readings"}
    assert parts == {("denver", "s1", "2026-11"): 125, ("denver", "s2", "2026-11"): 125}
    assert counted.kept_bytes["readings"] == sum(
        part.bytes for (name, _), part in counted.partitions.items() if name == "readings"
    )
    assert counted.steps[0] == ("readings", 250)


def test_what_is_too_large_or_odd_is_seen() -> None:
    sink = Counting()
    size = 3 * 1024 * 1024
    written = sink.write("c", [Documents(("x" * 2_049, "s"), [{"id": "a/b"}, {"id": "large"}], [50, size])])
    counted = sink.counted()
    assert [refusal.document_id for refusal in written.refused] == ["large"]
    assert (written.documents, counted.documents("c")) == (1, 1)
    assert (counted.largest["c"], counted.odd_ids["c"], counted.long_keys["c"]) == (size, 1, 1)


def test_what_comes_again_or_is_there_already_is_replaced() -> None:
    sink = Counting()

    def write(*ids: str, size: int) -> None:
        sink.write("c", [Documents(("k",), [{"id": each} for each in ids], [size] * len(ids))])

    sink.holds("c", ["there"])
    write("a", "b", "there", size=10)
    sink.holds("c", ["a"])  # told after it came: it is the one that came
    write("b", size=30)
    counted = sink.counted()
    assert (counted.documents("c", "insert"), counted.documents("c", "replace")) == (2, 2)
    assert counted.kept_bytes["c"] == 10 + 30 + 10


def test_a_sample_is_of_the_latest_rows(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("processors.rehearsal.SAMPLE_ROWS", 100)
    monkeypatch.setattr("processors.rehearsal._LEAST_ROWS", 10)
    early = readings(400, sensors=("s1",))
    late = readings(100, sensors=("s2",), start=START + timedelta(days=1))
    databases.create(node.database("box"), [*early, *late])
    (plain, bucketed) = sample(settings(node), World(), [Form(), Form(bucket_rows=60)])
    assert {key[1] for _, key in plain.counted.partitions} == {"s2"}
    assert (plain.rows, plain.counted.documents("readings")) == (100, 100)
    assert (bucketed.rows, bucketed.counted.documents("readings"), bucketed.shown.documents("readings")) == (60, 1, 2)


def test_rates_of_writers_that_go_on_and_that_stopped(node: Node) -> None:
    databases.create(node.database("box"), readings(200, step_s=2.0))
    end = START + timedelta(seconds=400)
    going = rates(settings(node), end)
    assert (going.present, going.stopped) == (pytest.approx(0.5), False)
    gone = rates(settings(node), end + timedelta(days=30))
    assert (gone.present, gone.stopped) == (pytest.approx(0.5), True)
    databases.create(node.database("box"), [])
    assert rates(settings(node), end).present == 0.0
