"""Of a bucket that is refused, the reading at fault is a reject and no other."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.harness import databases, oracle
from tests.harness.bucketed import Refusing, joined
from tests.harness.databases import START, readings
from tests.harness.node import Node


@pytest.mark.parametrize("page_rows", [7, 100])
@pytest.mark.parametrize("form", [{"bucket_rows": 30}, {}], ids=["buckets", "alone"])
def test_of_a_refused_bucket_only_the_reading_at_fault_is_a_reject(
    tmp_path: Path, form: dict[str, Any], page_rows: int
) -> None:
    node = Node(tmp_path, memory=Refusing({3, 40, 41, 80}))
    databases.create(node.database(), readings(100))
    taken = node.run(page_rows=page_rows, **form)
    rejects = oracle.rejects(node.archive)
    assert {(reject["rowId"], *reject["rules"], *reject["odd"]) for reject in rejects} == {
        (number, "accepted_by_cosmos_400", "not that") for number in (3, 40, 41, 80)
    }
    assert len(rejects) == taken.rejected == 4
    assert {item["rowId"] for item in joined(node).values()} == set(range(1, 101)) - {3, 40, 41, 80}
    own = {reject["row"] for reject in rejects}
    assert all(f'-{number}"' in " ".join(own) for number in (3, 40, 41, 80))


def test_a_refused_reading_that_waits_is_told_of_and_is_a_reject_once_its_bucket_leaves(tmp_path: Path) -> None:
    node = Node(tmp_path, memory=Refusing({5}))
    databases.create(node.database(), readings(20))
    taken = node.run(bucket_rows=30)
    assert taken.notices == ("s1: row 5 waits for its bucket, and Cosmos will not take it: 400: not that",)
    assert not oracle.rejects(node.archive)
    databases.append(node.database(), readings(20, seed=2, start=START + timedelta(days=1)))
    node.run(bucket_rows=30)
    assert [reject["rowId"] for reject in oracle.rejects(node.archive)] == [5]
    assert {item["rowId"] for item in joined(node).values()} == set(range(1, 41)) - {5}
