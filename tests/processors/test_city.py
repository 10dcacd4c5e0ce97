"""Passes over a city: each database with its own outcome, again and again until it is told to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from processors.checkpoint import open_checkpoint
from processors.city import Silent, World, node_name, passes, start_delay_s
from processors.cosmos import Account
from processors.model import Database
from processors.pipeline import Taken
from tests.harness import databases, oracle, processor
from tests.harness.databases import START, readings
from tests.harness.node import Node
from tests.harness.strict import Plan, StrictCosmos


def stored(account: Account, container: str = "readings") -> dict[str, dict[str, object]]:
    return oracle.documents(account, container)


def test_one_bad_database_does_not_stop_the_others(node: Node, account: Account) -> None:
    databases.create(node.database("a"), readings(30))
    node.database("b").parent.mkdir()
    node.database("b").write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    databases.create(node.database("c"), readings(30, seed=2))
    (report,) = passes(node.settings(account), World(), Silent())
    assert (report.exit_code, report.databases, set(report.failures)) == (5, 3, {"b"})
    assert len(stored(account)) == 60
    (run,) = stored(account, "runs").values()
    assert (run["outcome"], run["failedDatabases"], run["rowsRead"]) == ("partial", 1, 60)


def test_what_progress_is_told(node: Node, account: Account) -> None:
    databases.create(node.database("a"), readings(50, step_s=0.1))
    databases.create(node.database("b"), readings(10, step_s=0.1))
    told: list[tuple[str, int]] = []

    class Told(Silent):
        def database(self, database: Database, expected_rows: int) -> None:
            told.append((database.sensor, expected_rows))

        def moving(self) -> None:
            told.append(("moving", 0))

        def batch(self, database: Database, taken: Taken) -> None:
            told.append((f"batch of {database.sensor}", taken.rows))

    list(passes(node.settings(account), World(), Told()))
    databases.append(node.database("a"), readings(5, start=START + timedelta(days=1)))
    list(passes(node.settings(account), World(), Told()))
    moving = ("moving", 0)
    assert [each for each in told if each != moving] == [
        ("a", 50), ("b", 10), ("batch of a", 20), ("batch of b", 10), ("batch of a", 20), ("batch of a", 10),
        ("a", 5), ("b", 0), ("batch of a", 5),
    ]  # fmt: skip
    assert all(told[place - 1] == moving for place, each in enumerate(told) if each[0].startswith("batch"))


def test_passes_go_on_with_what_is_new_until_they_are_stopped(node: Node, account: Account) -> None:
    databases.create(node.database(), readings(20))
    world = World(clock=iter(range(0, 10_000, 100)).__next__)
    rows = []
    for number, report in enumerate(passes(node.settings(account, every=1), world, Silent())):
        rows.append(report.taken.rows)
        databases.append(node.database(), readings(number + 1, start=START + timedelta(days=number + 1)))
        if number == 2:
            world.stop.set()
    assert rows == [20, 1, 2]


class Waits(threading.Event):
    """Is never set, and does not wait."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout)
        return False


def test_a_failure_that_may_pass_does_not_end_the_passes(node: Node, strict: StrictCosmos) -> None:
    """The state is held by another process for some passes; one that only a person can mend ends them."""
    databases.create(node.database(), readings(20))
    waits = Waits()
    world = World(clock=iter(range(0, 10_000, 100)).__next__, stop=waits, jitter=lambda: 1.0)
    reports = passes(node.settings(strict.account, every=30), world, Silent())
    with open_checkpoint(node.state, node.city):
        assert [next(reports).exit_code for _ in range(4)] == [1] * 4
    assert [next(reports).exit_code for _ in range(2)] == [0, 0]
    databases.remove(node.database())
    assert next(reports).exit_code == 2
    assert list(reports) == []
    assert waits.seconds == [0.0, 30.0, 60.0, 120.0, 240.0, 0.0, 0.0]


@pytest.fixture
def held() -> Iterator[threading.Event]:
    """Set to let the first batch request go on; until then the processor waits in the middle of a batch."""
    go = threading.Event()
    yield go
    go.set()


def test_a_city_whose_sensors_have_not_written_yet_is_tried_again(node: Node, account: Account) -> None:
    world = World(stop=Waits())
    node.database().parent.mkdir(parents=True, exist_ok=True)
    reports = passes(node.settings(account, every=30), world, Silent())
    assert next(reports).exit_code == 2
    databases.create(node.database(), readings(20))
    assert next(reports).taken.rows == 20


def test_a_signal_ends_the_run_after_the_batch_in_hand(node: Node, strict: StrictCosmos, held: threading.Event) -> None:
    databases.create(node.database(), readings(100))
    arrived = threading.Event()

    def plan(request: object) -> None:
        if getattr(request, "batch_number", -1) == 0:
            arrived.set()
            held.wait(60)

    strict.plan = plan
    with processor.started(node, strict.account, every="1h") as process:
        assert arrived.wait(60)
        process.send_signal(signal.SIGTERM)
        held.set()
        done = processor.ended(process)
    assert done.code == 0, done.errors
    assert [report["rowsRead"] for report in done.reports] == [20]
    assert {item["rowId"] for item in stored(strict.account).values()} == set(range(1, 21))
    strict.plan = Plan()
    again = processor.run(node, strict.account)
    assert (again.code, again.reports[0]["rowsRead"]) == (0, 80)
    assert oracle.once(oracle.archived(node.archive)) == set(oracle.table(node.database()))


def test_a_signal_between_passes_ends_the_run_at_once(node: Node, account: Account) -> None:
    databases.create(node.database(), readings(20))
    with processor.started(node, account, every="1h") as process:
        assert process.stdout is not None
        assert '"outcome":"complete"' in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert processor.ended(process).code == 0


def test_a_city_is_found_by_its_label_and_its_documents_have_the_folders_name(tmp_path: Path, account: Account) -> None:
    node = Node(tmp_path, city="Denver")
    databases.create(node.database(), readings(5))
    (report,) = passes(node.settings(account).model_copy(update={"city": "denver"}), World(), Silent())
    assert (report.city, report.exit_code) == ("Denver", 0)
    assert {document["city"] for document in stored(account).values()} == {"Denver"}
    assert node.checkpoint.exists()


def test_nodes_that_share_a_host_have_names_of_their_own(node: Node, account: Account) -> None:
    both = [node.settings(account, node_folder=folder) for folder in ("denver-1", "denver-2")]
    names = [node_name(each) for each in both]
    assert [name.rpartition("/")[2] for name in names] == ["denver-1", "denver-2"]
    assert node_name(node.settings(account)) == names[0].rpartition("/")[0]


def test_starts_of_a_fleet_are_spread_and_each_nodes_is_its_own(node: Node, account: Account) -> None:
    fleet = [node.settings(account, node_folder=f"n{n}", start_delay=60) for n in range(200)]
    delays = [start_delay_s(each) for each in fleet]
    assert delays == [start_delay_s(each) for each in fleet]
    assert 0 <= min(delays) < 5
    assert 55 < max(delays) <= 60
    assert 25 < sum(delays) / len(delays) < 35


def test_a_run_that_is_stopped_while_it_waits_to_start_does_nothing(node: Node, account: Account) -> None:
    databases.create(node.database(), readings(5))
    waited = []

    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waited.append(timeout)
            return True

    chosen = node.settings(account, every=1, start_delay=60)
    assert list(passes(chosen, World(stop=Stop()), Silent())) == []
    assert waited == [start_delay_s(chosen)]
    assert not node.state.exists()
