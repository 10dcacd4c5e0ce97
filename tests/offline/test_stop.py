"""A signal ends a run within seconds, whatever Cosmos does; what was in hand is given up, and nothing is lost."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from processors.cosmos import Account
from tests.harness import databases, oracle, processor
from tests.harness.databases import readings
from tests.harness.node import Node
from tests.harness.strict import Answer, Exchange, StrictCosmos

ROWS = 6_000


@pytest.fixture
def node(tmp_path: Path) -> Node:
    node = Node(tmp_path)
    databases.create(node.database(), readings(ROWS, step_s=0.5))
    return node


@pytest.mark.parametrize(("every", "code"), [(None, 130), ("1h", 0)])
def test_in_the_middle_of_a_page_that_takes_minutes(
    node: Node, strict: StrictCosmos, every: str | None, code: int
) -> None:
    """6,000 documents of some 6 RU at 400 RU/s; few of them are written after the signal."""
    strict.throughput = 400.0
    written = threading.Event()

    def plan(exchange: Exchange) -> None:
        if exchange.batch_number == 10:
            written.set()

    strict.plan = plan
    with processor.started(node, strict.account, every=every, page_rows=ROWS) as process:
        assert written.wait(processor.ENDS_S)
        before = taken(strict)
        process.send_signal(signal.SIGTERM)
        done = processor.ended(process)
    assert done.code == code, done.errors
    (report,) = done.reports
    assert (report["outcome"], report["rowsRead"], report["backlogRows"]) == ("interrupted", 0, ROWS)
    assert 0 < taken(strict) - before < ROWS / 4
    assert oracle.archived(node.archive).total() == 0
    runs = oracle.documents(strict.account, "runs")
    assert [run["outcome"] for run in runs.values()] == ["interrupted"]

    strict.throughput = None
    again = processor.run(node, strict.account, page_rows=2_000)
    assert (again.code, again.reports[0]["rowsRead"]) == (0, ROWS)
    stored = oracle.documents(strict.account, "readings")
    facts = set(oracle.table(node.database()))
    assert oracle.once(oracle.stated(stored.values())) == oracle.once(oracle.archived(node.archive)) == facts


def taken(strict: StrictCosmos) -> int:
    """Documents of batches that were written."""
    return sum(len(batch.ids) for batch in strict.batches if batch.status == 200)


def test_while_no_batch_is_answered(node: Node, strict: StrictCosmos) -> None:
    arrived, never = threading.Event(), threading.Event()

    def plan(exchange: Exchange) -> Answer | None:
        if exchange.batch_number < 0:
            return None
        arrived.set()
        return Answer(delivery="silence", hold=never)

    strict.plan = plan
    with processor.started(node, strict.account, every="1h") as process:
        assert arrived.wait(processor.ENDS_S)
        process.send_signal(signal.SIGTERM)
        done = processor.ended(process)
    never.set()
    assert (done.code, [report["outcome"] for report in done.reports]) == (0, ["interrupted"]), done.errors
    assert done.errors == ""


@pytest.fixture
def silent(account: Account) -> Iterator[tuple[Account, socket.socket]]:
    """An account that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield replace(account, endpoint=f"http://127.0.0.1:{server.getsockname()[1]}"), server


def test_while_it_connects(node: Node, silent: tuple[Account, socket.socket]) -> None:
    account, server = silent
    with processor.started(node, account, every="1h") as process:
        server.settimeout(processor.ENDS_S)
        connection, _ = server.accept()
        with connection:
            process.send_signal(signal.SIGTERM)
            done = processor.ended(process)
    assert (done.code, [report["outcome"] for report in done.reports]) == (0, ["interrupted"]), done.errors
    assert done.errors == ""
