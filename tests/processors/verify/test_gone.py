"""Runs of row ids against plain sets of them."""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl
import pytest

from processors.archive import Archive
from processors.manifest import Manifest
from processors.model import BEFORE_FIRST, Database
from processors.verify import gone as module
from processors.verify.gone import Gone


def manifest(after: int, last_id: int, left: list[list[int]] | None, stage: str = "raw") -> Manifest:
    return Manifest("g", after, last_id, 0, 0, (), (), stage=stage, left=left)


@pytest.mark.parametrize("number", range(30))
def test_runs_in_any_order_are_the_ids_in_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    dice = random.Random(number)
    monkeypatch.setattr(module, "_BLOCK", dice.choice([1, 3, 1_000]))
    gone, expected = Gone(), set()
    archive = Archive(tmp_path, Database("c", "s", tmp_path))
    for batch in range(dice.randint(1, 12)):
        after, last_id = batch * 10, batch * 10 + 10
        if dice.random() < 0.3:
            stage = dice.choice(["raw", "aggregated"])
            gone.add(manifest(after, last_id, None, stage), archive)
            expected |= set(range(after + 1, last_id + 1)) if stage == "raw" else set()
            continue
        ends = [sorted(dice.choices(range(-5, last_id + 1), k=2)) for _ in range(dice.randint(0, 6))]
        gone.add(manifest(after, last_id, [list(pair) for pair in ends]), archive)
        for first, last in ends:
            expected |= set(range(first, last + 1))
    asked = pl.Series(sorted(dice.sample(range(-9, 130), 70)))
    assert gone.has(asked).to_list() == [row_id in expected for row_id in asked]


def test_a_batch_counts_once_and_the_least_id_is_an_id(tmp_path: Path) -> None:
    gone = Gone()
    archive = Archive(tmp_path, Database("c", "s", tmp_path))
    assert gone.has(pl.Series([1])).to_list() == [False]
    gone.add(manifest(BEFORE_FIRST, 5, None), archive)
    gone.add(manifest(BEFORE_FIRST, 50, None), archive)
    assert gone.has(pl.Series([BEFORE_FIRST + 1, 5, 6])).to_list() == [True, True, False]
