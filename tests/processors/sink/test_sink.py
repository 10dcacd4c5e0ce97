"""What is written is what is there, in each container and however it comes; runs; the opening and the end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from processors.cosmos import Account
from processors.errors import SinkError
from processors.model import Documents, Written
from processors.sink import open_sink
from tests.harness.sinks import by_id, group, stored, write
from tests.harness.strict import Answer, Exchange, StrictCosmos
from tests.harness.strict.faults import refuse_operations


def test_what_was_written_is_read_back_as_it_was(account: Account) -> None:
    groups = [group(250), group(3, "s2", text='ü "€" 😀 \\ \n'), group(1, "s/3?#")]
    written = write(account, *groups)
    assert (written.documents, written.request_units, written.refused) == (254, None, ())
    assert stored(account) == by_id(*groups)


def test_writing_again_leaves_the_same_documents(account: Account) -> None:
    with open_sink(account) as sink:
        sink.write("readings", [group(10)])
        assert sink.write("readings", [group(12, text="new")]).documents == 12
    assert stored(account) == by_id(group(12, text="new"))


def test_each_container_gets_its_own(account: Account) -> None:
    with open_sink(account) as sink:
        sink.write("aggregates", [group(2, "s1")])
        sink.write("anomalies", [group(1, "s2")])
    assert stored(account, "aggregates") == by_id(group(2, "s1"))
    assert stored(account, "anomalies") == by_id(group(1, "s2"))
    assert stored(account) == {}


def test_a_sink_knows_the_indexing_policies(account: Account) -> None:
    with open_sink(account) as sink:
        assert sink.policies.keys() == {"readings", "aggregates", "anomalies", "runs"}
        assert len(set(sink.policies.values())) == 4


def test_documents_are_built_as_places_become_free(strict: StrictCosmos) -> None:
    pulled = 0
    sent: list[int] = []
    ahead: list[int] = []

    def lazily() -> Iterator[Documents]:
        nonlocal pulled
        for number in range(100):
            pulled += 1
            yield group(1, f"s{number}")

    def plan(request: Exchange) -> Answer | None:
        if request.batch_number >= 0:
            before = pulled
            sent.append(request.batch_number)
            ahead.append(before - len(sent))
        return None

    strict.plan = plan
    with open_sink(strict.account) as sink:
        assert sink.write("readings", lazily()).documents == 100
    assert max(ahead) <= 16


def test_an_error_of_the_documents_own_ends_the_write(account: Account) -> None:
    def broken() -> Iterator[Documents]:
        yield group(1)
        raise LookupError("no more")

    with open_sink(account) as sink:
        with pytest.raises(LookupError, match="no more"):
            sink.write("readings", broken())
        assert sink.write("readings", [group(2)]).documents == 2


def test_nothing_to_write_is_written_without_a_request(strict: StrictCosmos) -> None:
    assert write(strict.account) == Written()
    assert strict.batches == []


def test_a_run_is_put_among_the_runs(account: Account) -> None:
    run = {"id": "run-1", "city": "denver", "startedAt": "2026-11-22T04:55:00Z", "counts": {"read": 3}}
    with open_sink(account) as sink:
        sink.put_run(run)
        sink.put_run({**run, "counts": {"read": 4}})
    assert stored(account, "runs") == {"run-1": {**run, "counts": {"read": 4}}}


def test_a_run_that_is_refused_is_an_error(strict: StrictCosmos) -> None:
    strict.plan = refuse_operations({"run-1": 400})
    with open_sink(strict.account) as sink, pytest.raises(SinkError, match="write the run: run-1: 400"):
        sink.put_run({"id": "run-1", "city": "denver"})


def test_a_sink_that_was_used_and_closed_leaves_nothing_on_stderr(account: Account) -> None:
    script = f"""
from processors.cosmos import Account
from processors.model import Documents
from processors.sink import open_sink
item = {{"id": "1", "city": "denver", "sensorId": "s1", "month": "2026-11"}}
with open_sink(Account({account.endpoint!r}, "", {account.database!r})) as sink:
    print(sink.write("readings", [Documents(("denver", "s1", "2026-11"), [item], [70])]).documents)
"""
    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_a_world_that_is_not_ready_is_told_before_anything_is_read(account: Account) -> None:
    elsewhere = Account(account.endpoint, "", "nowhere")
    with pytest.raises(SinkError, match="nowhere"), open_sink(elsewhere):
        pytest.fail("the sink opened")
