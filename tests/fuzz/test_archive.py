"""A damaged archive: the next runs mend it, or say what to restore; and no document is another or comes twice."""

from __future__ import annotations

import atexit
import random
import shutil
from copy import deepcopy
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from processors.errors import ProcessorError
from tests.fuzz import seen
from tests.fuzz.guard import ends, told
from tests.fuzz.mutate import mutated
from tests.harness import databases, oracle
from tests.harness.node import Node

ATTEMPTS = 30
PARTS = ("_manifests/**/*.json", "_rejects/**/*.jsonl", "city=*/**/*.parquet")

ROWS = databases.readings(125, sensors=("s1", "s2"), step_s=40.0)
for _number in (7, 30, 70, 99, 110):
    ROWS[_number]["timestamp"] = "soon"
TAKEN = 100


@cache
def nodes() -> tuple[Node, Node]:
    """One that has taken in a part of the rows, and one that has them all."""
    root = Path(mkdtemp(prefix="fuzz-"))
    atexit.register(shutil.rmtree, root)
    part, whole = Node(root / "part"), Node(root / "whole")
    databases.create(part.database(), ROWS[:TAKEN])
    part.run(page_rows=40)
    databases.append(part.database(), ROWS[TAKEN:])
    databases.create(whole.database(), ROWS)
    whole.run(page_rows=40)
    return part, whole


def attempt(seed: int, folder: Path) -> str:
    """One damaged file; the checkpoint is mostly lost too, so that the archive is read."""
    dice = random.Random(seed)
    part, whole = nodes()
    node = part.copy(folder)
    file = dice.choice(sorted(node.archive.glob(dice.choice(PARTS))))
    file.write_bytes(mutated(file.read_bytes(), dice))
    kind = "generation" if file.name == "generation.json" else file.suffix.removeprefix(".")
    if dice.random() < 0.8:
        node.forget()
    if dice.random() < 0.3:
        databases.execute(node.database(), f"DELETE FROM sensor_readings WHERE id <= {dice.randint(1, TAKEN)}")
        kind += ", rows gone"
    before = deepcopy(node.memory.contents)
    try:
        with ends():
            taken = node.run(page_rows=dice.choice([15, 40, 40, 200]))
    except ProcessorError as error:
        assert node.memory.contents == before, "something was sent"
        return f"{kind}: {told(error)}"
    assert taken.rows == len(ROWS) - TAKEN
    assert node.memory.contents == whole.memory.contents
    if not taken.notices:
        return f"{kind}: not read" if file.suffix != ".json" else f"{kind}: mended"
    assert oracle.once(oracle.archived(node.archive)) == whole.facts()
    if any("lost" in notice for notice in taken.notices):
        return f"{kind}: rejects lost"
    assert without_page(seen.rejects(node.archive)) == without_page(seen.rejects(whole.archive))
    return f"{kind}: repaired"


def without_page(rejects: list[Any]) -> list[dict[str, Any]]:
    """Which values of a page were odd names columns, and may depend on the page."""
    return [{name: reject[name] for name in ("rowId", "rules", "row")} for reject in rejects]


@pytest.mark.parametrize("first", range(0, ATTEMPTS, 15))
def test_a_damaged_archive_is_mended_or_told(first: int, tmp_path: Path) -> None:
    for seed in range(first, first + 15):
        attempt(seed, tmp_path / str(seed))


SUBJECTS = {"archive": attempt}
