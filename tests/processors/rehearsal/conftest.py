"""Cities that nobody has tuned a plan on."""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from processors.cosmos import Account
from tests.harness import databases
from tests.harness.node import Node
from tests.harness.strict import StrictCosmos

SEED = "PLAN_SEED"
"""Environment variable that repeats a draw."""


@pytest.fixture(scope="session")
def seed() -> int:
    """Drawn for this session, and printed, so that what fails can be repeated."""
    drawn = int(os.environ.get(SEED) or secrets.randbelow(10**9))
    print(f"\n{SEED}={drawn}")  # noqa: T201 - told with what fails
    return drawn


@dataclass
class Box:
    """A database, and who writes to it."""

    path: Path
    sensors: list[str]
    step_s: float
    rows: int = 0


@dataclass
class Town:
    """A city that was drawn.

    Attributes:
        node: Its data.
        settings: Of a run.
        dice: Of what comes later.
        boxes: Its databases.
        texts: That each row has.
        late: Whether rows come in another order than that of their time.
    """

    node: Node
    settings: dict[str, Any]
    dice: random.Random
    boxes: list[Box]
    texts: dict[str, str]
    late: bool

    def grow(self, rows: int) -> None:
        """So many documents more of each database, about: some rows are late, some wild, some of them no readings."""
        rows *= 1 + self.settings.get("bucket_rows", 1) // 10
        for box in self.boxes:
            begin = databases.START + timedelta(seconds=box.step_s * box.rows)
            made = databases.readings(
                rows,
                seed=self.dice.randrange(10**6),
                sensors=box.sensors,
                step_s=box.step_s,
                start=begin,
                **self.texts,
            )
            box.rows += rows
            for row in made:
                if self.dice.random() < 0.01:
                    row["temperature"] = self.dice.choice([-400.0, 95.0, None])
                if self.dice.random() < 0.005:
                    row["timestamp"] = "yesterday"
            if self.late:
                late = self.dice.sample(range(rows), rows // 50)
                for one, other in zip(late[::2], late[1::2], strict=False):
                    made[one]["timestamp"], made[other]["timestamp"] = made[other]["timestamp"], made[one]["timestamp"]
            if box.path.exists():
                databases.append(box.path, made)
            else:
                databases.create(box.path, made)


def town(root: Path, seed: str) -> Town:
    """Sensors, rates, pages, texts and forms by chance."""
    dice = random.Random(seed)
    node = Node(root)
    form: dict[str, Any] = dice.choice(
        [
            {},
            {"stage": "raw"},
            {"stage": "schematized"},
            {"stage": "aggregated"},
            {"bucket_rows": dice.randint(2, 40)},
            {"bucket_rows": dice.randint(2, 40), "descriptions": "once"},
            {"send": "changes", "dead_band": {"temperatureC": 1.0}, "swinging_door": {"pressurePa": 100.0}},
        ]
    )
    boxes = [
        Box(
            node.database(f"box{number}"),
            [f"s{number}-{index}" for index in range(dice.randint(1, 4))],
            60.0 if form.get("stage") == "aggregated" else dice.choice([0.5, 3.0, 20.0, 60.0]),
        )
        for number in range(dice.randint(1, 4))
    ]
    texts = {
        "location": "x" * dice.randint(1, 900),
        "manufacturer": "ü" * dice.randint(0, 300),
        "serial_number": "".join(dice.choices("abcdef", k=dice.randint(1, 60))),
    }
    settings = {"page_rows": dice.choice([150, 700, 5_000, 20_000]), **form}
    return Town(node, settings, dice, boxes, texts, dice.random() < 0.5)


@pytest.fixture(params=range(5))
def drawn(request: pytest.FixtureRequest, seed: int, tmp_path: Path) -> Town:
    """One of five cities."""
    return town(tmp_path / "town", f"{seed} {request.param}")


@pytest.fixture
def charging(account: Account, seed: int) -> Iterator[StrictCosmos]:
    """An account whose charges were drawn, too."""
    with StrictCosmos(account, seed=seed) as service:
        yield service
