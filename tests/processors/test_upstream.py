"""A database that the public simulator wrote goes through as it is."""

from __future__ import annotations

import gzip
from pathlib import Path
from statistics import mean

import pytest

from processors.cosmos import Account
from tests.harness import oracle, processor
from tests.harness.node import Node

UPSTREAM = Path(__file__).resolve().parents[3] / "shared" / "data" / "boston.db.gz"


def test_a_database_of_the_public_simulator_goes_through(tmp_path: Path, account: Account) -> None:
    if not UPSTREAM.is_file():
        pytest.skip(f"NOT TESTED against the upstream simulator: {UPSTREAM} is missing")
    node = Node(tmp_path, city="Boston")
    path = node.database("SENSOR_MA_BOS_0417")
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.decompress(UPSTREAM.read_bytes()))
    ended = processor.run(node, account, page_rows=700)
    assert ended.code == 0, ended.errors
    documents = oracle.documents(account, "readings")
    assert len(documents) == 2_000
    assert {document["rowId"] for document in documents.values()} == oracle.row_ids(path)
    assert mean(document["pressurePa"] for document in documents.values()) == pytest.approx(101_325, rel=0.01)
    assert oracle.once(oracle.stated(documents.values())) == set(oracle.table(path))
    assert oracle.once(oracle.archived(node.archive)) == set(oracle.table(path))
