"""Nodes that die in the middle: nothing is lost and nothing is doubled."""

from __future__ import annotations

import json

import pytest

from tests.harness import oracle
from tests.harness.databases import readings
from tests.harness.fleet import ENDS_S, Fleet, until

pytestmark = pytest.mark.network

ROWS = 40_000


@pytest.mark.parametrize("containers", [True, False], ids=["with its container", "alone"])
def test_a_node_that_dies_in_the_middle_and_comes_back_loses_and_doubles_nothing(
    fleet: Fleet, containers: bool
) -> None:
    own = fleet.write("denver-1", "Denver", "a", readings(ROWS, sensors=("a",)))
    other = fleet.write("denver-2", "Denver", "b", readings(300, seed=2, sensors=("b",)))
    with fleet.submitted("--city", "denver", "--set", "page_rows=200", "--deadline", "3m") as process:
        until(lambda: len(fleet.documents()) > 2_000, "a part of the rows to arrive")
        fleet.kill("denver-1", containers=containers)
        assert len(fleet.documents()) < ROWS
        fleet.bring_back("denver-1")
        output, errors = process.communicate(timeout=ENDS_S)
    told = json.loads(output)["jobs"][0]["nodes"]
    assert {node["node"]: node["exitCode"] for node in told}["denver-2"] == 0, errors
    if containers:
        assert process.returncode == 5, (output, errors)
    until(lambda: not fleet.containers("denver-1"), "what the killed node had started to end")
    again = fleet.submit("--city", "denver").document
    assert again["exitCode"] == 0
    assert fleet.stated() == oracle.table(own) + oracle.table(other)
    assert oracle.archived(fleet.node("denver-1") / "archive") == oracle.table(own)
    assert fleet.submit("--city", "denver", "--spec", "verify").document["exitCode"] == 0
