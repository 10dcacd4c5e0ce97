"""Readings in buckets: the same whatever pages, runs, kills and forms there were; none lost, none doubled."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from processors.manifest import Manifest
from tests.harness import databases, oracle
from tests.harness.bucketed import FORMS, arrived, joined, manifests, mixed
from tests.harness.databases import readings
from tests.harness.killed import POINTS, killed
from tests.harness.node import Node


@pytest.mark.parametrize("seed", range(6))
def test_any_pages_any_runs_and_any_kills_give_the_same(tmp_path: Path, seed: int) -> None:
    """Also when what waits is shown or not, and when the checkpoint is lost between two runs."""
    dice = random.Random(seed)
    form = FORMS[1 + seed]
    rows = mixed(160, seed)
    whole, parts = Node(tmp_path / "whole"), Node(tmp_path / "parts")
    databases.create(whole.database(), rows)
    whole.run(page_rows=1000, **form)
    databases.create(parts.database())
    taken = 0
    while taken < len(rows):
        step = dice.choice([1, 5, 40])
        databases.append(parts.database(), rows[taken : taken + step])
        taken += step
        for _ in range(dice.randrange(3)):
            if dice.random() < 0.2:
                parts.forget()
            with killed(*dice.choice(POINTS), dice.randint(1, 4), before=dice.random() < 0.5):
                parts.run(page_rows=dice.choice([7, 25, 64]), shows=dice.random() < 0.5, **form)
    parts.run(**form)
    assert parts.memory.contents == whole.memory.contents
    assert parts.everything()[1:] == whole.everything()[1:]
    assert len(arrived(parts)) == len(rows) - 1


@pytest.mark.parametrize("seed", range(8))
def test_any_forms_one_after_another_lose_and_double_nothing(tmp_path: Path, seed: int) -> None:
    """Whatever is killed between."""
    dice = random.Random(f"forms {seed}")
    rows = mixed(140, seed)
    node = Node(tmp_path)
    databases.create(node.database())
    taken = 0
    while taken < len(rows):
        step = dice.choice([1, 9, 40])
        databases.append(node.database(), rows[taken : taken + step])
        taken += step
        for _ in range(dice.randrange(4)):
            with killed(*dice.choice(POINTS), dice.randint(1, 4), before=dice.random() < 0.5):
                node.run(page_rows=dice.choice([7, 25, 64]), shows=dice.random() < 0.5, **dice.choice(FORMS))
        if dice.random() < 0.15:
            node.run(shows=False)  # nothing is on its way: a checkpoint that is lost then is made again
            node.forget()
    node.run(**dice.choice(FORMS))
    assert len(arrived(node)) == len(rows) - 1


@pytest.mark.parametrize("other", [{}, {"bucket_rows": 7}, {"stage": "aggregated"}], ids=["alone", "7", "aggregated"])
@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("point", POINTS, ids=[f"{owner.__name__}.{name}" for owner, name in POINTS])
@pytest.mark.parametrize("call", [1, 2])
def test_a_change_of_form_after_a_kill(
    node: Node, other: dict[str, Any], point: tuple[type, str], before: bool, call: int
) -> None:
    rows = readings(90)
    databases.create(node.database(), rows[:25])
    node.run(bucket_rows=8)
    databases.append(node.database(), rows[25:])
    with killed(*point, call, before=before):
        node.run(bucket_rows=8)
    node.run(**other)
    kept = oracle.once(oracle.archived(node.archive))
    assert len(kept) == 90
    if "stage" not in other:
        assert node.facts() == kept
    sent = joined(node)
    left = {number for manifest in manifests(node) for number in ids_left(manifest, range(1, 91))}
    assert {item["rowId"] for item in sent.values()} >= left


def ids_left(manifest: Manifest, ids: range) -> set[int]:
    """Row ids that a manifest says have left, of a table of one sensor without rejects."""
    if manifest.left is not None:
        return {number for first, last in manifest.left for number in range(first, last + 1)}
    assert manifest.form is not None
    own = {number for number in ids if manifest.after < number <= manifest.last_id}
    return set() if manifest.form["stage"] == "aggregated" else own
