"""Hostile values in every column: each row is a document that says what the row says, or a reject with its reasons."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from processors.city import Silent, World, passes
from processors.cosmos import Account
from processors.verify import verify
from tests.fuzz import hostile, seen
from tests.fuzz.guard import drawn, ends
from tests.harness import oracle
from tests.harness.node import Node

EXAMPLES = 8

cases = st.fixed_dictionaries(
    {
        "rows": hostile.tables,
        "encoding": st.sampled_from(["UTF-8", "UTF-8", "UTF-16le", "UTF-16be"]),
        "typed": st.booleans(),
        "pages": st.sampled_from([(100, 12), (12, 100), (100, 100), (9, 14)]),
        "runs": st.integers(1, 2),
    }
)


def taken_in(root: Path, case: dict[str, Any], pages: int, runs: int) -> Node:
    """The rows, written in as many parts as there are runs."""
    node, rows = Node(root), case["rows"]
    step = -(-len(rows) // runs)
    hostile.create(node.database(), rows[:step], encoding=case["encoding"], typed=case["typed"])
    for start in range(step, len(rows) + step, step):
        with ends():
            node.run(page_rows=pages, stage="schematized")
        with closing(sqlite3.connect(node.database())) as connection, connection:
            hostile.append(connection, rows[start : start + step])
    return node


def check(root: Path, case: dict[str, Any]) -> None:
    shutil.rmtree(root, ignore_errors=True)
    whole = taken_in(root / "whole", case, case["pages"][0], 1)
    rejects = seen.rejects(whole.archive)
    readings = whole.memory.contents["readings"]
    shown = seen.seen(whole.database())
    assert shown.whole
    seen.check_readings(readings.values(), shown)
    seen.check_rejects(rejects, shown)
    seen.check_nothing_lost(readings.values(), rejects, shown)
    seen.check_aggregates(whole.memory.contents)
    split = taken_in(root / "split", case, case["pages"][1], case["runs"])
    assert split.memory.contents == whole.memory.contents
    assert seen.rejects(split.archive) == rejects
    assert oracle.archived(split.archive) == oracle.archived(whole.archive)


def test_every_row_is_a_document_or_a_reject_whatever_the_batches(tmp_path: Path) -> None:
    drawn(cases, lambda case: check(tmp_path / "case", case), count=EXAMPLES)


def test_the_service_takes_what_the_rows_say_and_verify_agrees(tmp_path: Path, account: Account) -> None:
    def send(rows: list[dict[str, Any]]) -> None:
        node = Node(tmp_path)
        hostile.create(node.database(), rows)
        chosen = node.settings(account, stage="schematized")
        (report,) = passes(chosen, World(), Silent())
        assert (report.exit_code, report.taken.rows) == (0, len(rows)), report.errors
        documents = oracle.documents(account, "readings").values()
        rejects = seen.rejects(node.archive)
        shown = seen.seen(node.database())
        seen.check_readings(documents, shown)
        seen.check_rejects(rejects, shown)
        seen.check_nothing_lost(documents, rejects, shown)
        verified = verify(chosen, World())
        assert (verified.exit_code, verified.errors, verified.found) == (0, [], {})

    drawn(st.lists(hostile.row(), min_size=150, max_size=150), send, count=1)


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
@pytest.mark.parametrize("stage", ["raw", "sanitized"])
def test_a_megabyte_in_any_column(tmp_path: Path, account: Account, stage: str) -> None:
    """What is more than an item may have is a reject of its own, and the run goes on."""
    plain = {"timestamp": "2026-11-22T04:00:00Z", "sensor_id": "s1", "temperature": 20.5}
    long = [
        "x" * hostile.MEGABYTE,
        "\u202e" * (hostile.MEGABYTE // 3),
        "\0" * (hostile.MEGABYTE // 6),
        "7" * hostile.MEGABYTE,
    ]
    names = ["timestamp", "sensor_id", "temperature", "status_code", "model", "original_timezone", "extra"]
    rows = [{**plain, name: long[number % len(long)]} for number, name in enumerate(names)]
    large = {**plain, "model": long[0], "location": long[1], "serial_number": long[0]}
    node = Node(tmp_path)
    hostile.create(node.database(), [*rows, large, plain])
    with ends():
        (report,) = passes(node.settings(account, stage=stage), World(), Silent())
    assert (report.exit_code, report.taken.rows, report.taken.rejected) == (0, 9, 5), report.errors
    assert {rule: rows for rule, rows in report.taken.rejects.items() if rows} == {
        "accepted_by_cosmos_413": 1,
        "timestamp_readable": 1,
        "sensor_id_within_1024_bytes": 1,
        "temperature_is_a_number": 1,
        "status_code_is_a_number": 1,
    }
    documents = oracle.documents(account, "readings").values()
    assert {item["rowId"] for item in documents} == {5, 6, 7, 9}


def attempt(seed: int, folder: Path) -> str:
    drawn(cases, lambda case: check(folder / "case", case), count=4, by=seed)
    return "taken in"


SUBJECTS = {"hostile text": attempt}
