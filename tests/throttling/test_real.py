"""Real processes against a container of 400 RU/s, with far more to write than it takes."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from processors.cosmos import Account
from tests.harness import databases, oracle, processor
from tests.harness.databases import readings
from tests.harness.node import Node
from tests.harness.strict import Exchange, StrictCosmos

RU_PER_S = 400.0
GOODPUT = 0.9
THROTTLED = 0.05

ONE_SETTLED_S, ONE_MEASURED_S = 5.0, 15.0
"""A process by itself has no share to find; the simulation has it at the limit after 3 s."""

SETTLED_S = 20.0
"""As long as processes need to agree on their shares (docs/decisions/0016)."""

MEASURED_S = 24.0


@pytest.fixture
def strict(account: Account) -> Iterator[StrictCosmos]:
    with StrictCosmos(account, seed=5, throughput=RU_PER_S) as service:
        yield service


def node(root: Path, number: int, rows: int) -> Node:
    made = Node(root / str(number))
    databases.create(made.database(f"box{number}"), readings(rows, seed=number, sensors=(f"s{number}",)))
    return made


def measured(nodes: Sequence[Node], strict: StrictCosmos, settled_s: float, measured_s: float) -> list[Exchange]:
    """Requests to the container of readings, once the processes have settled; then they are stopped."""
    with ExitStack() as stack:
        processes = [stack.enter_context(processor.started(each, strict.account, page_rows=20_000)) for each in nodes]
        while len({request.ids[0].split("-")[0] for request in strict.batches}) < len(nodes):
            threading.Event().wait(0.1)
        start = strict.batches[-1].began_s + settled_s
        while strict.batches[-1].began_s < start + measured_s:
            assert all(process.poll() is None for process in processes)
            threading.Event().wait(0.1)
        for process in processes:
            process.send_signal(signal.SIGTERM)
        codes = [processor.ended(process).code for process in processes]
        assert codes == [130] * len(nodes)
    return [
        request
        for request in strict.batches
        if request.container == "readings" and start <= request.began_s < start + measured_s
    ]


def spent(requests: Sequence[Exchange]) -> float:
    return sum(request.charge for request in requests if request.status == 200)


def assert_whole(nodes: Sequence[Node], strict: StrictCosmos) -> None:
    """After a run without limits each row is there once."""
    strict.throughput = None
    for each in nodes:
        assert processor.run(each, strict.account, page_rows=20_000).code == 0
    stored = oracle.documents(strict.account, "readings")
    expected = set().union(*(oracle.once(oracle.table(path)) for each in nodes for path in each.data.rglob("*.db")))
    assert oracle.once(oracle.stated(stored.values())) == expected


def test_one_process_uses_what_it_is_allowed(tmp_path: Path, strict: StrictCosmos) -> None:
    nodes = [node(tmp_path, 0, 4_000)]
    requests = measured(nodes, strict, ONE_SETTLED_S, ONE_MEASURED_S)
    assert spent(requests) >= GOODPUT * RU_PER_S * ONE_MEASURED_S
    assert sum(request.status == 429 for request in requests) < THROTTLED * len(requests)
    assert_whole(nodes, strict)


def test_four_processes_share_and_none_starves(tmp_path: Path, strict: StrictCosmos) -> None:
    nodes = [node(tmp_path, number, 2_000) for number in range(4)]
    requests = measured(nodes, strict, SETTLED_S, MEASURED_S)
    assert spent(requests) >= GOODPUT * RU_PER_S * MEASURED_S
    assert sum(request.status == 429 for request in requests) < THROTTLED * len(requests)
    own = [spent([request for request in requests if (request.key or [""])[1] == f"s{number}"]) for number in range(4)]
    assert min(own) >= 0.4 * sum(own) / 4
    assert_whole(nodes, strict)
