"""What is done to a node, drawn by seed: some runs with faults, then a clean one."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.chaos.faults import FAULTS

MOST_RUNS = 3
MOST_FAULTS = 3

_BUCKETS = (1, 1, 7, 60)
"""Readings of a document, drawn apart from all else."""

_STRIDE = 16
"""From the fault that leads a run to the one that leads the run before it."""

_ONE_OF = ("killed ", "source ", "archive ")
"""Beginnings of names of which a run has one at most: the others would not be seen, or be in each other's way."""

_NOT_FIRST = "checkpoint "
"""Beginning of names of faults that need a run before theirs."""


@dataclass(frozen=True)
class Plan:
    """One history of a node.

    Attributes:
        seed: All else follows from it, also what the faults draw.
        sensors: Databases of the node.
        page_rows: Rows of a batch.
        first_rows: Rows that each sensor has before the first run.
        runs: Names of the faults of each run before the clean one.
        bucket_rows: Readings of a document.
    """

    seed: int
    sensors: int
    page_rows: int
    first_rows: int
    runs: tuple[tuple[str, ...], ...]
    bucket_rows: int = 1

    def __str__(self) -> str:
        runs = "; ".join(", ".join(names) for names in self.runs)
        sizes = f"pages of {self.page_rows}, buckets of {self.bucket_rows}"
        return f"seed {self.seed} ({self.sensors} sensors, {sizes}): {runs}"


def draw(seed: int, names: tuple[str, ...] = tuple(FAULTS)) -> Plan:
    """The plan of a seed. Each run is led by a fault: over seeds in a row all have their turn."""
    dice = random.Random(seed)
    leading = names[seed % len(names)]
    fewest = 2 if leading.startswith(_NOT_FIRST) else 1
    count = dice.randint(fewest, MOST_RUNS)
    runs = [_led(names[(seed + _STRIDE * later) % len(names)], dice, names) for later in reversed(range(count))]
    bucket_rows = random.Random(f"{seed} buckets").choice(_BUCKETS)
    return Plan(seed, dice.randint(1, 3), dice.randint(6, 40), dice.randint(20, 90), tuple(runs), bucket_rows)


def _led(leading: str, dice: random.Random, names: tuple[str, ...]) -> tuple[str, ...]:
    """A run's faults: the one, and up to `MOST_FAULTS` more, of which some may give way to it."""
    others = dice.sample(names, dice.randint(0, min(MOST_FAULTS, len(names))))
    return apart((leading, *(name for name in others if name != leading)))


def apart(names: tuple[str, ...]) -> tuple[str, ...]:
    """The faults without those that another of them would hide or hinder in the same run."""
    for start in _ONE_OF:
        alike = [name for name in names if name.startswith(start)]
        names = tuple(name for name in names if name not in alike[1:])
    return names
